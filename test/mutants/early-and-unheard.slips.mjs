// What a hub tells, and whom a disconnect or a drain finds although the engine does not know it yet.
import { jest } from './tests.mjs';

export const slips = [
  {
    name: 'X30',
    file: 'lib/server/hand-over/handle.ts',
    why: 'closed never settles where the app answers with something else',
    find: "?.once('close', () => this.cancel());",
    replace: "?.once('close', () => undefined);",
    tests: [jest('test/regression/disconnected-early.test.ts', 'a resolver that makes a stream and does not return it')],
  },
  {
    name: 'X31',
    file: 'lib/server/hand-over/handle.ts',
    why: 'close() waits for a head that only its caller can bring about',
    find: "if (this.#state === 'waiting') this.#fate ??= reason; else",
    replace: "if (this.#state === 'waiting') { this.#fate ??= reason; await new Promise<void>((resolve) => this.#later.push(resolve)); } else",
    tests: [jest('test/regression/disconnected-early.test.ts', 'a resolver that makes a stream and does not return it')],
  },
  {
    name: 'X06',
    file: 'lib/server/teller.ts',
    why: 'a logger that writes nothing counts as one who hears',
    find: 'this.#fallbacks.findLast(({ logger }) => !isDeaf(logger))',
    replace: 'this.#fallbacks.findLast(({ logger }) => logger !== undefined)',
    tests: [jest('test/regression/unheard-failures.test.ts', 'an app of Fastify whose logger is')],
  },
  {
    name: 'X07',
    file: 'lib/internal/guarded.ts',
    why: 'an async logger or listener that rejects ends the process',
    find: 'void Promise.resolve(made as PromiseLike<unknown>).catch(failed);',
    replace: 'void made;',
    tests: [jest('test/regression/unheard-failures.test.ts', 'a logger or a listener that rejects ends nothing')],
  },
  {
    name: 'X08',
    file: 'lib/server/hand-over/handle.ts',
    why: 'a stream that was disconnected before its head opens all the same',
    find: 'return this.#fate === undefined ? own : { ...own, endsWith: this.#fate };',
    replace: 'return own;',
    tests: [jest('test/regression/disconnected-early.test.ts', 'before its head')],
  },
  {
    name: 'X09',
    file: 'lib/server/early-end.ts',
    why: 'a disconnect of another user ends who waits for a head',
    find: '(match.userId ?? who.userId) === who.userId &&',
    replace: '',
    tests: [jest('test/regression/disconnected-early.test.ts', 'before its head')],
  },
  {
    name: 'X10',
    file: 'lib/server/drop-in.ts',
    why: 'a subscriber asks a hub that drains to be let in, again and again',
    find: 'if (!opened) return undefined;',
    replace: 'if (!opened) await new Promise(setImmediate);',
    tests: [jest('test/regression/drop-in-gaps.test.ts', 'a drain ends a subscriber')],
  },
  {
    name: 'X11',
    file: 'lib/server/drop-in.ts',
    why: 'the missed actions of a hub that drains hide that the log does not reach back',
    find: 'return all.actions.length > 0 && seqOf(all.actions[0]) < seqOf(slice.actions[0]);',
    replace: 'return all.actions.length > 0;',
    tests: [jest('test/regression/drop-in-gaps.test.ts', 'while the hub drains, the missed actions are those of the log')],
  },
];
