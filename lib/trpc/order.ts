/** In which order the middlewares of a procedure stand, as tRPC 11 keeps them. */

/** Of an ESM and a CommonJS copy of the package: a router may have the one's middleware and be bound by the other. */
const SLOT = Symbol.for('pathcast.sync-middlewares');
const shared = globalThis as { [SLOT]?: WeakSet<object> };
const ours = (shared[SLOT] ??= new WeakSet<object>());

/** Remembers a middleware as one of sync's. */
export function marked<M extends object>(middleware: M): M {
  ours.add(middleware);
  return middleware;
}

/** Mutations with an `.output()`. */
export interface OutputOrder {
  /** It stands in front of `sync.middleware()`: its parser runs last, so the result that the middleware sees has what the parser takes out. */
  readonly unparsed: ReadonlySet<string>;
  /** No middleware of sync's is among theirs as it is: it may stand in a function of the app's. */
  readonly unknown: ReadonlySet<string>;
}

/** Of a router whose procedures are kept in another way nothing is known. */
export function outputOrder(router: unknown): OutputOrder {
  const unparsed = new Set<string>();
  const unknown = new Set<string>();
  const procedures = Object((Object(router) as { _def?: { procedures?: unknown } })._def?.procedures) as Record<string, unknown>;
  for (const [path, procedure] of Object.entries(procedures)) {
    const middlewares = (procedure as { _def?: { middlewares?: unknown } } | null)?._def?.middlewares;
    if (!Array.isArray(middlewares)) continue;
    const isOurs = (one: unknown): boolean => ours.has(Object(one) as object);
    const output = middlewares.findIndex((one: { _type?: unknown } | null) => one?._type === 'output');
    if (output < 0) continue;
    if (middlewares.slice(output).some(isOurs)) unparsed.add(path);
    else if (!middlewares.some(isOurs)) unknown.add(path);
  }
  return { unparsed, unknown };
}
