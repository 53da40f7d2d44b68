/** Who changed it, and in which transaction: what an app says of itself by `pg_logical_emit_message(true, 'pathcast', json)`. */
import type { Buffer } from 'node:buffer';
import { parseExact } from '../../internal/exact-json.js';
import { isPlain } from '../../protocol/where.js';
import { MAX_ID_BYTES, MAX_METADATA_BYTES } from '../../protocol/limits.js';
import { exceedsBytes } from '../../internal/text.js';
import type { Decode } from '../server/encodings.js';

/** The prefix of messages that are for the worker. */
export const METADATA_PREFIX = 'pathcast';

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

/** Of a message, whose bytes are in the database's encoding. A text: what is wrong with it. */
export function readMessage(content: Buffer, decode: Decode): Metadata | string {
  if (content.length > MAX_METADATA_BYTES) return `is ${String(content.length)} bytes long; at most ${String(MAX_METADATA_BYTES)}`;
  const text = decode(content);
  return text === undefined ? "is no text in the database's encoding" : readMetadata(text);
}

/** A text: what is wrong with it. */
function readMetadata(content: string): Metadata | string {
  if (exceedsBytes(content, MAX_METADATA_BYTES)) return `is longer than ${String(MAX_METADATA_BYTES)} bytes`;
  let parsed: unknown;
  try {
    parsed = parseExact(content);
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

/** What the rows of one transaction say of it: all the same, or nobody is believed. */
export class SaidByRows {
  #text: string | undefined;
  #isMixed = false;
  readonly #tenants = new Set<string>();

  row(tenant: string, text: string | undefined): void {
    if (text === undefined) return;
    this.#isMixed ||= this.#text !== undefined && this.#text !== text;
    this.#text ??= text;
    this.#tenants.add(tenant);
  }

  /**
   * `tenants`: all of the transaction. Of several that do not all say it nobody hears it: whose it is, is not known. No `id`: a row that was copied would make its change the double of an
   * older one, and a double is not told. A text: what is wrong with it.
   */
  of(tenants: readonly string[]): Metadata | string | undefined {
    if (this.#text === undefined || (this.#tenants.size > 1 && this.#tenants.size < tenants.length)) return undefined;
    if (this.#isMixed) return 'is not the same in all of them';
    const read = readMetadata(this.#text);
    if (typeof read === 'string') return read;
    const { id: _id, companyId: _companyId, ...said } = read;
    const [only] = this.#tenants;
    return this.#tenants.size === 1 && only !== undefined ? { ...said, companyId: only } : said;
  }
}
