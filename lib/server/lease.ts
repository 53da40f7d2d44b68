/** A counted right to hold one connection, and what is thrown where there is none left. */
import { describeKind } from '../internal/describe.js';
import type { Engine } from '../internal/engine.js';
import { PathcastError } from '../protocol/error.js';
import { checkCompanyId, checkIdentifier, checkKeys } from './check.js';
import { closedError } from './publisher.js';
import type { Teller } from './teller.js';

/** Whose connection it is. */
export interface Seat {
  companyId: string;
  userId: string;
}

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

interface LeaseHost {
  readonly engine: Pick<Engine, 'acquire' | 'release'>;
  readonly teller: Pick<Teller, 'report'>;
  readonly closed: boolean;
}

/** See `Hub.acquire`. */
export async function takeSeat(host: LeaseHost, who: Seat): Promise<ConnectionGuard> {
  const { companyId, userId } = checkSeat(who);
  if (host.closed) throw closedError();
  const report = (thrown: unknown): void => host.teller.report('acquire', thrown);
  let outcome;
  try {
    outcome = await host.engine.acquire(companyId, userId);
  } catch (thrown) {
    // Sync must not lock users out: without a count the connection is allowed, and the failure is told.
    report(thrown);
    return guardOf(() => Promise.resolve());
  }
  if (outcome.ok) {
    const { leaseId } = outcome;
    return guardOf(() => host.engine.release(leaseId).catch(report));
  }
  switch (outcome.code) {
    case 'USER_LIMIT':
    case 'COMPANY_LIMIT':
      throw new SSEConnectionLimitError(outcome.code, outcome.limit, outcome.current);
    case 'DRAINING':
      throw new PathcastError('DRAINING', 'The server is draining; reconnect');
    default:
      throw closedError();
  }
}

function checkSeat(who: unknown): Seat {
  if (typeof who !== 'object' || who === null) {
    throw new PathcastError('INVALID_FIELD', `acquire() takes { companyId, userId }, got ${describeKind(who)}`);
  }
  checkKeys('acquire()', who, ['companyId', 'userId']);
  const { companyId, userId } = who as Partial<Record<keyof Seat, unknown>>;
  return { companyId: checkCompanyId(companyId), userId: checkIdentifier('userId', userId) };
}

function guardOf(release: () => Promise<void>): ConnectionGuard {
  let released: Promise<void> | undefined;
  const once = (): Promise<void> => (released ??= release());
  return { release: once, [Symbol.asyncDispose]: once };
}
