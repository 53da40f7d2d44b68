/** PostgreSQL's own code of an error, wherever the client has put it. */

const STATE = /^[0-9A-Z]{5}$/;
/** Errors around an error. */
const MAX_DEPTH = 8;

/** pg: `code`; Drizzle: its `cause`; Prisma: `meta`, or what its adapter was told. Undefined: it is none of PostgreSQL's. */
export function sqlStateOf(error: unknown): string | undefined {
  let found: unknown = error;
  for (let depth = 0; depth < MAX_DEPTH && typeof found === 'object' && found !== null; depth++) {
    const { code, originalCode, meta, cause } = found as Record<string, unknown>;
    for (const state of [originalCode, code, (meta as Record<string, unknown> | undefined)?.['code']]) {
      if (typeof state === 'string' && STATE.test(state) && !isPrismas(state)) return state;
    }
    found = (meta as Record<string, unknown> | undefined)?.['driverAdapterError'] ?? cause;
  }
  return undefined;
}

/** Prisma's own codes look alike: P2010. PostgreSQL's class P0 is PL/pgSQL's. */
function isPrismas(state: string): boolean {
  return /^P[1-9]/.test(state);
}
