/** `sync.middleware()`: one action for each successful mutation that a client called (SPEC §10). */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { TRPCMiddlewareFunction } from '@trpc/server';
import type { SyncActionInput } from '../protocol/events.js';
import { isPathcastError, PathcastError } from '../protocol/error.js';
import { describe, describeThrown } from '../internal/describe.js';
import type { Commit } from './after-commit.js';
import type { PathBinding } from '../server/paths/binding.js';
import { runInMutation } from '../server/mutation-scope.js';
import { leftOut, prefixOf, unionOf, type Entry } from './compiled-map.js';
import type { OnError } from './invalidation-map.js';
import { MutationRun, type Bundle, type Offer, type RunHost } from './mutation-run.js';
import { isGenerator, pendingIn, settledIn, watchGenerator } from './generator.js';
import { moduleOfPath, typeOfName } from './naming.js';
import type { MutationEnd } from './observer.js';
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
  /** Work that goes on after the mutation has answered. Never rejects. */
  track(work: Promise<void>): void;
}

interface Call {
  ctx: unknown;
  path: string;
  getRawInput?: () => Promise<unknown>;
  rawInput?: unknown;
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
  return async (opts) => {
    if (opts.type !== 'mutation') return opts.next();
    const run = new MutationRun(opts.path, running.getStore(), runHost);
    const call: Call = opts;
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
  };
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
    if (entry) {
      paths = entry.pathsOf(values, (error) => host.fail(error));
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
    const action = { ...fields, companyId, ...(data === undefined ? undefined : { data }) };
    return { name: path, paths, action, commit };
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
  for (const group of byClient(offers.filter(({ commit }) => !commit?.lost))) sendGroup(companyId, group, byHand, host);
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
function sendGroup(companyId: string, offers: readonly Offer[], byHand: Bundle['byHand'], host: MiddlewareHost): void {
  const lead = offers[0] as Offer;
  const binding = host.binding();
  const queryPaths = unionOf(
    offers.flatMap((offer) => offer.paths),
    binding,
  );
  const clientId = lead.action.clientId ?? undefined;
  const told = byHand.filter((one) => one.clientId === undefined || one.clientId === clientId);
  const forgotten = leftOut(queryPaths, new Set(told.flatMap((one) => one.paths)), binding);
  if (forgotten.length === 0) return;
  host.broadcast({ ...lead.action, queryPaths: forgotten }, lead.name, lead.commit);
  if (byHand.length === 0) return;
  const message = `the mutation ${describe(lead.name)} broadcast by hand and left out what the invalidation map names: ${forgotten.join(', ')}; it went out in a second action`;
  host.warn({ field: 'queryPaths', message, companyId, module: lead.action.module }, 'left out by hand');
}
