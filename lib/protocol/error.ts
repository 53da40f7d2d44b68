/**
 * The one error class of pathcast. Told by brand, not by `instanceof`: an ESM and a CommonJS copy of the
 * package can live in one process, and an error of either is an error of both.
 */
import { ERROR_CODES, type ErrorCode } from './codes.js';

const BRAND = Symbol.for('pathcast.error');

/** Codes after which the same call may succeed later, with nothing changed by the caller. */
const RETRYABLE: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'OVERLOADED',
  'OUTBOX_FULL',
  'USER_LIMIT',
  'COMPANY_LIMIT',
  'DRAINING',
  'STREAM_CLOSED',
  'RATE_LIMIT',
  'TRANSACTION_IN_FLIGHT',
]);

export interface PathcastErrorOptions {
  cause?: unknown;
  /** Why the hub ended a stream; only with `STREAM_CLOSED`. */
  reason?: string;
  /** Default: by the code. */
  retryable?: boolean;
}

export class PathcastError extends Error {
  readonly code: ErrorCode;
  /** The number of `code` in the registry (`protocol/codes.ts`). */
  readonly number: number;
  /** True if the same call may succeed later. */
  readonly retryable: boolean;
  /** Close reason of a `STREAM_CLOSED`. */
  readonly reason?: string;

  constructor(code: ErrorCode, message: string, options: PathcastErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'PathcastError';
    this.code = code;
    this.number = ERROR_CODES[code];
    this.retryable = options.retryable ?? RETRYABLE.has(code);
    if (options.reason !== undefined) this.reason = options.reason;
    Object.defineProperty(this, BRAND, { value: true });
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    // Subclasses keep the ordinary meaning unless they bring a brand of their own.
    if (this !== PathcastError) return Function.prototype[Symbol.hasInstance].call(this, value);
    return isPathcastError(value);
  }
}

/** True for a `PathcastError` of any copy of the package. Never throws. */
export function isPathcastError(value: unknown): value is PathcastError {
  try {
    return typeof value === 'object' && value !== null && (value as Record<symbol, unknown>)[BRAND] === true;
  } catch {
    return false;
  }
}
