/** `sync.middleware()`: one action for each successful mutation that a client called (SPEC §10). */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { TRPCMiddlewareFunction } from '@trpc/server';
import type { ActionType, RowInput, SyncActionInput } from '../protocol/events.js';
import { isPathcastError, PathcastError } from '../protocol/error.js';
import { MAX_QUERY_PATHS } from '../protocol/limits.js';
import { describe, describeThrown } from '../internal/describe.js';
import type { Restriction, Where } from '../protocol/where.js';
import type { Commit } from './after-commit.js';
import type { CallValues } from './closure.js';
import type { PathBinding } from '../server/paths/binding.js';
import { runInMutation, type MutationRecord } from '../server/mutation-scope.js';
import { leftOut, prefixOf, unionOf, type Entry } from './compiled-map.js';
import type { OnError } from './invalidation-map.js';
import { MutationRun, type Bundle, type Offer, type RunHost } from './mutation-run.js';
import { isGenerator, pendingIn, settledIn, watchGenerator } from './generator.js';
import { moduleOfPath, typeOfName } from './naming.js';
import { joinStale } from './narrow.js';
import type { MutationEnd } from './observer.js';
import { marked } from './order.js';
import { rowOf, type GivenRow } from './rows.js';
import type { Rules } from './rules.js';

/** Fits any base procedure. Names no router, so that it can stand inside the one it broadcasts for. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- any context and any meta
export type SyncMiddleware = TRPCMiddlewareFunction<any, any, object, object, unknown>;

export interface MiddlewareHost {
  readonly rules: Rules;
  binding(): PathBinding | undefined;
  /** The mutation's entry; undefined where the map has none, or no map is bound. */
  entry(path: string): Entry | undefined;
  /** Why there is no entry. */
  isBound(): boolean;
  /** What is done after a mutation that failed, where its entry does not say. */
  readonly onError: OnError;
  /** Of the hub; undefined: any. */
  declaredModules(): ReadonlySet<string> | undefined;
  isOwnHub(hub: object): boolean;
  /** Of the transaction that this code runs in. */
  commit(): Commit | undefined;
  /** After `commit`, if there is one. */
  broadcast(action: SyncActionInput, mutation: string, commit: Commit | undefined): void;
  /** `kind`: default the field. */
  warn(warning: { message: string; companyId?: string; module?: string; field?: string }, kind?: string): void;
  fail(error: unknown): void;
  ended(end: MutationEnd): void;
  noted(path: string, action: SyncActionInput): void;
  /** Now, for `position`. */
  moment(): number;
  /** What this node had of the company's log at that moment, or somewhat less. */
  position(companyId: string, moment: number): string | undefined;
  /** Work that goes on after the mutation has answered. Never rejects. */
  track(work: Promise<void>): void;
}

interface Call {
  ctx: unknown;
  path: string;
  getRawInput?: () => Promise<unknown>;
  rawInput?: unknown;
  run: MutationRun;
  /** Where its result may be a row that goes out. */
  began: Began | undefined;
}

interface Began {
  moment: number;
  /** Unix ms. */
  at: number;
}

/** A row contains what was there before its mutation began. */
function beganAt(path: string, host: MiddlewareHost): Began | undefined {
  try {
    return host.entry(path)?.row && { moment: host.moment(), at: Date.now() };
  } catch {
    return undefined;
  }
}

interface Outcome {
  ok: boolean;
  data?: unknown;
  error?: unknown;
  /** The context as the innermost middleware left it; tRPC gives it at run time. */
  ctx?: unknown;
}

