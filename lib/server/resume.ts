/**
 * Where a client says it stopped. Sources, first that is there: `Last-Event-ID` header, `?lastEventId`
 * (and tRPC's `?Last-Event-Id`), `input.lastEventId` (or `input.json.lastEventId`), `lastSyncTimestamp`.
 * The header comes first because a reconnecting EventSource repeats its URL, whose input is older.
 */
import { MAX_ID_BYTES } from '../protocol/limits.js';
import { exceedsBytes } from '../internal/text.js';

export interface ResumeSources {
  header?: string | null | undefined;
  query?: URLSearchParams | undefined;
  input?: unknown;
  lastEventId?: unknown;
  lastSyncTimestamp?: unknown;
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

/** Never throws: a bad position is a position that is not known, and the client gets a resync. */
export function resumePoint(sources: ResumeSources): ResumePoint {
  const { query } = sources;
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
    if (typeof time !== 'number' || !(time >= 0 && time <= 8.64e15)) return { lastEventId: UNKNOWN_CURSOR };
    return { lastSyncTimestamp: Math.floor(time) };
  }
  return {};
}

function cursorText(value: unknown): string {
  return typeof value === 'string' && !exceedsBytes(value, MAX_ID_BYTES) ? value : UNKNOWN_CURSOR;
}

/** A field of the subscription's input, or of its `json` half where a transformer has not been undone. */
function inputField(input: unknown, field: string): unknown {
  if (typeof input !== 'object' || input === null) return undefined;
  const own = (input as Record<string, unknown>)[field];
  if (own !== undefined && own !== null) return own;
  const json = (input as Record<string, unknown>)['json'];
  return typeof json === 'object' && json !== null ? (json as Record<string, unknown>)[field] : undefined;
}
