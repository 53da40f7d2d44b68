/** The subscription's input, checked without a schema library: `.input(syncInput)`. */
import { MAX_FILTER_VALUES } from '../protocol/limits.js';
import { describeKind, isArray } from '../internal/describe.js';
import { checkSince } from '../server/resume.js';

/** All optional; a client may send nothing. What is not listed is dropped. */
export interface SyncInput {
  /** Set by tRPC's client when it comes back; an unknown one gets a resync, not an error. */
  lastEventId?: string | undefined;
  /** Unix ms of the last event seen, for clients without ids. */
  lastSyncTimestamp?: number | undefined;
  /** What the page's data already contains: a cursor, or Unix ms. Used where there is no other position. */
  since?: string | number | undefined;
  /** What the client wants to hear of. For the resolver to allow. */
  clientId?: string | undefined;
  modules?: string[] | undefined;
  entities?: string[] | undefined;
  queryPaths?: string[] | undefined;
  /** The tab's own id, to be left out of its own echo. */
  sourceId?: string | undefined;
  /** The browser instance; a second stream of it replaces the first. */
  clientInstanceId?: string | undefined;
  /** Which life of the instance; the higher one stays. */
  clientGeneration?: number | undefined;
}

/** A parser function as tRPC's `.input()` takes it. Throws TypeError, or INVALID_FIELD for a bad `since`; tRPC answers both with BAD_REQUEST. */
export function syncInput(value: unknown): SyncInput | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'object' || isArray(value))
    throw new TypeError(`input must be an object, got ${describeKind(value)}`);
  const raw = value as Record<string, unknown>;
  const input: SyncInput = {};
  for (const field of ['lastEventId', 'clientId', 'sourceId', 'clientInstanceId'] as const) {
    const text = raw[field];
    if (text === undefined || text === null) continue;
    if (typeof text !== 'string') throw new TypeError(`input.${field} must be a string, got ${describeKind(text)}`);
    input[field] = text;
  }
  for (const field of ['lastSyncTimestamp', 'clientGeneration'] as const) {
    const number = raw[field];
    if (number === undefined || number === null) continue;
    if (typeof number !== 'number')
      throw new TypeError(`input.${field} must be a number${field === 'lastSyncTimestamp' ? ' (Unix ms)' : ''}, got ${describeKind(number)}`);
    input[field] = number;
  }
  const { since } = raw;
  if (since !== undefined && since !== null && since !== '') {
    const { lastEventId, lastSyncTimestamp } = checkSince('input.since', since);
    const position = lastEventId ?? lastSyncTimestamp;
    if (position !== undefined) input.since = position;
  }
  for (const field of ['modules', 'entities', 'queryPaths'] as const) {
    const list = raw[field];
    if (list === undefined || list === null) continue;
    if (!isArray(list) || list.length > MAX_FILTER_VALUES || !list.every((item) => typeof item === 'string')) {
      throw new TypeError(
        `input.${field} must be an array of at most ${MAX_FILTER_VALUES} strings, got ${describeKind(list)}`,
      );
    }
    input[field] = [...list];
  }
  return input;
}