export function createMiddleware(host: MiddlewareHost): SyncMiddleware {
  const running = new AsyncLocalStorage<MutationRun>();
  const runHost: RunHost = {
    isOwnHub: (hub) => host.isOwnHub(hub),
    noted: (path, action) => host.noted(path, action),
    send: (bundle) => sendBundle(bundle, host),
  };
  return marked<SyncMiddleware>(async (opts) => {
    if (opts.type !== 'mutation') return opts.next();
    const run = new MutationRun(opts.path, running.getStore(), runHost);
    const call: Call = { ...opts, run, began: beganAt(opts.path, host) };
    let result: Awaited<ReturnType<typeof opts.next>>;
    const failed = (thrown: unknown): void => host.track(run.failed(offerAfterFailure(call, thrown, run, host)));
    try {
      result = await running.run(run, () => runInMutation(run, () => opts.next()));
    } catch (thrown) {
      failed(thrown);
      throw thrown;
    }
    const outcome: Outcome = result;
    const succeeded = (): void => host.track(run.succeeded(offerOf(call, outcome, host)));
    if (!outcome.ok) failed(outcome.error);
    else if (!isGenerator(outcome.data)) {
      // A client that streams its batch gets the answer while parts of it still work.
      const open = pendingIn(outcome.data);
      if (open.length === 0) succeeded();
      else host.track(settledIn(open).then(() => running.run(run, () => runInMutation(run, succeeded))));
    } else {
      // Its work is done while it is read.
      const inside = <T>(fn: () => T): T => running.run(run, () => runInMutation(run, fn));
      return { ...result, data: watchGenerator(outcome.data, inside, { succeeded, failed }) };
    }
    return result;
  });
}

/** Codes that say that nobody was let in. */
const AT_THE_DOOR: ReadonlySet<unknown> = new Set([
  'UNAUTHORIZED',
  'FORBIDDEN',
  'TOO_MANY_REQUESTS',
  'PARSE_ERROR',
  'METHOD_NOT_SUPPORTED',
  'UNSUPPORTED_MEDIA_TYPE',
  'PAYLOAD_TOO_LARGE',
]);

/** The mutation itself did not run. What an input parser throws is the cause of a BAD_REQUEST that says the same. */
function isAtTheDoor(thrown: unknown, code: unknown): boolean {
  if (AT_THE_DOOR.has(code)) return true;
  if (code !== 'BAD_REQUEST' || !(thrown instanceof Error)) return false;
  return thrown.cause instanceof Error && thrown.cause.message === thrown.message;
}

/**
 * A mutation that failed may have written before: its mail server was down, its answer did not pass the output parser. Its
 * entry says what is done then; by default it is told. Undefined: nothing goes out.
 */
function offerAfterFailure(
  call: Call,
  thrown: unknown,
  run: MutationRun,
  host: MiddlewareHost,
): Promise<Offer | undefined> | undefined {
  const { path } = call;
  const { committed, rolledBack } = run.transactions;
  const code = typeof thrown === 'object' && thrown !== null && 'code' in thrown ? thrown.code : undefined;
  const entry = host.entry(path);
  const onError = entry?.onError ?? host.onError;
  // It was done before, and its answer cannot be given: that it was done is told as ever.
  if (run.record?.replayed && entry?.silent === undefined) return offerOf(call, { ok: false }, host);
  const undone = rolledBack > 0 && committed === 0;
  const refused = committed === 0 && isAtTheDoor(thrown, code);
  if (onError === 'broadcast' && entry?.silent === undefined && !undone && !refused)
    return offerOf(call, { ok: false }, host);
  host.ended({ path, ok: false, said: 'silent', queryPaths: [] });
  // An error that the mutation chose to answer with (NOT_FOUND, CONFLICT) comes before it writes, as a rule.
  const unexpected = code === undefined || code === 'INTERNAL_SERVER_ERROR';
  if (onError === 'warn' && entry?.silent === undefined && (committed > 0 || (unexpected && !undone))) {
    const what = committed > 0 ? 'had committed a transaction before it failed' : 'may have written before it failed';
    const message = `the mutation ${describe(path)} ${what}, and nothing was broadcast; onError: 'broadcast' in its entry of the invalidation map, or of createSync(), broadcasts all the same`;
    host.warn({ message, module: entry?.module ?? moduleOfPath(path) }, 'failed mutation');
  }
  return undefined;
}

