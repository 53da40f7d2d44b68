/**
 * The HTTP server of the comparison: the store, sessions, a stream of "something changed", and faults.
 *
 *   POST /session {user}                    {token}
 *   GET  /state                             {guests, notes, rev}
 *   POST /write {kind, …}                   the row; header idempotency-key; 401, 404, 409, 422, 500 as {code, message, …}
 *   POST /push/guests|notes [rows]          RxDB: the rows that are in conflict;  GET /pull/guests|notes?rev=&id=&limit=
 *   GET  /changes                           SSE: {rev} after each change
 *   POST, GET /trpc/<path>                  pathcast: tRPC over HTTP, mutations as behind sync.transaction() (SPEC §22);  GET /sync/stream, /healthz  its stream and its probe
 *
 * A fault is a rule: `{when(op, {by}), times, …what}` with what one of
 *   `lose: true`          the write has its effect, and the connection ends without an answer
 *   `hold: true`          the write has its effect, and the answer comes when `release()` is called
 *   `fail: {status, code, message}`   no effect
 *   `late: {before, after}`           milliseconds before the effect, and between it and the answer
 * and `wifi: 'dead'` of the server: each connection ends at once, while the browser believes that it is online.
 */
import { createServer } from 'node:http';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { envelope, mutationOf, queryOf, tellHub } from './pathcast-wire.mjs';
import { operation, Refused, Store } from './store.mjs';

const jsonOf = async (request) => {
  let text = '';
  for await (const chunk of request) text += chunk;
  return text === '' ? undefined : JSON.parse(text);
};

export class Server {
  store = new Store();
  rules = [];
  wifi = 'good';
  /** 2: the field `name` is called `title` outside, and nothing else is taken. */
  api = 1;
  /** Each write that arrived: `{op, by, at, status}`, effects or not. */
  requests = [];
  #tokens = new Map();
  #streams = new Set();
  #held = new Set();
  #lateReads = 0;

