/** What an answer means, told by its typed fields and never by its text. Pure. */
import type { FieldConflict } from '../../protocol/conflict.js';
import type { EntryError } from '../types.js';

export type Outcome =
  /** It was done. `answer`: as the server gave it. */
  | { is: 'answer'; answer: unknown }
  /** It was done once before, and its answer is not kept. */
  | { is: 'done' }
  /** Nobody of the app's has answered. */
  | { is: 'unreachable'; error: EntryError }
  | { is: 'unauthorized'; error: EntryError }
  /** Not now. `ms`: not before that. */
  | { is: 'later'; error: EntryError; ms: number }
  | { is: 'server'; error: EntryError; ms: number }
  | { is: 'conflict'; error: EntryError; conflicts: readonly FieldConflict[] }
  /** For good. */
  | { is: 'refused'; error: EntryError };

interface Thrown {
  message?: unknown;
  data?: { code?: string; httpStatus?: unknown; pathcast?: { code?: unknown; retryable?: unknown; retryAfterMs?: unknown; conflicts?: unknown } | null } | null;
  meta?: Answered | null;
  cause?: Answered | null;
}

interface Answered {
  response?: { status?: unknown; headers?: { get?: (name: string) => string | null } } | null;
}

/** A proxy refuses a body that is too large without asking the app. */
const LATER = [408, 425, 429];
const OF_A_PROXY = [401, 413, ...LATER];

/** As it can be kept; undefined where it cannot. */
export function keepable<T>(value: T): T | undefined {
  try {
    return structuredClone(value);
  } catch {
    return undefined;
  }
}

/** ms of `Retry-After`: seconds, or a date, which is held against the server's own clock where its answer tells it. NaN: there is none. */
function waitOf(headers: Answered['response'] | undefined, now: number): number {
  const header = (name: string): string | null | undefined => headers?.headers?.get?.(name);
  const after = header('retry-after') || '-';
  return Number.isNaN(Number(after)) ? Date.parse(after) - (Date.parse(`${header('date')}`) || now) : Number(after) * 1000;
}

/** `now`: Unix ms. */
export function outcomeOf(thrown: unknown, now: number): Outcome {
  const { message = thrown, data, meta, cause } = Object(thrown) as Thrown;
  // Of an answer that is no JSON tRPC's client says nothing: the app's own `fetch` may (docs/offline.md).
  const response = (meta ?? cause)?.response;
  const own = Number(data?.httpStatus);
  const status = own || Number(response?.status);
  const { code, retryable, retryAfterMs, conflicts } = data?.pathcast ?? {};
  const error: EntryError = { message: String(message) };
  if (typeof data?.code === 'string') error.code = data.code;
  if (status) error.httpStatus = status;
  if (data) error.data = keepable(data);
  if (!own && !OF_A_PROXY.includes(status)) return { is: 'unreachable', error };
  if (status === 401) return { is: 'unauthorized', error };
  if (code === 'TRANSACTION_DONE') return { is: 'done' };
  const later = retryable === true || LATER.includes(status);
  if (status === 409 && !later) return { is: 'conflict', error, conflicts: code === 'FIELD_CONFLICT' && Array.isArray(conflicts) ? (conflicts as FieldConflict[]) : [] };
  const ms = Math.max(0, Number(retryAfterMs ?? waitOf(response, now)) || 0);
  return later ? { is: 'later', error, ms } : status >= 500 ? { is: 'server', error, ms } : { is: 'refused', error };
}