/** Never rejects. */
async function offerOf(call: Call, outcome: Outcome, host: MiddlewareHost): Promise<Offer | undefined> {
  const { path } = call;
  const end: MutationEnd = { path, ok: outcome.ok, said: 'silent', queryPaths: [] };
  const commit = host.commit();
  try {
    const entry = host.entry(path);
    if (entry?.silent !== undefined) return undefined;
    const input = await inputOf(call);
    const values = { input, result: outcome.data };
    let paths: string[];
    let where: Where | undefined;
    if (entry) {
      ({ paths, where } = entry.staleOf(values, (error) => host.fail(error)));
    } else {
      paths = [prefixOf(path, host.binding())];
      end.said = 'none';
      host.fail(noEntry(path, paths, host));
    }
    if (paths.length === 0) return undefined;
    const given = entry ?? { module: moduleOfPath(path) || '*', type: typeOfName(path) };
    const ctx = 'ctx' in outcome ? outcome.ctx : call.ctx;
    const { companyId, data, ...fields } = host.rules.fieldsOf({ ctx, path, ...values }, given, (error) =>
      host.fail(error),
    );
    const declared = host.declaredModules();
    if (declared && fields.module !== '*' && !declared.has(fields.module)) {
      host.fail(
        new PathcastError(
          'INVALID_FIELD',
          `the mutation ${describe(path)} is of ${host.rules.decidesModule ? 'a module, by the rule module,' : `the module ${describe(fields.module)},`} which the hub does not declare (${[...declared].join(', ')}); '*' goes out in its place`,
        ),
      );
      fields.module = '*';
    }
    if (companyId === undefined) {
      end.said = 'lost';
      host.fail(
        new PathcastError(
          'INVALID_COMPANY_ID',
          `the mutation ${describe(path)} cannot be broadcast: no companyId was found; give rules.companyId`,
        ),
      );
      return undefined;
    }
    if (end.said === 'silent') end.said = 'map';
    end.queryPaths = paths;
    if (host.rules.hasClients && fields.clientId === undefined) {
      host.warn({
        field: 'clientId',
        message: `the mutation ${describe(path)} does not say which client it is about: clientId is missing`,
        companyId,
        module: fields.module,
      });
    }
    const { record } = call.run;
    // What was answered then may be old by now: that it is stale goes out again, under the id that it had then, and nothing of what it was.
    const shows = outcome.ok && !record?.replayed;
    const action = { ...fields, companyId, ...(data === undefined || record?.replayed ? undefined : { data }), ...(record && recorded(record, fields.sourceId)) };
    return { name: path, paths, where, action, commit, row: shows ? rowFor(call, entry, values, fields.type, companyId, host) : undefined };
  } catch (thrown) {
    host.fail(
      isPathcastError(thrown)
        ? thrown
        : new PathcastError('INVALID_FIELD', `the action of ${describe(path)} could not be made: ${describeThrown(thrown)}`),
    );
    return undefined;
  } finally {
    host.ended(end);
  }
}

/** An action that has its place already is a duplicate, and tells nobody: only where it was lost with its process it is told now. */
function recorded({ actionId, sourceId, tx }: MutationRecord, own: string | undefined): Pick<SyncActionInput, 'id' | 'sourceId' | 'tx'> {
  return { id: actionId, sourceId: own ?? sourceId, tx };
}

function rowFor(call: Call, entry: Entry | undefined, values: CallValues, type: ActionType, companyId: string, host: MiddlewareHost): GivenRow | undefined {
  if (!entry?.row) return undefined;
  const { path, began } = call;
  const given = rowOf(path, entry.row, values, type === 'delete', (error) => host.fail(error));
  return given && { ...given, row: { ...given.row, at: began && host.position(companyId, began.moment), began: began?.at } };
}

function noEntry(path: string, paths: readonly string[], host: MiddlewareHost): PathcastError {
  const why = host.isBound()
    ? 'has no entry in the invalidation map'
    : 'ran before sync.bind() had read the invalidation map';
  const full = [...(host.binding()?.mutations ?? [])].filter((name) => name.endsWith(`.${path}`));
  if (path === '') {
    return new PathcastError(
      'UNKNOWN_MUTATION',
      `a mutation without a path ran, as a server action does; '${paths.join()}' goes out in its place. Give experimental_caller a pathExtractor that says which mutation of the invalidation map it is`,
    );
  }
  const hint =
    full.length === 0 ? '' : `; a caller of a sub-router leaves the rest of the path out (${full.join(', ')})`;
  return new PathcastError(
    'UNKNOWN_MUTATION',
    `the mutation ${describe(path)} ${why}; '${paths.join()}' goes out in its place${hint}`,
  );
}

