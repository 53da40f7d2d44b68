/** `sync.transaction({ store })`: a mutation's effect, its record and its answer are one database transaction (SPEC §22). */
import { AsyncLocalStorage } from 'node:async_hooks';
import { createHash, randomUUID } from 'node:crypto';
import type { TRPCMiddlewareFunction } from '@trpc/server';
import { isPathcastError, PathcastError } from '../../protocol/error.js';
import { MAX_METADATA_BYTES } from '../../protocol/limits.js';
import { describe, messageOf } from '../../internal/describe.js';
import { currentMutation } from '../../server/mutation-scope.js';
import type { TransactionCounts } from '../../server/results.js';
import type { Codec } from '../../server/transformer.js';
import { whyUnserialisable } from '../../server/unserialisable.js';
import { toTRPCError } from '../errors.js';
import { isUnmade } from '../generator.js';
import { inputHash, Unequal } from './canonical.js';
import { checkStorable, Fields, type FieldsCall } from './fields.js';
import { guardOf, type Guard } from './guard.js';
import { InFlight } from './in-flight.js';
import type { TransactionSettings } from './options.js';
import type { Answer, Author, Claim, Kept, TransactionStore } from './store.js';
import { txOf, type TxRequest } from './tx-input.js';

/** What a resolver behind `sync.transaction()` has as `ctx.transaction`. */
export interface Transaction {
  /** That of the client; one of the server's own where the client gave none. The version of each field that this mutation writes. */
  readonly id: string;
  readonly sourceId: string | undefined;
  /** The client gave an id: the same call again gets this one's answer. */
  readonly recorded: boolean;
  /**
   * Compares the fields that the user changes with what others have made of them since, and writes the new versions down with the transaction.
   * Until its end nobody else's `fields()` of this entity goes on. Resolves to what is to be written: `changes` without what the
   * user has not changed and somebody else has. Rejects with TRPCError CONFLICT, its cause a FieldConflictError; let it through, and nothing is done.
   */
  fields<Changes extends object>(call: FieldsCall<Changes>): Promise<Partial<Changes>>;
}

export type TransactionMiddleware<Tx> = TRPCMiddlewareFunction<
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- any context and any meta
  any,
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  any,
  object,
  { tx: Tx; transaction: Transaction },
  unknown
>;

export interface TransactionHost {
  /** Undefined: no router is bound, and it is not known how it writes its answers. */
  codec(): Codec | undefined;
  callerOf(ctx: unknown, path: string, input: unknown): { companyId: string | undefined; userId: string | undefined; sourceId: string | undefined };
  /** What is broadcast in it waits for its commit. */
  transaction<Tx extends object, T>(run: (body: (tx: Tx) => Promise<T>) => Promise<T>, work: (tx: Tx) => Promise<T>): Promise<T>;
  warn(warning: { message: string; companyId: string; module: string }): void;
  report(thrown: unknown): void;
  track(work: Promise<void>): void;
  count(outcome: keyof TransactionCounts): void;
}

/** What an error says of it. */
const OUTCOMES: Readonly<Record<string, keyof TransactionCounts>> = {
  TRANSACTION_DONE: 'replayed',
  TRANSACTION_IN_FLIGHT: 'inFlight',
  TRANSACTION_MISMATCH: 'mismatched',
  FIELD_CONFLICT: 'conflicts',
};

type Options = Parameters<TransactionMiddleware<object>>[0];
type Result = Awaited<ReturnType<Options['next']>>;

/** A transaction that is open: mutations that its resolver calls are savepoints of it. */
interface Open {
  store: TransactionStore<object>;
  /** As the store gave it. */
  tx: object;
  /** Of the mutation, where it has an id. */
  claim: Claim | undefined;
  /** The one that it is a savepoint of. */
  outer: Open | undefined;
  over: boolean;
  /** Savepoints of one connection end in the order in which they began. */
  turn: Promise<unknown>;
  /** There was one. */
  hadInside: boolean;
}

/** It was done before. What has begun in vain is rolled back. */
class Known extends Error {
  readonly kept: Kept;
  constructor(kept: Kept) {
    super();
    this.kept = kept;
  }
}

/** The resolver failed: its transaction is rolled back, and this is what it answered. */
class Failed extends Error {
  readonly result: Result;
  constructor(result: Result) {
    super();
    this.result = result;
  }
}

interface Done {
  result: Result;
  /** The fields that it has written. */
  told: Fields<object>['told'];
}

