/** The bytes of an action in Redis (SPEC §13): what is written is read, and what nobody of ours wrote is refused. */
import { actionOf, ephemeralBytes, readRung, readStored, storedBytes } from '../../lib/redis/stored.js';
import { encode, encodeEphemeral } from '../support/actions.js';
import { runSeed, withSeed } from '../support/random.js';

const doorbell = (bytes: Buffer, id: string, line = `1 e1 7 1764345600000 ${String(Buffer.byteLength(id))}`): Buffer =>
  Buffer.concat([Buffer.from(`${line}\n${id}`), bytes]);

test('an action is read as it was written, whatever its texts hold', () => {
  for (const text of ['', 'ä€😀', '"\\\n', ' 1 2\n', '\u2028']) {
    const { head, tail, action } = encode({ entityId: text, data: { text } });
    for (const transformed of [undefined, { head: `{"json":${head}`, tail: `${tail},"meta":"${text.length}€"}` }]) {
      const stored = readStored(storedBytes({ head, tail, ...(transformed && { transformed }) }));
      expect(stored).toEqual({ head, tail, transformed });
      const { data: _data, ...rest } = action;
      expect(actionOf(stored!, 'acme')).toEqual(rest);
      expect(actionOf(stored!, 'other')).toBeUndefined();
    }
  }
});

test('a doorbell and an ephemeral event are told apart, and read', () => {
  const stored = storedBytes(encode());
  expect(readRung(doorbell(stored, 'ä1'))).toEqual({ kind: 'action', epoch: 'e1', seq: 7, at: 1764345600000, id: 'ä1', bytes: stored });
  const event = encodeEphemeral('acme', 'tÿping', { a: '€' });
  expect(readRung(ephemeralBytes('n1', event))).toEqual({ kind: 'ephemeral', nodeId: 'n1', json: event.json, transformedJson: undefined });
  const transformedJson = `{"json":${event.json}}`;
  expect(readRung(ephemeralBytes('n1', { ...event, transformedJson }))).toEqual({ kind: 'ephemeral', nodeId: 'n1', json: event.json, transformedJson });
});

test.each([
  ['newer', '2 e1 7 1 2\nidx'],
  ['newer', '2e n1 2 0\n{}'],
  ['newer', '1x whatever\n'],
  ['foreign', ''],
  ['foreign', 'hello'],
  ['foreign', '\n'],
  ['foreign', '1 E1 7 1 2\nidx'],
  ['foreign', '1 e1 0 1 2\nidx'],
  ['foreign', '1 e1 07 1 2\nidx'],
  ['action', '1 e1 7 1 0\nx'],
  ['foreign', '1 e1 7 1 3\nidx'],
  ['foreign', '1 e1 7 1 2 3\nidx'],
  ['foreign', '1 e1 99999999999999999 1 2\nidx'],
  ['foreign', '1e n1 3 0\n{}'],
  ['foreign', '1e n1 0 0\n'],
  ['foreign', `1 ${'e'.repeat(200)} 7 1 2\nidx`],
])('%s: %j', (kind, text) => {
  expect(readRung(Buffer.from(text)).kind).toBe(kind);
});

test.each(['', '1 1 0 0', '1 1 0 0\na', '1 1 0 0\nabc', '0 1 0 0\nb', '1 0 0 0\na', '1 1 1 0\nabc', '1 1\nab', '-1 1 0 0\nab', '01 1 0 0\nab'])(
  'no action: %j',
  (text) => {
    expect(readStored(Buffer.from(text))).toBeUndefined();
  },
);

test('cut, doubled or changed bytes never throw, and are refused or another action', async () => {
  await withSeed(runSeed(), async (random) => {
    const whole = doorbell(storedBytes(encode()), 'a1');
    for (let i = 0; i < 2_000; i += 1) {
      const changed = Buffer.from(whole.subarray(0, random.below(whole.length + 1)));
      if (changed.length > 0) changed[random.below(changed.length)] = random.below(256);
      const rung = readRung(changed);
      const stored = rung.kind === 'action' ? readStored(rung.bytes) : undefined;
      if (stored) actionOf(stored, 'acme');
    }
  });
});
