// The TypeScript side of the native engine.
import { jest } from './tests.mjs';

export const slips = [
  {
    name: 'T95',
    file: 'lib/native/engine.ts',
    why: 'close(): questions that are under way never settle',
    find: 'for (const { closed } of pending) closed();',
    replace: '',
    equivalent: 'the engine answers every question before it answers the shutdown',
  },
  {
    name: 'T96',
    file: 'lib/native/engine.ts',
    why: 'the process is kept alive after the last answer',
    find: 'if (pending.keepsAlive && --this.#holds === 0) this.#hub.unref();',
    replace: '',
    tests: [jest('test/lifecycle/after-the-answer.test.ts', 'is answered the process ends by itself')],
  },
  {
    name: 'T97',
    file: 'lib/native/engine.ts',
    why: 'chunks under way when a sink became full are written all the same',
    find: 'if (entry.full) { entry.held.push(bytes); return; }',
    replace: '',
    tests: [jest('test/conformance/drain-close.test.ts', 'G8: in the middle of everything')],
  },
  {
    name: 'T99',
    file: 'lib/native/engine.ts',
    why: 'native duplicate not told',
    find: 'duplicate: code === 1 });',
    replace: 'duplicate: false });',
    tests: [jest('test/conformance/log.test.ts', 'SPEC §1: an id that is in the log is a duplicate: the first seq, nothing appended, nothing sent')],
  },
  {
    name: 'T94',
    file: 'lib/internal/connection-id.ts',
    why: 'a connection id of another hub ends a stream of this one',
    find: 'if (!connectionId.startsWith(`${hubId}-`)) return undefined;',
    replace: '',
    tests: [jest('test/conformance/stalls.test.ts', 'the id of a stream of another hub ends nobody')],
  },
  {
    name: 'T98',
    file: 'lib/native/engine.ts',
    why: 'what was on its way to a full sink is never reported as taken: its window leaks',
    find: 'entry.withheld += bytes.length; const hasRoom',
    replace: 'const hasRoom',
    tests: [jest('test/conformance/stalls.test.ts', 'a sink that is full while more is under way gets all of it, again and again')],
  },
];
