/**
 * The procedures of a tRPC router, read from `_def` without importing tRPC: flat full paths in `procedures`, the lazy
 * routers that are not loaded yet in `lazy`. The same from 11.0 on.
 */
import { PathcastError } from '../../protocol/error.js';
import { describe, isArray, messageOf } from '../../internal/describe.js';
import { isQueryPath } from '../query-paths.js';

export interface LazyRouter {
  /** Full path of the router that will be there. */
  prefix: string;
  /** Adds its procedures, and its own lazy routers, to the router that was read. */
  load: () => Promise<unknown>;
}

export interface RouterPaths {
  /** In the router's order, as all lists here. */
  queries: string[];
  mutations: string[];
  subscriptions: string[];
  lazy: LazyRouter[];
  /** Queries whose name no query path can hold (a blank, a comma): only a prefix or `*` reaches them. */
  unnameable: string[];
}

/** Throws PathcastError INVALID_OPTION for what is no router. */
export function readRouter(router: unknown): RouterPaths {
  try {
    return read(router);
  } catch (thrown) {
    if (thrown instanceof PathcastError) throw thrown;
    throw new PathcastError('INVALID_OPTION', `bindRouter(): the router could not be read: ${messageOf(thrown)}`, {
      cause: thrown,
    });
  }
}

function read(router: unknown): RouterPaths {
  const def = definitionOf(router);
  const paths: RouterPaths = { queries: [], mutations: [], subscriptions: [], lazy: [], unnameable: [] };
  for (const [path, procedure] of Object.entries(def.procedures)) {
    const type = typeOf(procedure);
    if (type === 'mutation') paths.mutations.push(path);
    else if (type === 'subscription') paths.subscriptions.push(path);
    else if (type !== 'query') {
      throw new PathcastError(
        'INVALID_OPTION',
        `bindRouter(): ${describe(path)} is no procedure of tRPC 11: its type is ${describe(type)}, not 'query', 'mutation' or 'subscription'`,
      );
    } else (path !== '*' && isQueryPath(path) ? paths.queries : paths.unnameable).push(path);
  }
  for (const [prefix, loader] of Object.entries(def.lazy)) {
    const load = (loader as { load?: unknown } | null | undefined)?.load;
    if (typeof load !== 'function') {
      throw new PathcastError(
        'INVALID_OPTION',
        `bindRouter(): the lazy router ${describe(prefix)} has no load(), got ${describe(load)}`,
      );
    }
    paths.lazy.push({ prefix, load: async () => await (load as () => unknown).call(loader) });
  }
  return paths;
}

interface Definition {
  procedures: object;
  lazy: object;
}

function definitionOf(router: unknown): Definition {
  const given = typeof router === 'object' && router !== null ? (router as { _def?: unknown })._def : undefined;
  if (typeof given !== 'object' || given === null) throw noRouter(router);
  const { router: isRouter, procedures, lazy } = given as Record<string, unknown>;
  if (isRouter !== true || typeof procedures !== 'object' || procedures === null) throw noRouter(router);
  if (lazy !== undefined && (typeof lazy !== 'object' || lazy === null)) throw noRouter(router);
  return { procedures, lazy: lazy ?? {} };
}

function typeOf(procedure: unknown): unknown {
  if (typeof procedure !== 'function' && (typeof procedure !== 'object' || procedure === null)) return undefined;
  return (procedure as { _def?: { type?: unknown } })._def?.type;
}

function noRouter(given: unknown): PathcastError {
  return new PathcastError(
    'INVALID_OPTION',
    `bindRouter() takes a tRPC router, what router({ … }) gives: got ${whatIsIt(given)}`,
  );
}

/** Keys of an object that are named in the message. */
const MAX_KEYS = 5;

function whatIsIt(given: unknown): string {
  if (typeof given === 'function') {
    const isProcedure = (given as { _def?: { procedure?: unknown } })._def?.procedure === true;
    return isProcedure ? 'a single procedure' : 'a function (a caller, a class or a lazy router?)';
  }
  if (typeof given !== 'object' || given === null || isArray(given)) return describe(given);
  if (typeof (given as { then?: unknown }).then === 'function') return 'a promise; await it first';
  const keys = Object.keys(given);
  const more = keys.length > MAX_KEYS ? ', …' : '';
  return keys.length === 0
    ? 'an object without keys'
    : `an object with ${keys.slice(0, MAX_KEYS).map(describe).join(', ')}${more}`;
}
