/** Listeners: on a snapshot, each shielded from the others. */
import { Emitter } from '../../../lib/internal/emitter.js';

interface Events {
  a: number;
}

test('a listener that throws stops no other, and is reported', () => {
  const thrown: unknown[] = [];
  const emitter = new Emitter<Events>((error) => thrown.push(error));
  const got: number[] = [];
  emitter.on('a', () => {
    throw new Error('mine');
  });
  emitter.on('a', (n) => got.push(n));
  emitter.emit('a', 1);
  expect(got).toEqual([1]);
  expect(thrown).toHaveLength(1);
});

test('the same function twice is two listeners, each with its own end', () => {
  const emitter = new Emitter<Events>(() => undefined);
  let calls = 0;
  const listener = (): number => calls++;
  const stop = emitter.on('a', listener);
  emitter.on('a', listener);
  stop();
  stop();
  emitter.emit('a', 1);
  expect(calls).toBe(1);
});

test('who listens during a call hears the next one; who is stopped during a call still hears this one', () => {
  const emitter = new Emitter<Events>(() => undefined);
  const got: string[] = [];
  emitter.on('a', () => {
    got.push('first');
    emitter.on('a', () => got.push('late'));
    stop();
  });
  const stop = emitter.on('a', () => got.push('second'));
  emitter.emit('a', 1);
  expect(got).toEqual(['first', 'second']);
});

test('a reporter that throws harms nobody', () => {
  const emitter = new Emitter<Events>(() => {
    throw new Error('reporter');
  });
  emitter.on('a', () => {
    throw new Error('listener');
  });
  expect(() => emitter.emit('a', 1)).not.toThrow();
  emitter.clear();
});
