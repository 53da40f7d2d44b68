/** What a Redis says of itself. A managed one hides some of it. */
import type { RedisConnection } from '../../redis/connection.js';
import { pairsIn, Refusal, textIn } from '../../redis/resp.js';

export interface Server {
  readonly connection: RedisConnection;
  /** `host:port`. */
  readonly where: string;
  /** INFO, by its names; empty where it may not be read. */
  readonly info: ReadonlyMap<string, string>;
  /** CONFIG GET, by its names; one that may not be read is missing. */
  readonly config: ReadonlyMap<string, string>;
}

/** None of them is a secret. */
const SETTINGS = [
  'maxmemory-policy', 'client-output-buffer-limit', 'save', 'appendonly', 'appendfsync', 'timeout', 'min-replicas-to-write', 'maxclients',
] as const;

/** @throws NoRedis */
export async function lookAtServer(connection: RedisConnection): Promise<Server> {
  const said = await connection.ask('INFO');
  const info = new Map<string, string>();
  if (!(said instanceof Refusal)) {
    for (const [, name = '', value = ''] of textIn(said).matchAll(/^([\w-]+):(.*?)\r?$/gm)) info.set(name, value);
  }
  const config = new Map<string, string>();
  for (const reply of await Promise.all(SETTINGS.map((name) => connection.ask('CONFIG', 'GET', name)))) {
    if (!(reply instanceof Refusal)) for (const [name, value] of pairsIn(reply)) config.set(name, value);
  }
  return { connection, where: connection.where, info, config };
}

/** A number of INFO; undefined where it is not told. */
export function numberAt(values: ReadonlyMap<string, string>, name: string): number | undefined {
  const text = values.get(name) ?? '';
  return /^-?\d+$/.test(text) ? Number(text) : undefined;
}

export function mebibytes(bytes: number): string {
  if (bytes < 1 << 20) return `${Math.round(bytes / 1_024)} KiB`;
  return bytes < 1 << 30 ? `${Math.round(bytes / (1 << 20))} MiB` : `${(bytes / (1 << 30)).toFixed(1)} GiB`;
}