/** Of a claim that met a change of another transaction: nothing of the resolver has run. */
const CLAIM_TRIES = 4;
/** Before the second try of a transaction, at most; doubled for each further one. ms */
const RETRY_MS = 20;
const CLEAN_EVERY_MS = 60_000;

interface Call {
  opts: Options;
  request: TxRequest | undefined;
  companyId: string;
  author: Author;
  claim: Claim | undefined;
  codec: Codec;
}

export function createTransaction<Tx extends object>(host: TransactionHost, settings: TransactionSettings<Tx>): TransactionMiddleware<Tx> {
  return new Transactions(host, settings).middleware;
}

const opened = new AsyncLocalStorage<Open>();

/** The transaction of `store` that this code runs in. */
export function openOf(store: TransactionStore<unknown>): { readonly tx: object } | undefined {
  const open = opened.getStore();
  return open && !open.over && open.store === store ? open : undefined;
}

class Transactions {
  readonly #host: TransactionHost;
  readonly #settings: TransactionSettings<object>;
  readonly #inFlight = new InFlight();
  #cleaned = performance.now();

  constructor(host: TransactionHost, settings: TransactionSettings<object>) {
    this.#host = host;
    this.#settings = settings;
  }

  readonly middleware = async (opts: Options): Promise<Result> => {
    // One that is inside of another one is counted with that.
    const isInside = openOf(this.#settings.store) !== undefined;
    let error: unknown;
    try {
      const result = await this.#run(opts);
      if (!result.ok) error = result.error;
      return result;
    } catch (thrown) {
      error = toTRPCError(thrown);
      throw error;
    } finally {
      const { cause } = (error ?? {}) as { cause?: unknown };
      const outcome = isPathcastError(cause) ? OUTCOMES[cause.code] : undefined;
      if (outcome && !isInside) this.#host.count(outcome);
    }
  };

  async #run(opts: Options): Promise<Result> {
    const call = await this.#callOf(opts);
    const { claim } = call;
    if (!claim) return this.#perform(call);
    checkInside(claim, this.#settings.store);
    const key = JSON.stringify([claim.companyId, claim.transactionId]);
    return this.#inFlight.run(key, this.#settings.waitMs, () => this.#perform(call));
  }

  async #callOf(opts: Options): Promise<Call> {
    const { path, type, ctx } = opts;
    if (type !== 'mutation') throw new PathcastError('INVALID_OPTION', `sync.transaction() is for mutations; ${describe(path)} is a ${type}`);
    const codec = this.#host.codec();
    if (!codec) throw new PathcastError('INVALID_OPTION', 'sync.transaction() keeps answers as the router writes them: await sync.bind(router, map) before the first mutation');
    const input: unknown = await opts.getRawInput();
    const request = requestOf(input);
    if (!request && this.#settings.required) throw new PathcastError('INVALID_FIELD', `${describe(path)} needs tx: { transactionId } beside its input`);
    const { companyId, userId = '', sourceId } = this.#host.callerOf(ctx, path, input);
    if (companyId === undefined)
      throw new PathcastError('INVALID_OPTION', `no companyId was found for the transaction of ${describe(path)}; give rules.companyId, and let sync.transaction() stand behind what knows it`);
    for (const [name, id] of Object.entries({ companyId, userId, sourceId })) checkStorable(name, id);
    const author = { transactionId: request?.transactionId ?? randomUUID(), userId, sourceId: request?.sourceId ?? sourceId };
    const { transactionId } = author;
    const claim = request && { companyId, transactionId, userId, path, inputHash: hashOf(companyId, transactionId, input) };
    return { opts, request, companyId, author, claim, codec };
  }

  /** One that is inside another one begins, and fails, with that: nothing of it can be tried again alone. */
  async #perform(call: Call): Promise<Result> {
    const { store, retries } = this.#settings;
    const inside = openOf(store) as Open | undefined;
    for (let tried = 1; ; tried++) {
      const progress = { resolving: false };
      try {
        return await this.#once(call, inside, progress);
      } catch (thrown) {
        if (thrown instanceof Known) {
          const replayed = this.#replay(call, thrown.kept);
          if (!inside) this.#host.count('replayed');
          return replayed;
        }
        const result = thrown instanceof Failed ? thrown.result : undefined;
        const cause: unknown = result && !result.ok ? result.error : thrown;
        const tries = inside ? 1 : progress.resolving ? 1 + retries : CLAIM_TRIES;
        if (tried < tries && store.isPassing(cause)) await new Promise((resolve) => setTimeout(resolve, Math.random() * RETRY_MS * 2 ** (tried - 1)));
        else if (result) return result;
        else throw thrown;
      }
    }
  }

