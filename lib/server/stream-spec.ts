/** From the options of a stream to what an engine takes. */
import { PathcastError } from '../protocol/error.js';
import { describe } from '../internal/describe.js';
import type { StreamSpec } from '../internal/engine.js';
import { checkCompanyId, checkIdentifier, checkKeys, checkObject, checkOptionalIdentifier } from './check.js';
import { engineFilter } from './filter.js';
import type { StreamOptions } from './options.js';
import type { PathBinding } from './paths/binding.js';
import { checkRequest, checkResponse, forwardedAddress, lastEventIdHeader, nodeRequest, originalUrl, procedurePath, queryOf } from './request-parts.js';
import { inputField, resumePoint } from './resume.js';
import { checkPresence } from './presence/check.js';
import type { Codec } from './transformer.js';

const KNOWN = [
  'companyId',
  'userId',
  'req',
  'res',
  'input',
  'lastEventId',
  'lastSyncTimestamp',
  'since',
  'signal',
  'dialect',
  'ids',
  'filter',
  'clientInstanceId',
  'clientGeneration',
  'presence',
  'expiresAt',
  'headers',
  'path',
  'tracked',
  'toError',
  'holdResponse',
  'handOver',
] as const satisfies readonly (keyof StreamOptions)[];

/** A query and a header from elsewhere than `req` (a web Request). */
export interface ForeignRequest {
  url: string;
  lastEventId: string | null;
  signal?: AbortSignal | undefined;
}

/** Throws PathcastError: a stream that is not understood is not opened. `httpHead` is left empty. */
export function streamSpec(
  options: StreamOptions<unknown>,
  { codec, router }: { codec: Codec; router: () => PathBinding | undefined },
  foreign?: ForeignRequest,
): StreamSpec {
  checkObject('stream options', options, 'INVALID_OPTION');
  checkKeys('stream()', options, KNOWN);
  checkRequest(options.req);
  checkResponse(options.res);
  const request = nodeRequest(options.req);
  const url = foreign?.url ?? originalUrl(request);
  const companyId = checkCompanyId(options.companyId);
  const userId = checkIdentifier('userId', options.userId);
  const dialect = options.dialect ?? 'trpc';
  if (dialect !== 'trpc' && dialect !== 'plain') {
    throw new PathcastError('INVALID_FIELD', `dialect must be 'trpc' or 'plain', got ${describe(dialect)}`);
  }
  const spec: StreamSpec = {
    companyId,
    userId,
    dialect,
    ids: checkBoolean('ids', options.ids, true),
    transformed: dialect === 'trpc' && codec.form !== 'none',
    httpHead: '',
    ...resumePoint({
      header: foreign ? foreign.lastEventId : lastEventIdHeader(request),
      query: queryOf(url),
      input: options.input,
      lastEventId: options.lastEventId,
      lastSyncTimestamp: options.lastSyncTimestamp,
      since: options.since,
    }),
  };
  const filter = engineFilter(options.filter, userId, router());
  if (filter) spec.filter = filter;
  const instanceId = instanceOf(options, queryOf(url));
  if (instanceId !== undefined) spec.instanceId = instanceId;
  const generation = generationOf(options, queryOf(url));
  if (generation !== undefined) spec.generation = generation;
  if (options.presence !== undefined) spec.presence = checkPresence(options.presence);
  const expiresAt = checkExpiry(options.expiresAt);
  if (expiresAt !== undefined) spec.expiresAt = expiresAt;
  const address = forwardedAddress(options.req, request);
  if (address !== undefined) spec.address = address;
  checkBoolean('holdResponse', options.holdResponse, false);
  checkBoolean('handOver', options.handOver, true);
  checkSignal(options.signal);
  checkFunction('tracked', options.tracked);
  checkFunction('toError', options.toError);
  if (options.path !== undefined) checkIdentifier('path', options.path);
  const path = checkPath(options.path) ?? (dialect === 'trpc' ? procedurePath(url) : undefined);
  if (path !== undefined) spec.trpcPath = path;
  return spec;
}

/** First that is there: the option, the input's, the query's. */
function instanceOf({ clientInstanceId, input }: StreamOptions<unknown>, query: URLSearchParams): string | undefined {
  return (
    checkOptionalIdentifier('clientInstanceId', clientInstanceId) ??
    checkOptionalIdentifier('input.clientInstanceId', inputField(input, 'clientInstanceId')) ??
    checkOptionalIdentifier('?clientInstanceId', query.get('clientInstanceId'))
  );
}

/** The same; a number in a query is its digits. */
function generationOf({ clientGeneration, input }: StreamOptions<unknown>, query: URLSearchParams): number | undefined {
  const given = clientGeneration ?? inputField(input, 'clientGeneration') ?? query.get('clientGeneration');
  if (given === undefined || given === null || given === '') return undefined;
  const generation = typeof given === 'string' && /^\d{1,16}$/.test(given) ? Number(given) : given;
  if (typeof generation === 'number' && Number.isSafeInteger(generation) && generation >= 0) return generation;
  throw new PathcastError('INVALID_FIELD', `clientGeneration must be a whole number from 0 on, got ${describe(given)}`);
}

function checkFunction(field: string, value: unknown): void {
  if (value === undefined || typeof value === 'function') return;
  throw new PathcastError('INVALID_FIELD', `${field} must be a function, got ${describe(value)}`);
}

/** One of another realm, or of a ponyfill, is one too. */
function checkSignal(value: unknown): void {
  if (value === undefined) return;
  const { aborted, addEventListener } = Object(value) as { aborted?: unknown; addEventListener?: unknown };
  if (typeof aborted === 'boolean' && typeof addEventListener === 'function') return;
  throw new PathcastError('INVALID_FIELD', `signal must be an AbortSignal, got ${describe(value)}`);
}

function checkBoolean(field: string, value: unknown, fallback: boolean): boolean {
  if (value === undefined) return fallback;
  if (typeof value === 'boolean') return value;
  throw new PathcastError('INVALID_FIELD', `${field} must be true or false, got ${describe(value)}`);
}

function checkPath(value: unknown): string | undefined {
  if (value === undefined || typeof value === 'string') return value;
  throw new PathcastError('INVALID_FIELD', `path must be a string, a procedure's path, got ${describe(value)}`);
}

/** A bad expiry is refused: a session that was meant to end must not live for ever. */
export function checkExpiry(value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined;
  const ms = value instanceof Date ? value.getTime() : value;
  // 8.64e15 is the last instant a Date can hold.
  if (typeof ms !== 'number' || !(ms >= 0 && ms <= 8.64e15)) {
    throw new PathcastError(
      'INVALID_FIELD',
      `expiresAt must be a Date or a Unix time in milliseconds (0 to 8.64e15), got ${describe(value)}`,
    );
  }
  return Math.floor(ms);
}
