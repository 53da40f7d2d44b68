// Activities: what the worker writes of changes, and who reads it.
import { jest } from './tests.mjs';

const file = (name) => `test/postgres/activities/${name}.test.ts`;
const recorder = (name) => jest(file('recorder'), name);
const worker = (name) => jest(file('worker'), name);
const ends = (name) => jest(file('ends'), name);
const permissions = (name) => jest(file('permissions'), name);
const fetched = jest(file('activities'), 'a row is an activity');
const killed = jest(file('killed'));
const order = jest(file('order'), 'in one process');

export const slips = [
  {
    name: 'AC01',
    file: 'lib/postgres/activities/recorder.ts',
    why: 'two who write at once count from the same seq',
    find: 'WHERE company_id = ANY($4::text[]) ORDER BY company_id FOR UPDATE',
    replace: 'WHERE company_id = ANY($4::text[]) ORDER BY company_id',
    tests: [recorder('two who write')],
  },
  {
    name: 'AC02',
    file: 'lib/postgres/activities/recorder.ts',
    why: 'what is there already is written again',
    find: 'WHERE h.source <> $1::text OR g.l > h.commit_lsn',
    replace: 'WHERE h.source <> $1::text OR g.l >= h.commit_lsn',
    tests: [recorder('two who write'), recorder('is not written again')],
  },
  {
    name: 'AC03',
    file: 'lib/postgres/activities/recorder.ts',
    why: 'on another time line what has a lower LSN is taken for written',
    find: 'WHERE h.source <> $1::text OR g.l > h.commit_lsn',
    replace: 'WHERE g.l > h.commit_lsn',
    tests: [recorder('is not written again')],
  },
  {
    name: 'AC04',
    file: 'lib/postgres/activities/recorder.ts',
    why: 'the metadata of one company is shown to the others of the transaction',
    find: 'co IS NULL OR co = c AS said',
    replace: 'true AS said',
    tests: [fetched],
  },
  {
    name: 'AC05',
    file: 'lib/postgres/activities/recorder.ts',
    why: 'offsets live on through a resync: what was lost is passed over in silence',
    find: 'SET seq = h.seq + 1, life = ${LIFE}, generation',
    replace: 'SET seq = h.seq + 1, generation',
    tests: [recorder('ends the life')],
  },
  {
    name: 'AC06',
    file: 'lib/postgres/activities/recorder.ts',
    why: 'a text that PostgreSQL cannot hold stops the worker for ever',
    find: 'x: this.#tx(tx), co',
    replace: 'x: tx, co',
    tests: [recorder('keeps no activity back')],
  },
  {
    name: 'AC07',
    file: 'lib/postgres/activities/recorder.ts',
    why: 'what is removed leaves no floor: an offset of before it is answered as if nothing were missing',
    find: 'SET floor = greatest(h.floor, o.upto + 1)',
    replace: 'SET floor = h.floor',
    tests: [recorder('too old')],
  },
  {
    name: 'AC08',
    file: 'lib/postgres/worker/sink.ts',
    why: 'nobody rings: where the app has broadcast the transaction itself, the worker’s action rings nobody',
    find: 'if (heads) await this.ring(heads);',
    replace: '',
    tests: [worker('the doorbell rings all the same'), order],
  },
  {
    name: 'AC09',
    file: 'lib/postgres/worker/session.ts',
    why: 'a time without activities is a gap that nobody is told of',
    find: 'const heads = renewed.length > 0 || writtenTo !== activities ?',
    replace: 'const heads = renewed.length > 0 ?',
    tests: [worker('a time without activities')],
  },
  {
    name: 'AC10',
    file: 'lib/postgres/worker/session.ts',
    why: 'a lost slot is no row of the table, and ends no life',
    find: 'const heads = await this.#recorder?.resync(companies, gap === undefined ? randomBytes(4).toString(\'hex\') : undefined);',
    replace: 'const heads = undefined as Awaited<ReturnType<Recorder[\'resync\']>> | undefined;',
    tests: [worker('a slot that is lost')],
  },
  {
    name: 'AC11',
    file: 'lib/postgres/changes/records.ts',
    why: 'one transaction is as large in memory as its rows',
    find: 'if (this.#count >= this.max) {',
    replace: 'if (this.#count < 0) {',
    tests: [worker('more rows than maxPerCommit')],
  },
  {
    name: 'AC12',
    file: 'lib/postgres/changes/records.ts',
    why: 'of columns of which PostgreSQL said nothing, it is said that they did not change',
    find: 'if (was === undefined) return null;',
    replace: '',
    tests: [fetched],
  },
  {
    name: 'AC14',
    file: 'lib/postgres/activities/activity.ts',
    why: 'who gives too few answers lets the rest through',
    find: 'answers.length !== changes.length || ',
    replace: '',
    tests: [permissions('gives too few'), recorder('offsets that are none')],
  },
  {
    name: 'AC15',
    file: 'lib/postgres/activities/follow.ts',
    why: 'for a client that takes nothing all is read and kept',
    find: 'await follower.ready();\n',
    replace: '',
    tests: [ends('nothing is read, or asked')],
  },
  {
    name: 'AC16',
    file: 'lib/postgres/activities/live-stream.ts',
    why: 'a client that reads nothing stays for ever',
    find: "this.#slow = setTimeout(() => this.#attendance.end('slow'), this.#attendance.slowMs).unref();",
    replace: '',
    tests: [ends('for slowTimeoutMs is ended')],
  },
  {
    name: 'AC17',
    file: 'lib/postgres/activities/live-stream.ts',
    why: 'a heartbeat does not move the offset over what was not for the client',
    find: 'else if (kind === \'ping\' && !this.#full) this.#put(`: ping\\n${this.#id()}\\n`);',
    replace: "else if (kind === 'ping' && !this.#full) this.#put(': ping\\n\\n');",
    tests: [jest(file('order'))],
  },
  {
    name: 'AC18',
    file: 'lib/postgres/activities/live.ts',
    why: 'the stream of a tab takes the place of its other one',
    find: '`live:${instance}`',
    replace: 'instance',
    tests: [ends('limits of the hub')],
  },
  {
    name: 'AC19',
    file: 'lib/postgres/activities/source.ts',
    why: 'an offset above the head waits in silence for its number',
    find: "if (start.seq > seq) return { begin: seq, resync: 'ahead_of_log' };",
    replace: '',
    tests: [recorder('offsets that are none')],
  },
  {
    name: 'AC20',
    file: 'lib/postgres/worker/sink.ts',
    why: 'browsers are told, and the slot goes on, before the table has it',
    find: 'const heads = await this.#host.recorder?.record(recorded);',
    replace: 'const heads = undefined as Heads | undefined;\n    void this.#host.recorder?.record(recorded).then((now) => this.ring(now)).catch(() => undefined);',
    tests: [killed],
  },
  {
    name: 'AC21',
    file: 'lib/server/attend.ts',
    why: 'a stream that is not the hub’s own hears its actions',
    find: 'filter: { queryPaths: [] },',
    replace: '',
    tests: [ends('hears no action')],
  },
];