  async #once(call: Call, inside: Open | undefined, progress: { resolving: boolean }): Promise<Result> {
    const { store } = this.#settings;
    const begin = (body: (tx: object) => Promise<Done>): Promise<Done> =>
      inside ? inTurn(inside, () => store.savepoint(inside.tx, () => body(inside.tx))) : store.run(body);
    const { waitMs } = this.#settings;
    const open: Open = { store, tx: {}, claim: call.claim, outer: inside, over: false, turn: Promise.resolve(), hadInside: false };
    let guard: Guard | undefined;
    const guarded = (body: (tx: object) => Promise<Done>): Promise<Done> =>
      begin((tx) => {
        open.tx = tx;
        // Of each one its own: what is broadcast after it is told by it from the ones around it.
        guard = guardOf(tx);
        return body(guard.tx);
      });
    const { result, told } = await this.#host.transaction(guarded, async () => {
      const kept = await store.begin(open.tx, { claim: call.claim, waitMs, message: inside ? undefined : messageFor(call) });
      if (kept) throw new Known(kept);
      progress.resolving = true;
      return this.#resolve(call, open, guard as Guard);
    });
    // After the commit: the id of an action that was sent for nothing would be no longer free for the next try's.
    note(call, told, false);
    if (!inside) this.#host.count('done');
    this.#cleanNowAndThen();
    return result;
  }

  async #resolve({ opts, request, companyId, author, claim, codec }: Call, open: Open, guard: Guard): Promise<Done> {
    const { store, tx } = open;
    const fields = new Fields(store, tx, companyId, author, request, codec);
    const transaction: Transaction = {
      id: author.transactionId,
      sourceId: author.sourceId,
      recorded: claim !== undefined,
      fields: async (of) => {
        try {
          return await fields.check(of);
        } catch (thrown) {
          throw toTRPCError(thrown);
        }
      },
    };
    try {
      let result: Result;
      try {
        result = await opened.run(open, () => opts.next({ ctx: { tx: guard.tx, transaction } }));
      } finally {
        open.over = true;
        // Nobody has waited for those: they would go on in what the connection does next.
        await open.turn;
      }
      if (!result.ok) throw new Failed(result);
      const answer = this.#answerOf(opts.path, companyId, result.data, codec, claim !== undefined);
      await fields.write(open.hadInside);
      guard.end();
      await store.settle(tx, claim && { companyId, transactionId: claim.transactionId, answer });
      return { result, told: fields.told };
    } finally {
      guard.end();
    }
  }

  #answerOf(path: string, companyId: string, data: unknown, codec: Codec, kept: boolean): Answer {
    if (isUnmade(data))
      throw new PathcastError('NOT_SERIALIZABLE', `${describe(path)} answers with what is still being made, and its transaction ends with its answer; it was rolled back`);
    if (!kept || data === undefined) return { kind: 'undefined' };
    let text: string | undefined;
    try {
      text = codec.encode(data);
    } catch (thrown) {
      throw new PathcastError('NOT_SERIALIZABLE', `the answer of ${describe(path)} cannot be kept: ${whyUnserialisable('answer', data, thrown)}; it was rolled back`);
    }
    if (text === undefined) return { kind: 'undefined' };
    const { maxAnswerBytes } = this.#settings;
    const bytes = Buffer.byteLength(text);
    if (bytes <= maxAnswerBytes) return { kind: 'value', text: markOf(codec) + text };
    const message = `the answer of ${describe(path)} is ${bytes} bytes and is not kept (maxAnswerBytes: ${maxAnswerBytes}): the same transaction again gets TRANSACTION_DONE`;
    this.#host.warn({ message, companyId, module: path.slice(0, Math.max(0, path.lastIndexOf('.'))) || '*' });
    return { kind: 'lost' };
  }

  #replay(call: Call, { userId, path, inputHash: hash, answer }: Kept): Result {
    const { opts, claim, codec } = call;
    const same = claim && claim.userId === userId && claim.path === path && claim.inputHash === hash;
    // One text for all three: who it was, and what, is nobody else's business.
    if (!same) throw new PathcastError('TRANSACTION_MISMATCH', 'this transaction id was used before: for another mutation, another input or by another user');
    // Without an answer, too: its action may be lost with its process.
    note(call, [], true);
    if (answer.kind === 'lost') throw new PathcastError('TRANSACTION_DONE', 'this transaction was done before, and its answer was too large to be kept; read the data again');
    const data = answer.kind === 'undefined' ? undefined : restored(answer.text, codec);
    // What tRPC's own middlewares look for, to find those who forget `next()`.
    return { ok: true, data, ctx: opts.ctx, marker: 'middlewareMarker' } as unknown as Result;
  }

  #cleanNowAndThen(): void {
    const now = performance.now();
    if (now - this.#cleaned < CLEAN_EVERY_MS) return;
    this.#cleaned = now;
    this.#host.track(
      this.#settings.store.clean().then(
        () => undefined,
        (thrown: unknown) => this.#host.report(thrown),
      ),
    );
  }
}

