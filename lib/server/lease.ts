/** A counted right to hold one connection, and what is thrown where there is none left. */
import { PathcastError } from '../protocol/error.js';

export interface ConnectionGuard {
  /** Gives the right back. Idempotent: only the first call counts down. Never rejects. */
  release(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

const BRAND = Symbol.for('pathcast.connection-limit');

/** A limit on connections is reached. Told by brand, so an error of another copy of the package is one too. */
export class SSEConnectionLimitError extends PathcastError {
  /** Which of the two limits. */
  readonly scope: 'user' | 'company';
  readonly limit: number;
  readonly current: number;

  constructor(code: 'USER_LIMIT' | 'COMPANY_LIMIT', limit: number, current: number) {
    const scope = code === 'USER_LIMIT' ? 'user' : 'company';
    super(code, `Too many connections for this ${scope}: ${current} of ${limit}`);
    this.name = 'SSEConnectionLimitError';
    this.scope = scope;
    this.limit = limit;
    this.current = current;
    Object.defineProperty(this, BRAND, { value: true });
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === 'object' && value !== null && (value as Record<symbol, unknown>)[BRAND] === true;
  }
}

export function guardOf(release: () => Promise<void>): ConnectionGuard {
  let released: Promise<void> | undefined;
  const once = (): Promise<void> => (released ??= release());
  return { release: once, [Symbol.asyncDispose]: once };
}
