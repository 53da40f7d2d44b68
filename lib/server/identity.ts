/** What the plain endpoints (Node, Fastify, web) have in common: from an identity to a stream's options. */
import { isPathcastError, PathcastError } from '../protocol/error.js';
import { describeKind, messageOf } from '../internal/describe.js';
import { checkCompanyId, checkIdentifier, checkOptionalIdentifier } from './check.js';
import { engineFilter, narrowByQuery } from './filter.js';
import type { Identity, PlainStreamOptions } from './options.js';
import type { PathBinding } from './paths/binding.js';
import { checkPresence } from './presence/check.js';
import { checkExpiry } from './stream-spec.js';

/** A refusal as an HTTP answer. An EventSource stops at any of them, rightly. */
export interface HttpRefusal {
  status: number;
  body: { error: { code: string; message: string } };
}

export function refusal(status: number, code: string, message: string): HttpRefusal {
  return { status, body: { error: { code, message } } };
}

export const UNAUTHORIZED = refusal(401, 'UNAUTHORIZED', 'Sign in to open this stream');
export const METHOD_NOT_ALLOWED = refusal(405, 'METHOD_NOT_ALLOWED', 'This is an event stream: GET it');

/**
 * What `identify` threw, or what a stream's options were refused for. Statuses 400 to 599 of the error itself
 * (`statusCode` or `status`) are kept; the message of an error without one stays inside.
 */
export function refusalOfThrown(thrown: unknown): HttpRefusal {
  if (isPathcastError(thrown)) {
    const status = thrown.code === 'HUB_CLOSED' ? 503 : thrown.code === 'INVALID_OPTION' ? 500 : 400;
    return refusal(status, thrown.code, thrown.message);
  }
  const status = statusOf(thrown);
  if (status === undefined) return refusal(500, 'INTERNAL_SERVER_ERROR', 'The stream could not be opened');
  const code = CODES[status] ?? (status < 500 ? 'BAD_REQUEST' : 'INTERNAL_SERVER_ERROR');
  return refusal(status, code, messageOf(thrown));
}

const CODES: Record<number, string> = {
  400: 'BAD_REQUEST',
  401: 'UNAUTHORIZED',
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
  429: 'TOO_MANY_REQUESTS',
  503: 'SERVICE_UNAVAILABLE',
};

function statusOf(thrown: unknown): number | undefined {
  if (typeof thrown !== 'object' || thrown === null) return undefined;
  const { statusCode, status } = thrown as { statusCode?: unknown; status?: unknown };
  for (const value of [statusCode, status]) {
    if (typeof value === 'number' && Number.isInteger(value) && value >= 400 && value <= 599) return value;
  }
  return undefined;
}

/** Throws INVALID_OPTION: what is wrong with an identity is the app's fault, not the client's. */
function checkIdentity({ companyId, userId, clientInstanceId, expiresAt, filter, presence }: Identity): void {
  try {
    checkCompanyId(companyId);
    checkIdentifier('userId', userId);
    checkOptionalIdentifier('clientInstanceId', clientInstanceId);
    checkExpiry(expiresAt);
    engineFilter(filter, userId);
    if (presence !== undefined) checkPresence(presence);
  } catch (thrown) {
    throw new PathcastError('INVALID_OPTION', `identify gave a bad identity: ${messageOf(thrown)}`, { cause: thrown });
  }
}

/**
 * Only the named parts of an identity are used, so an app may hand over its session object as it is. The client may
 * narrow the filter (see `narrowByQuery`) and name its instance (`?clientInstanceId=`); it cannot widen anything.
 */
export function plainOptions(
  identity: Identity,
  query: URLSearchParams,
  router?: Pick<PathBinding, 'aliasOf'>,
): PlainStreamOptions {
  if (typeof identity !== 'object')
    throw new PathcastError('INVALID_OPTION', `identify must give { companyId, userId } or null, got ${describeKind(identity)}`);
  const { companyId, userId, expiresAt, filter, presence } = identity;
  checkIdentity(identity);
  return {
    companyId,
    userId,
    expiresAt,
    filter: narrowByQuery(filter, query, router),
    clientInstanceId: identity.clientInstanceId ?? query.get('clientInstanceId'),
    clientGeneration: identity.clientGeneration,
    presence,
  };
}
