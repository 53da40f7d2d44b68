// What a worker says of itself: how far it is behind, to people, to Prometheus and to the doctor.
import { jest } from './tests.mjs';

const lag = (name) => jest('test/postgres/lag.test.ts', name);

export const slips = [
  {
    name: 'OP01',
    file: 'lib/postgres/worker/lag.ts',
    why: 'an idle database has a lag that grows',
    find: 'findIndex(({ lsn }) => lsn > acked)',
    replace: 'findIndex(({ lsn }) => lsn >= acked)',
    tests: [lag('no further than the log')],
  },
  {
    name: 'OP02',
    file: 'lib/postgres/worker/lag.ts',
    why: 'the age of a commit has the difference of the clocks in it',
    find: 'clock + this.#aheadMs - oldest',
    replace: 'clock - oldest',
    tests: [lag('by the clock of PostgreSQL')],
  },
  {
    name: 'OP03',
    file: 'lib/postgres/worker/lag.ts',
    why: 'what nobody has read is no lag',
    find: 'Math.max(0, read, unread)',
    replace: 'Math.max(0, read)',
    tests: [lag('was not read')],
  },
  {
    name: 'OP04',
    file: 'lib/postgres/worker/lag.ts',
    why: 'a worker that stands still for days keeps each look',
    find: 'else if (now - (last?.at ?? now) < this.#apartMs) return;',
    replace: '',
    tests: [lag('days without an answer')],
  },
  {
    name: 'OP05',
    file: 'lib/postgres/stream/intake.ts',
    why: 'a transaction that is being read is no lag until its last row',
    find: 'this.#openSince = this.#skips ? undefined : message.committedAt;',
    replace: 'this.#openSince = undefined;',
    tests: [lag('is being read')],
  },
  {
    name: 'OP06',
    file: 'lib/postgres/worker/sink.ts',
    why: 'actions are counted nowhere',
    find: 'this.actions++;',
    replace: '',
    tests: [jest('test/cli/cdc.test.ts', '--metrics: how it stands')],
  },
  {
    name: 'OP07',
    file: 'lib/postgres/series.ts',
    why: 'ms go out under a name that says seconds',
    find: 'lastDelayMs / 1_000',
    replace: 'lastDelayMs',
    tests: [jest('test/reference/cdc-metrics.test.ts', 'in seconds where it is a time')],
  },
  {
    name: 'OP08',
    file: 'lib/postgres/series.ts',
    why: 'a slot without a bound is lost in 0 s',
    find: 'value === null || value === undefined ? [] : [[{}, value]]',
    replace: '[[{}, value ?? 0]]',
    tests: [jest('test/reference/cdc-metrics.test.ts', 'what is not known is not there')],
  },
];
