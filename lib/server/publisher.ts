/**
 * The way of an action to the engine: checked, its query paths held against the bound router, encoded, handed over.
 * Nothing here throws or rejects; what went wrong is in the result.
 */
import type { ErrorCode } from '../protocol/codes.js';
import { isPathcastError, PathcastError } from '../protocol/error.js';
import { MAX_BATCH_ACTIONS } from '../protocol/limits.js';
import { describe, isArray, messageOf } from '../internal/describe.js';
import type { EncodedAction, Engine, PublishOutcome } from '../internal/engine.js';
import { encodeAction, type EncodeContext } from './encode-action.js';
import { currentMutation, isInOpenTransaction } from './mutation-scope.js';
import type { HubPaths } from './paths/hub-paths.js';
import { sayPhantom, type CheckedPaths, type PhantomPath } from './paths/path-check.js';
import type { BroadcastFailure, BroadcastPlace, BroadcastResult, Failure } from './results.js';

export interface PublisherHost {
  engine: Engine;
  context: EncodeContext;
  paths: HubPaths;
  isClosed: () => boolean;
  /** Hears what became of each action that was handed over. */
  published: (outcome: PublishOutcome) => void;
  /** Counts and tells a failure, and makes a result of it. */
  failed: (thrown: unknown) => Failure;
  /** The hub, as a mutation's scope knows it. */
  hub: object;
}

interface Prepared {
  encoded: EncodedAction;
  /** Absent where no router is bound. */
  checked: CheckedPaths | undefined;
  /** Why `data` and `tx` were left out, if they were. */
  dataLeftOut: Failure | undefined;
  /** Of the mutation that runs. */
  note: ((outcome: Promise<BroadcastResult>) => void) | undefined;
}

/** What may be wrong with the data of an action, and with nothing else of it. */
const OF_DATA: ReadonlySet<string> = new Set<ErrorCode>(['ACTION_TOO_LARGE', 'NOT_SERIALIZABLE']);

export class Publisher {
  readonly #host: PublisherHost;

  constructor(host: PublisherHost) {
    this.#host = host;
  }

  send(action: unknown): Promise<BroadcastResult> {
    try {
      const prepared = this.#prepare(action);
      return this.#publish([prepared]).then(([result]) => result as BroadcastResult);
    } catch (thrown) {
      return Promise.resolve(this.#failed(thrown));
    }
  }

  /** Results by index; what is refused keeps nothing else back. */
  async sendMany(actions: unknown): Promise<BroadcastResult[]> {
    if (!isArray(actions)) {
      return [this.#failed(new PathcastError('INVALID_FIELD', `actions must be an array, got ${describe(actions)}`))];
    }
    const results: BroadcastResult[] = [];
    const waiting: Promise<void>[] = [];
    let batch: { index: number; prepared: Prepared }[] = [];
    const flush = (): void => {
      const sent = batch;
      batch = [];
      if (sent.length === 0) return;
      waiting.push(
        this.#publish(sent.map((item) => item.prepared)).then((outcomes) => {
          sent.forEach(({ index }, i) => (results[index] = outcomes[i] as BroadcastResult));
        }),
      );
    };
    let length = 0;
    try {
      ({ length } = actions);
    } catch (thrown) {
      return [this.#failed(thrown)];
    }
    for (let index = 0; index < length; index++) {
      try {
        batch.push({ index, prepared: this.#prepare(actions[index]) });
        if (batch.length === MAX_BATCH_ACTIONS) flush();
      } catch (thrown) {
        results[index] = this.#failed(thrown);
      }
    }
    flush();
    await Promise.all(waiting);
    return results;
  }

  #prepare(input: unknown): Prepared {
    const { context, paths, isClosed } = this.#host;
    if (isClosed()) throw closedError();
    const { router } = paths;
    let checked: CheckedPaths | undefined;
    const encodeExactly = (given: unknown): EncodedAction =>
      router
        ? encodeAction(given, context, (action) => {
            checked = paths.check(action, router);
            if (checked.paths.length > 0) return { ...checked, isQuery: (path) => router.isQuery(path) };
            paths.settle(action, checked);
            throw new NothingLeft(checked.phantoms);
          })
        : encodeAction(given, context);
    /** What people give by hand comes from their database, which has ids as numbers and times as dates. */
    const encode = (given: unknown): EncodedAction => {
      try {
        return encodeExactly(given);
      } catch (thrown) {
        const plain = isPathcastError(thrown) && thrown.code === 'INVALID_FIELD' ? withTexts(given) : undefined;
        if (!plain) throw thrown;
        return encodeExactly(plain);
      }
    };
    let encoded: EncodedAction;
    let dataLeftOut: Failure | undefined;
    try {
      encoded = encode(input);
    } catch (thrown) {
      if (!isPathcastError(thrown) || !OF_DATA.has(thrown.code)) throw thrown;
      const bare = withoutData(input);
      if (!bare) throw thrown;
      // That something is stale is more than what it is now: no browser is to miss the former for want of the latter.
      encoded = encode(bare);
      dataLeftOut = this.#host.failed(new PathcastError(thrown.code, `${thrown.message}; the action went out without its data`));
    }
    if (checked) paths.settle(encoded.action, checked);
    // Whoever awaits it inside of the transaction could not wait for the commit: it goes out, and that is told.
    if (isInOpenTransaction()) {
      const { companyId, id, module } = encoded.action;
      context.warn(
        'tx',
        'broadcast inside a transaction that is still open: it goes out at once, before the commit, and also if that is rolled back; it takes the place of nothing that the invalidation map names. Use sync.broadcast() or sync.afterCommit()',
        { companyId, id, module },
      );
    }
    return { encoded, checked, dataLeftOut, note: this.#noter(encoded) };
  }

  /** Tells the mutation that runs, if one does, that it has broadcast by hand, and later what became of it. */
  #noter({ action }: EncodedAction): Prepared['note'] {
    const scope = currentMutation();
    if (!scope) return undefined;
    // At once: what is noted belongs to the mutation as it is now.
    let settle!: (outcome: Promise<BroadcastResult>) => void;
    const outcome = new Promise<BroadcastResult>((resolve) => (settle = resolve));
    try {
      scope.noteBroadcast(action, this.#host.hub, outcome);
    } catch {
      // A scope that cannot note must not keep the action back; at worst the mutation is broadcast twice.
    }
    return settle;
  }

  #publish(actions: Prepared[]): Promise<BroadcastResult[]> {
    const results = this.#handOver(actions);
    actions.forEach(({ note }, i) => note?.(results.then((all) => all[i] as BroadcastResult)));
    return results;
  }

  async #handOver(actions: Prepared[]): Promise<BroadcastResult[]> {
    let outcomes: PublishOutcome[];
    try {
      outcomes = await this.#host.engine.publish(actions.map(({ encoded }) => encoded));
    } catch (thrown) {
      const failure = this.#failed(
        new PathcastError('OVERLOADED', `the engine took no action: ${messageOf(thrown)}`, { cause: thrown }),
      );
      return actions.map(({ checked }) => withPhantoms(failure, checked));
    }
    return outcomes.map((outcome, i) => {
      this.#host.published(outcome);
      const { checked, dataLeftOut, encoded } = actions[i] as Prepared;
      if (!outcome.ok) {
        const { code } = outcome;
        const error = code === 'HUB_CLOSED' ? closedError() : new PathcastError(code, outcome.reason ?? ENGINE_REFUSALS[code]);
        return withPhantoms(this.#failed(error), checked);
      }
      const place = placeOf(outcome);
      if (!checked?.refused) {
        if (!dataLeftOut) return withPhantoms({ ok: true, ...place }, checked);
        return withPhantoms({ ...dataLeftOut, sent: { queryPaths: encoded.action.queryPaths, ...place } }, checked);
      }
      const { paths, phantoms } = checked;
      return {
        ok: false,
        code: 'PHANTOM_PATH',
        message: `${sayPhantoms(phantoms)}; what went out: ${paths.slice(0, MAX_NAMED).map(describe).join(', ')}${
          paths.length > MAX_NAMED ? ` and ${paths.length - MAX_NAMED} more` : ''
        }`,
        phantomPaths: phantoms,
        sent: { queryPaths: paths, ...place },
      };
    });
  }

  #failed(thrown: unknown): BroadcastFailure {
    const failure = this.#host.failed(thrown);
    return thrown instanceof NothingLeft ? { ...failure, phantomPaths: thrown.phantoms } : failure;
  }
}

