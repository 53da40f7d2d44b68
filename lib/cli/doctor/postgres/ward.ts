import type { SqlConnection, SqlRow } from '../../../postgres/server/connections.js';
import type { Visit } from '../report.js';

export interface PostgresOptions {
  publication: string;
  slot: string;
  timeoutMs: number;
}

/** What each part of the visit is given. */
export interface Ward extends PostgresOptions {
  sql: SqlConnection;
  visit: Visit;
  facts: ServerFacts;
  /** A text of the server made safe to print. */
  quote: (text: string) => string;
}

export interface ServerFacts {
  /** `150018`. */
  version: number;
  /** `15.18`, as the server says it. */
  shownVersion: string;
  standby: boolean;
  database: string;
  user: string;
  /** By name, as `SHOW` has it; one that this version does not know is missing. */
  settings: ReadonlyMap<string, string>;
}

/** The first of so many. */
export const some = (names: readonly string[], shown = 4): string =>
  names.length > shown ? `${names.slice(0, shown).join(', ')} and ${String(names.length - shown)} more` : names.join(', ');

export const textAt = (row: SqlRow | undefined, name: string): string => row?.[name] ?? '';

export function shownBytes(bytes: number): string {
  if (bytes < 1_024) return `${String(bytes)} bytes`;
  if (bytes < 1 << 20) return `${String(Math.round(bytes / 1_024))} KiB`;
  return bytes < 1 << 30 ? `${String(Math.round(bytes / (1 << 20)))} MiB` : `${(bytes / (1 << 30)).toFixed(1)} GiB`;
}
