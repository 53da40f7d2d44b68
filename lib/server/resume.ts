/**
 * Where a client says it stopped. Sources, first that is there: `Last-Event-ID` header, `?lastEventId`
 * (and tRPC's `?Last-Event-Id`), `input.lastEventId` (or `input.json.lastEventId`), `lastSyncTimestamp`, `since`.
 * The header comes first because a reconnecting EventSource repeats its URL, whose input is older. `since` comes last:
 * it says what the page's data already contained when the page was made, and is repeated with the URL too.
 */
import { PathcastError } from '../protocol/error.js';
import { MAX_ID_BYTES } from '../protocol/limits.js';
import { describe } from '../internal/describe.js';
import { exceedsBytes } from '../internal/text.js';

export interface ResumeSources {
  header?: string | null | undefined;
  query?: URLSearchParams | undefined;
  input?: unknown;
  lastEventId?: unknown;
  lastSyncTimestamp?: unknown;
  since?: unknown;
}

export interface ResumePoint {
  lastEventId?: string;
  lastSyncTimestamp?: number;
}

/**
 * A cursor that no log ever gave out: the stream says `unknown_cursor` and resyncs. Stands for what the
 * client sent where that is not worth carrying on (too long, not a string, a time that is none).
 */
export const UNKNOWN_CURSOR = 'unknown';

/**
 * A bad position is a position that is not known, and the client gets a resync. A bad `since` is a mistake in the page
 * that wrote it: throws INVALID_FIELD, whatever else is given, so that it shows at the first connect.
 */
export function resumePoint(sources: ResumeSources): ResumePoint {
  const { query } = sources;
  const since = sincePoint(sources);
  for (const candidate of [
    sources.header,
    query?.get('lastEventId'),
    query?.get('Last-Event-Id'),
    sources.lastEventId,
    inputField(sources.input, 'lastEventId'),
  ]) {
    if (candidate === undefined || candidate === null || candidate === '') continue;
    return { lastEventId: cursorText(candidate) };
  }
  for (const candidate of [
    sources.lastSyncTimestamp,
    inputField(sources.input, 'lastSyncTimestamp'),
    query?.get('lastSyncTimestamp'),
  ]) {
    if (candidate === undefined || candidate === null || candidate === '') continue;
    const time =
      typeof candidate === 'string' ? Number(candidate) : candidate instanceof Date ? candidate.getTime() : candidate;
    if (typeof time !== 'number' || !(time >= 0 && time <= MAX_TIME)) return { lastEventId: UNKNOWN_CURSOR };
    return { lastSyncTimestamp: Math.floor(time) };
  }
  return since;
}

/** The cursor's grammar (SPEC §2). */
const CURSOR = /^[0-9a-z]{1,32}\.(?:0|[1-9][0-9]{0,15})$/;
/** The last instant a Date can hold has 16 digits. */
const DIGITS = /^[0-9]{1,16}$/;
const MAX_TIME = 8.64e15;

/** A cursor, or Unix ms as a number or in digits; null, undefined and `''` mean none. Throws INVALID_FIELD. */
export function checkSince(field: string, value: unknown): ResumePoint {
  if (value === undefined || value === null || value === '') return {};
  if (typeof value === 'string' && CURSOR.test(value)) return { lastEventId: value };
  const time =
    typeof value === 'string' && DIGITS.test(value) ? Number(value) : value instanceof Date ? value.getTime() : value;
  if (typeof time === 'number' && time >= 0 && time <= MAX_TIME) return { lastSyncTimestamp: Math.trunc(time) };
  throw new PathcastError(
    'INVALID_FIELD',
    `${field} must be a cursor ('<epoch>.<seq>', an event's id) or a Unix time in milliseconds (0 to 8.64e15), got ${describe(value)}`,
  );
}

function sincePoint({ since, input, query }: ResumeSources): ResumePoint {
  let first: ResumePoint | undefined;
  for (const [field, value] of [
    ['since', since],
    ['input.since', inputField(input, 'since')],
    ['?since', query?.get('since')],
  ] as const) {
    const point = checkSince(field, value);
    if (point.lastEventId !== undefined || point.lastSyncTimestamp !== undefined) first ??= point;
  }
  return first ?? {};
}

function cursorText(value: unknown): string {
  return typeof value === 'string' && !exceedsBytes(value, MAX_ID_BYTES) ? value : UNKNOWN_CURSOR;
}

/** A field of the subscription's input, or of its `json` half where a transformer has not been undone. */
export function inputField(input: unknown, field: string): unknown {
  if (typeof input !== 'object' || input === null) return undefined;
  const own = (input as Record<string, unknown>)[field];
  if (own !== undefined && own !== null) return own;
  const json = (input as Record<string, unknown>)['json'];
  return typeof json === 'object' && json !== null ? (json as Record<string, unknown>)[field] : undefined;
}
