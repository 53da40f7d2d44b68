/** The file of `pathcast cdc`: JSON, or a module whose default export says the same, with functions where the map has some. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, messageOf } from '../../internal/describe.js';
import { createHub, isHub, type AnyHub } from '../../server/hub.js';
import type { HubOptions } from '../../server/options.js';
import type { HubLogger } from '../../server/results.js';
import { CommandError } from '../errors.js';

export interface WorkerConfig {
  readonly hub: AnyHub;
  /** The hub was made for the command, and ends with it. */
  readonly isOwn: boolean;
  /** For `createCdc`, which checks them. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** Rejects with CommandError. */
export async function readWorkerConfig(file: string, logger: HubLogger): Promise<WorkerConfig> {
  const given = await read(path.resolve(file));
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new CommandError(`${file} must ${file.endsWith('.json') ? 'be' : 'export by default'} an object { connection, redis, map }, got ${describe(given)}`);
  }
  const { hub, redis, ...options } = given as Record<string, unknown>;
  if (hub !== undefined) {
    if (!isHub(hub)) throw new CommandError(`${file}: hub must be a hub of createHub(), got ${describe(hub)}`);
    return { hub, isOwn: false, options };
  }
  if (redis === undefined) {
    throw new CommandError(`${file} needs redis (or a hub that has one): without it only streams of this very process would hear of a change`);
  }
  try {
    return { hub: createHub({ redis: redis as NonNullable<HubOptions['redis']>, logger }), isOwn: true, options };
  } catch (error) {
    throw new CommandError(`${file}: ${messageOf(error)}`, { cause: error });
  }
}

async function read(file: string): Promise<unknown> {
  try {
    if (file.endsWith('.json')) return JSON.parse(readFileSync(file, 'utf8')) as unknown;
    const { default: given } = (await import(pathToFileURL(file).href)) as { default?: unknown };
    return typeof given === 'function' ? await (given as () => unknown)() : given;
  } catch (error) {
    throw new CommandError(`${file} cannot be read: ${messageOf(error)}`, { cause: error });
  }
}