function restored(text: string, codec: Codec): unknown {
  const mark = markOf(codec);
  try {
    // Before a deployment the app had another transformer, which this one would read for something else.
    if (text.startsWith(mark)) return codec.restore(text.slice(mark.length));
  } catch {
    // As below.
  }
  throw new PathcastError('TRANSACTION_DONE', 'this transaction was done before, and the transformer cannot read its answer; read the data again');
}

const marks = new WeakMap<Codec, string>();

/** Of a transformer, in front of what it wrote: 8 characters. */
function markOf(codec: Codec): string {
  let mark = marks.get(codec);
  if (mark === undefined) {
    const told = codec.encode({ date: new Date(0), list: [1, 'two', null], none: undefined });
    marks.set(codec, (mark = createHash('sha256').update(told).digest('hex').slice(0, 8)));
  }
  return mark;
}

/** For the action of the mutation. */
function note({ author: { transactionId, sourceId }, claim }: Call, told: Done['told'], replayed: boolean): void {
  if (!claim && told.length === 0) return;
  const tx = { transactionId, ...(sourceId !== undefined && { sourceId }), ...(told.length > 0 && { versions: told }) };
  currentMutation()?.noteRecord?.({ actionId: actionIdOf(transactionId), sourceId, tx, replayed });
}

/** The record of the outer one is not committed before the inner one has ended: it would wait for itself. */
function checkInside({ companyId, transactionId }: Claim, store: TransactionStore<object>): void {
  for (let open = openOf(store) as Open | undefined; open; open = open.outer) {
    if (open.claim?.companyId === companyId && open.claim.transactionId === transactionId)
      throw new PathcastError('TRANSACTION_MISMATCH', 'this transaction id is that of the mutation around this one: what is called inside needs an id of its own, or none');
  }
}

/** One after the other. */
function inTurn<T>(open: Open, work: () => Promise<T>): Promise<T> {
  open.hadInside = true;
  const own = open.turn.then(work);
  open.turn = own.catch(() => undefined);
  return own;
}

/** No action of another kind has such an id, so that no client can make a mutation the duplicate of another action. */
function actionIdOf(transactionId: string): string {
  return `tx:${transactionId}`;
}

/**
 * For who reads the database's log: whose changes these are. In ASCII, which is the same in every encoding a database may have. Names of fields that would make it too long to be read are
 * left out: who it was counts for more, and the names are the client's.
 */
function messageFor({ opts, request, companyId, author: { transactionId, userId, sourceId } }: Call): string {
  const said = { id: actionIdOf(transactionId), transactionId, sourceId, userId, companyId, path: opts.path };
  const whole = inAscii(JSON.stringify({ ...said, changedFields: request?.changedFields }));
  return whole.length <= MAX_METADATA_BYTES ? whole : inAscii(JSON.stringify(said));
}

const inAscii = (json: string): string => json.replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);

function requestOf(input: unknown): TxRequest | undefined {
  try {
    return txOf(input);
  } catch (thrown) {
    throw new PathcastError('INVALID_FIELD', messageOf(thrown));
  }
}

function hashOf(companyId: string, transactionId: string, input: unknown): string {
  try {
    return inputHash(companyId, transactionId, input);
  } catch (thrown) {
    if (thrown instanceof Unequal) throw new PathcastError('INVALID_FIELD', `the input of a transaction must be data that is told from another: ${thrown.message}`);
    throw thrown;
  }
}
