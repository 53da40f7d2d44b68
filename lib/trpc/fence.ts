/** `sync.fence()`: says in a response header what an answer contains of the company's log (SPEC §17). */
import type { TRPCError } from '@trpc/server';
import { PathcastError } from '../protocol/error.js';
import { parsePosition, POSITION_HEADER } from '../protocol/position.js';
import { describe } from '../internal/describe.js';
import { checkKeys, checkObject } from '../server/check.js';

/** What an adapter of tRPC hands to `responseMeta`, as far as it is read here. */
export interface ResponseMetaCall {
  /** Of the request; the same object as `createContext` was given. */
  info?: object | undefined;
  type: string;
  errors: TRPCError[];
}

export interface ResponseMetaResult {
  status?: number;
  headers?: Headers | Record<string, string | string[]>;
}

type MetaFunction = { meta(call: never): ResponseMetaResult | undefined }['meta'];

export interface FenceOptions<O, Ctx> {
  /** The app's own. */
  createContext?: ((options: O) => Ctx | Promise<Ctx>) | undefined;
  /** The app's own; what it sets is kept. */
  responseMeta?: MetaFunction | undefined;
  /** Whose data the caller is shown, by what `createContext` gave; default: as the rule `companyId` of `createSync()`. Nobody's: no header. */
  companyId?: ((ctx: Ctx) => string | null | undefined | Promise<string | null | undefined>) | undefined;
  /**
   * Where queries read from a replica: the position that it has reached, as it was told (`hub.position()`, or `epoch` and `seq` of a broadcast,
   * written beside the data). The older of it and `position` goes out. Null, or a throw: no header.
   */
  position?:
    | ((call: { ctx: Ctx; companyId: string; position: string }) => string | null | undefined | Promise<string | null | undefined>)
    | undefined;
}

export interface Fence<O, Ctx> {
  createContext: (options: O) => Promise<Ctx>;
  responseMeta: (call: ResponseMetaCall) => ResponseMetaResult;
}

export interface FenceHost {
  moment(): number;
  /** As it was at that moment, or somewhat older. */
  position(companyId: string, moment: number): string | undefined;
  companyIdOf(ctx: unknown): string | undefined;
  report(thrown: unknown): void;
}

/** Of one request. */
interface Read {
  position: string;
  /** What is exposed already, by whoever answers cross-origin requests; undefined: the request is of the page's own origin. */
  exposed: (() => string) | undefined;
}

const EXPOSE = 'access-control-expose-headers';

/** Throws PathcastError INVALID_OPTION. */
export function createFence<O, Ctx>(host: FenceHost, options: FenceOptions<O, Ctx> = {}): Fence<O, Ctx> {
  const given = checkObject('fence() options', options, 'INVALID_OPTION');
  checkKeys('fence()', given, ['createContext', 'responseMeta', 'companyId', 'position']);
  for (const [name, value] of Object.entries(given)) {
    if (value !== undefined && typeof value !== 'function')
      throw new PathcastError('INVALID_OPTION', `fence(): ${name} must be a function, got ${describe(value)}`);
  }
  const { createContext, responseMeta, companyId, position: ofReplica } = options;
  // By the request, which a batch is one of: what is read before the first of its resolvers runs holds for all of them.
  const reads = new WeakMap<object, Read>();

  const read = async (call: O, ctx: Ctx, moment: number): Promise<void> => {
    const { info } = call as { info?: object };
    if (info === undefined) return;
    const company = companyId ? await companyId(ctx) : host.companyIdOf(ctx);
    if (typeof company !== 'string' || company === '') return;
    const own = host.position(company, moment);
    if (own === undefined) return;
    const replicas = ofReplica ? await ofReplica({ ctx, companyId: company, position: own }) : own;
    if (replicas === null || replicas === undefined) return;
    reads.set(info, { position: older(own, replicas), exposed: exposedOf(call) });
  };

  const began = (): number | undefined => {
    try {
      return host.moment();
    } catch (thrown) {
      host.report(thrown);
      return undefined;
    }
  };

  return {
    createContext: async (call) => {
      // What createContext reads itself, a session's user, is in answers too. Whose log it is, is known only after it.
      const moment = began();
      const ctx = (await createContext?.(call)) as Ctx;
      if (moment !== undefined) await read(call, ctx, moment).catch((thrown: unknown) => host.report(thrown));
      return ctx;
    },
    responseMeta: (call) => {
      const meta = responseMeta?.(call as never) ?? {};
      const found = call.type === 'subscription' || !call.info ? undefined : reads.get(call.info);
      if (!found) return meta;
      const headers = recordOf(meta.headers);
      headers[POSITION_HEADER] = found.position;
      if (found.exposed) {
        const names = [headers[EXPOSE] ?? found.exposed()].flat().filter((name) => name !== '');
        // Beside a `*` too: with credentials that is a name as any other.
        headers[EXPOSE] = [...names, POSITION_HEADER].join(', ');
      }
      return { ...meta, headers };
    },
  };
}

/** Of two epochs no place is older: then the replica's counts, which is the one that is read. */
function older(own: string, replicas: string): string {
  const at = parsePosition(replicas);
  if (!at) throw new PathcastError('INVALID_FIELD', `position must give "<epoch>.<seq>" or null, got ${describe(replicas)}`);
  const here = parsePosition(own);
  return here && here.epoch === at.epoch && here.seq < at.seq ? own : replicas;
}

function recordOf(headers: ResponseMetaResult['headers']): Record<string, string | string[]> {
  const record: Record<string, string | string[]> = {};
  const all = headers instanceof Headers ? headers.entries() : Object.entries(headers ?? {});
  for (const [name, value] of all) {
    const known = record[name.toLowerCase()];
    record[name.toLowerCase()] = known === undefined ? value : [known, value].flat();
  }
  return record;
}

interface AdapterCall {
  req?: { headers?: Headers | Record<string, unknown> };
  res?: { getHeader?: (name: string) => string | number | readonly string[] | undefined };
  resHeaders?: Headers;
}

/** A browser says on each request to another origin where it comes from. */
function exposedOf(call: unknown): Read['exposed'] {
  const { req, res, resHeaders } = call as AdapterCall;
  const headers = req?.headers;
  const origin = headers instanceof Headers ? headers.get('origin') : headers?.['origin'];
  if (typeof origin !== 'string') return undefined;
  return () => {
    const names = res?.getHeader?.(EXPOSE) ?? resHeaders?.get(EXPOSE) ?? '';
    return Array.isArray(names) ? names.join(', ') : String(names);
  };
}
