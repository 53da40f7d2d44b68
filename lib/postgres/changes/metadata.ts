/** Who changed it, and in which transaction: what an app says of itself by `pg_logical_emit_message(true, 'pathcast', json)`. */
import type { Buffer } from 'node:buffer';
import { isPlain } from '../../protocol/where.js';
import { MAX_ID_BYTES } from '../../protocol/limits.js';
import { exceedsBytes } from '../../internal/text.js';

/** The prefix of messages that are for the worker. */
export const METADATA_PREFIX = 'pathcast';
/** UTF-8 bytes of one message; a longer one is not read. */
const MAX_METADATA_BYTES = 16_384;

export interface Metadata {
  /** Of the action: a broadcast of the app's own with the same id is told once. */
  readonly id?: string;
  readonly userId?: string;
  readonly sourceId?: string;
  /** Whose it is; others hear of the change, and nothing of this. */
  readonly companyId?: string;
  /** All else, for the action's `tx`. */
  readonly tx?: Readonly<Record<string, unknown>>;
}

const IDS = ['id', 'userId', 'sourceId', 'companyId'] as const;

/** A text: what is wrong with it. */
export function readMetadata(content: Buffer): Metadata | string {
  if (content.length > MAX_METADATA_BYTES) return `is ${String(content.length)} bytes long; at most ${String(MAX_METADATA_BYTES)}`;
  let parsed: unknown;
  try {
    parsed = JSON.parse(content.toString('utf8'));
  } catch {
    return 'is no JSON';
  }
  if (!isPlain(parsed)) return 'is no JSON object';
  const ids: [string, string][] = [];
  for (const name of IDS) {
    const value = parsed[name];
    if (value === undefined || value === null || value === '') continue;
    if (typeof value !== 'string' || exceedsBytes(value, MAX_ID_BYTES)) return `has a ${name} that is no text of at most ${String(MAX_ID_BYTES)} bytes`;
    ids.push([name, value]);
  }
  const rest = Object.entries(parsed).filter(([name]) => !(IDS as readonly string[]).includes(name));
  return { ...Object.fromEntries(ids), ...(rest.length > 0 && { tx: Object.fromEntries(rest) }) };
}