/** tRPC memorises it: after a parser has run it is there. */
async function inputOf(call: Call): Promise<unknown> {
  try {
    return call.getRawInput ? await call.getRawInput() : call.rawInput;
  } catch {
    return undefined;
  }
}

function sendBundle({ companyId, offers, byHand }: Bundle, host: MiddlewareHost): void {
  // Beside a mutation inside it, or a broadcast by hand, nobody knows what its result was read before.
  const isAlone = offers.length === 1 && byHand.length === 0;
  for (const group of byClient(offers.filter(({ commit }) => !commit?.lost))) sendGroup(companyId, group, byHand, isAlone, host);
}

/**
 * The outermost first. Who looks at one client hears nothing of an action for another; one for none reaches all. A nested
 * mutation that does not say which is about the outermost one's.
 */
function byClient(offers: readonly Offer[]): Iterable<readonly Offer[]> {
  const lead = offers[0]?.action.clientId ?? undefined;
  if (lead === undefined) return offers.length === 0 ? [] : [offers];
  const groups = new Map<string | null, Offer[]>();
  for (const offer of offers) {
    const { clientId = lead } = offer.action;
    const group = groups.get(clientId);
    if (group) group.push(offer);
    else groups.set(clientId, [offer]);
  }
  return groups.values();
}

/** What was broadcast by hand takes the place of as much as it told to those who would hear it; the rest goes out. */
function sendGroup(companyId: string, offers: readonly Offer[], byHand: Bundle['byHand'], isAlone: boolean, host: MiddlewareHost): void {
  const lead = offers[0] as Offer;
  const binding = host.binding();
  const { queryPaths, narrowed } = together(joinStale(offers), binding);
  const clientId = lead.action.clientId ?? undefined;
  const told = byHand.filter((one) => one.clientId === undefined || one.clientId === clientId);
  const forgotten = leftOut(queryPaths, new Set(told.flatMap((one) => one.paths)), binding);
  if (forgotten.length === 0) return;
  const where = Object.fromEntries(narrowed.filter(([path]) => forgotten.includes(path)));
  const action = { ...lead.action, queryPaths: forgotten, ...(narrowed.length > 0 && { where }), ...(isAlone && shown(lead)) };
  host.broadcast(action, lead.name, lead.commit);
  if (byHand.length === 0) return;
  const message = `the mutation ${describe(lead.name)} broadcast by hand and left out what the invalidation map names: ${forgotten.join(', ')}; it went out in a second action`;
  host.warn({ field: 'queryPaths', message, companyId, module: lead.action.module }, 'left out by hand');
}

/** In as few paths as cover those that are not narrowed. What is too much for one action is not narrowed either: fewer paths cover it then. */
function together(stale: ReadonlyMap<string, Restriction | undefined>, binding: PathBinding | undefined): { queryPaths: string[]; narrowed: [string, Restriction][] } {
  const narrowed = [...stale].filter((one): one is [string, Restriction] => one[1] !== undefined);
  const wide = unionOf(
    [...stale.keys()].filter((path) => !stale.get(path)),
    binding,
  );
  const queryPaths = [...wide, ...leftOut(narrowed.map(([path]) => path), new Set(wide), binding)];
  if (queryPaths.length <= MAX_QUERY_PATHS) return { queryPaths, narrowed };
  return { queryPaths: unionOf(stale.keys(), binding), narrowed: [] };
}

/** The row takes the place of the data that a rule gave. */
function shown({ row: given }: Offer): { row?: RowInput; data?: unknown } {
  if (!given) return {};
  return { row: given.row, ...(given.data !== undefined && { data: given.data }) };
}