/** The same action with a number as entityId in digits, and a date as timestamp in ms; undefined where neither is there. */
function withTexts(input: unknown): object | undefined {
  if (typeof input !== 'object' || input === null) return undefined;
  const { entityId, timestamp } = input as Record<string, unknown>;
  const isNumber = typeof entityId === 'bigint' || (typeof entityId === 'number' && Number.isFinite(entityId));
  if (!isNumber && !(timestamp instanceof Date)) return undefined;
  return {
    ...input,
    ...(isNumber ? { entityId: String(entityId) } : undefined),
    ...(timestamp instanceof Date ? { timestamp: timestamp.getTime() } : undefined),
  };
}

/** The same action without `data` and `tx`, and so without a row; undefined where it has neither. */
function withoutData(input: unknown): object | undefined {
  const { data, tx, row: _row, ...rest } = input as Record<string, unknown>;
  return data === undefined && tx === undefined ? undefined : rest;
}

function placeOf(outcome: PublishOutcome & { ok: true }): BroadcastPlace {
  if (outcome.queued) return { queued: true };
  const { seq, epoch, duplicate } = outcome;
  return duplicate ? { seq, epoch, duplicate } : { seq, epoch };
}

/** Paths named in one message; the rest is counted. */
const MAX_NAMED = 5;

/** Every path of the action is phantom, and none has a real one in its place. */
class NothingLeft extends PathcastError {
  readonly phantoms: readonly PhantomPath[];

  constructor(phantoms: readonly PhantomPath[]) {
    super('PHANTOM_PATH', `${sayPhantoms(phantoms)}; nothing is left of the action, it was not sent`);
    this.phantoms = phantoms;
  }
}

function sayPhantoms(phantoms: readonly PhantomPath[]): string {
  const more = phantoms.length - MAX_NAMED;
  return phantoms.slice(0, MAX_NAMED).map(sayPhantom).join('; ') + (more > 0 ? `; and ${more} more` : '');
}

function withPhantoms<T extends BroadcastResult>(result: T, checked: CheckedPaths | undefined): T {
  return checked && checked.phantoms.length > 0 ? { ...result, phantomPaths: checked.phantoms } : result;
}

const ENGINE_REFUSALS = {
  OVERLOADED: 'the hub has more actions to hand over than it can hold; try again',
  NOT_SERIALIZABLE: 'the engine could not read the JSON of the action',
  BROKER: "Redis cannot take this company's actions",
  OUTBOX_FULL: 'the broker is away, and what waits for it has reached its bound (outboxBytes)',
} as const;

export function closedError(): PathcastError {
  return new PathcastError('HUB_CLOSED', 'the hub is closed');
}