  constructor() {
    this.http = createServer((request, response) => void this.#serve(request, response));
  }

  /** @param {object} [hub] pathcast's, whose stream is served too */
  static async start(hub) {
    const server = new Server();
    if (hub) {
      server.hub = hub;
      server.sync = hub.handler({ identify: (request) => server.#whoIs(request) });
    }
    server.http.listen(0, '127.0.0.1');
    await once(server.http, 'listening');
    server.url = `http://127.0.0.1:${server.http.address().port}`;
    return server;
  }

  async close() {
    this.release();
    this.http.closeAllConnections();
    this.http.close();
    await once(this.http, 'close');
    await this.hub?.close();
  }

  rule(when, what, times = Infinity) {
    const rule = { when, what, times, met: 0 };
    this.rules.push(rule);
    return rule;
  }

  release() {
    for (const resolve of this.#held) resolve();
    this.#held.clear();
  }

  /** The answer of a read is what was true when it arrived, and comes so many milliseconds later. */
  delayReads(ms) {
    this.#lateReads = ms;
  }

  expire(user) {
    for (const [token, owner] of this.#tokens) if (owner === user) this.#tokens.delete(token);
  }

  /** A write of somebody at another desk. */
  other(op, by = 'other') {
    const answer = this.store.write(op, { by });
    this.#tell(op, by);
    return answer;
  }

  #whoIs(request) {
    const token = request.headers.authorization ?? new URL(request.url, this.url).searchParams.get('token') ?? '';
    const userId = this.#tokens.get(token.replace('Bearer ', ''));
    return userId === undefined ? null : { companyId: 'acme', userId };
  }

  #tell(op, by, transactionId) {
    if (this.hub) tellHub(this.hub, op, by, transactionId ?? `change-${this.store.rev}`);
    for (const stream of this.#streams) stream.write(`data: {"rev":${this.store.rev}}\n\n`);
  }

  async #serve(request, response) {
    try {
      if (this.wifi === 'dead') return void request.socket.destroy();
      const url = new URL(request.url, this.url);
      if (this.sync && url.pathname === '/sync/stream') return void this.sync(request, response);
      if (url.pathname === '/healthz') return this.#answer(response, 200, { ok: true });
      const route = `${request.method} ${url.pathname.split('/').slice(0, 2).join('/')}`;
      if (route === 'POST /session') return this.#answer(response, 200, this.#signIn(await jsonOf(request)));
      const by = this.#whoIs(request)?.userId;
      if (route === 'POST /trpc') return await this.#mutate(request, response, by, url.pathname.split('/')[2], await jsonOf(request));
      if (route === 'POST /write') return await this.#write(request, response, by, [await jsonOf(request)]);
      const collection = url.pathname.split('/')[2];
      if (route === 'POST /push') return await this.#push(request, response, by, collection, await jsonOf(request));
      if (by === undefined) return this.#answer(response, 401, route === 'GET /trpc' ? envelope(401, { message: 'the session has ended' }) : { code: 'UNAUTHORIZED', message: 'the session has ended' });
      if (route === 'GET /changes') return this.#stream(response);
      const [rev, id, limit] = [Number(url.searchParams.get('rev') ?? 0), url.searchParams.get('id') ?? '', Number(url.searchParams.get('limit') ?? 100)];
      const answers = {
        'GET /trpc': () => envelope(200, queryOf(collection, this.#outside(this.store.read()), this.store.versions())),
        'GET /state': () => this.#outside(this.store.read()),
        'GET /pull': () => this.store.changesAfter(collection, { rev, id }, limit),
      };
      const answer = answers[route]?.();
      if (this.#lateReads > 0) await sleep(this.#lateReads);
      this.#answer(response, answer ? 200 : 404, answer ?? { code: 'NOT_FOUND', message: `no ${route}` });
    } catch (error) {
      this.#answer(response, 500, { code: 'INTERNAL', message: String(error) });
    }
  }

  #signIn({ user }) {
    const token = `${user}-${this.#tokens.size + 1}-${Math.random().toString(36).slice(2)}`;
    this.#tokens.set(token, user);
    return { token };
  }

  #write(request, response, by, [op]) {
    return this.#withFaults(request, response, by, [op], () => {
      const row = this.store.write(this.#inside(op), { by, key: request.headers['idempotency-key'] });
      return this.#outside({ guests: [row] }).guests[0];
    });
  }

  #mutate(request, response, by, path, input) {
    const { op, transactionId } = mutationOf(path, input);
    const work = () => {
      const row = this.store.write(this.#inside(op), { by, key: transactionId });
      return this.#outside({ guests: [row] }).guests[0];
    };
    return this.#withFaults(request, response, by, [op], work, { transactionId, shape: envelope });
  }

  #push(request, response, by, collection, rows) {
    const ops = rows.map(({ newDocumentState, assumedMasterState }) => operation(collection, assumedMasterState, newDocumentState));
    return this.#withFaults(request, response, by, ops, () => this.store.push(collection, rows, by));
  }

  async #withFaults(request, response, by, ops, work, { transactionId, shape = (_status, body) => body } = {}) {
    const entries = ops.map((op) => ({ op, by, at: Date.now(), status: 0 }));
    this.requests.push(...entries);
    const finish = (status, body) => {
      for (const entry of entries) entry.status = status;
      this.#answer(response, status, shape(status, body));
    };
    if (by === undefined) return finish(401, { code: 'UNAUTHORIZED', message: 'the session has ended' });
    const rule = this.rules.find(({ when, times, met }) => met < times && ops.some((op) => when(op, { by })));
    if (rule) rule.met += 1;
    const { fail, lose, hold, late } = rule?.what ?? {};
    if (fail) return finish(fail.status, { code: fail.code, message: fail.message });
    if (late?.before) await sleep(late.before);
    let answer;
    try {
      const before = this.store.rev;
      answer = [200, work()];
      if (this.store.rev > before) for (const op of ops) this.#tell(op, by, transactionId);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      answer = [error.status, { code: error.code, message: error.message, ...error.more }];
    }
    if (lose) return void request.socket.destroy();
    if (hold) await new Promise((resolve) => this.#held.add(resolve));
    if (late?.after) await sleep(late.after);
    finish(...answer);
  }

  /** Names as the present version of the interface has them. */
  #inside(op) {
    if (this.api === 1 || !op.fields) return op;
    if ('name' in op.fields) throw new Refused(422, 'INVALID', 'a guest has no field "name", but title and table');
    const inside = ({ title, ...fields }) => (title === undefined ? fields : { ...fields, name: title });
    return { ...op, fields: inside(op.fields), ...(op.expected ? { expected: inside(op.expected) } : {}) };
  }

  #outside(answer) {
    if (this.api === 1) return answer;
    return { ...answer, guests: answer.guests.map(({ name, ...row }) => ({ ...row, title: name })) };
  }

  #stream(response) {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    response.write(`retry: 500\ndata: {"rev":${this.store.rev}}\n\n`);
    this.#streams.add(response);
    response.on('close', () => this.#streams.delete(response));
  }

  #answer(response, status, body) {
    if (response.destroyed || response.headersSent) return;
    response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
    response.end(JSON.stringify(body ?? null));
  }
}
