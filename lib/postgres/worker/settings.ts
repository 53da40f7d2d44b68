/** What `createCdc` was given, checked. */
import type { Hub } from '../../server/hub.js';
import { checkHub, isHub } from '../../server/hub.js';
import { checkKeys, checkObject } from '../../server/check.js';
import { boolean, integer } from '../../server/option-values.js';
import { describe } from '../../internal/describe.js';
import { PathcastError } from '../../protocol/error.js';
import { checkMap, type MappedTable } from '../changes/mapping.js';
import type { ActivitySettings } from '../activities/recorder.js';
import type { PostgresConnection } from '../options.js';
import { schemaOf } from '../transactions/tables.js';

export interface CdcSettings {
  /** Of whatever modules: the map's are checked with each action. */
  readonly hub: Hub;
  readonly connection: PostgresConnection;
  readonly tables: ReadonlyMap<string, MappedTable>;
  readonly publication: string;
  readonly slot: string;
  readonly maxPaths: number;
  readonly maxDataBytes: number;
  readonly maxWaiting: number;
  /** Undefined: none are written. */
  readonly activities: ActivitySettings | undefined;
}

const KNOWN = ['hub', 'connection', 'map', 'publication', 'slot', 'maxPaths', 'maxDataBytes', 'maxWaiting', 'activities'];
/** PostgreSQL allows no other names of slots. */
const SLOT = /^[a-z0-9_]{1,63}$/;
/** Bytes of an identifier; PostgreSQL cuts longer ones. */
const MAX_NAME_BYTES = 63;
const DAY_MS = 86_400_000;

/** Throws PathcastError INVALID_OPTION. */
export function checkCdcOptions(given: unknown): CdcSettings {
  const options = checkObject('options', given, 'INVALID_OPTION');
  checkKeys('createCdc()', options, KNOWN);
  const { hub, connection, map, publication = 'pathcast', slot = 'pathcast' } = options;
  checkHub(hub);
  if (!isHub(hub)) throw wrong('hub is missing: createCdc({ hub: createHub(), … })');
  if (typeof connection !== 'string' && (typeof connection !== 'object' || connection === null)) {
    throw wrong(`connection must be a URL, or an object for node-postgres, got ${describe(connection)}`);
  }
  if (connection === '') throw wrong('connection is empty');
  if (typeof slot !== 'string' || !SLOT.test(slot)) throw wrong(`slot must be 1 to 63 of a-z, 0-9 and _, got ${describe(slot)}`);
  if (typeof publication !== 'string' || publication === '' || Buffer.byteLength(publication) > MAX_NAME_BYTES || publication.includes('\0')) {
    throw wrong(`publication must be a name of 1 to ${String(MAX_NAME_BYTES)} bytes, got ${describe(publication)}`);
  }
  const tables = checkMap(map);
  const activities = activitySettings(options['activities']);
  for (const { name, schema, table } of tables.values()) {
    if (activities && schema === activities.schema.slice(1, -1) && ['activities', 'activity_heads'].includes(table)) throw wrong(`map has ${name}, which the worker writes itself`);
  }
  return {
    hub: hub as unknown as Hub,
    connection: connection as PostgresConnection,
    tables,
    publication,
    slot,
    maxPaths: integer('maxPaths', options['maxPaths'], 10_000, 1, 1_000_000),
    maxDataBytes: integer('maxDataBytes', options['maxDataBytes'], 8_192, 0, 60_000),
    maxWaiting: integer('maxWaiting', options['maxWaiting'], 64, 1, 10_000),
    activities,
  };
}

function activitySettings(given: unknown): ActivitySettings | undefined {
  if (typeof given !== 'object' || given === null) return boolean('activities', given, false) ? activitySettings({}) : undefined;
  const options = checkObject('activities', given, 'INVALID_OPTION');
  checkKeys('activities', options, ['schema', 'keepMs', 'maxPerCommit']);
  return {
    schema: schemaOf(options['schema']),
    keepMs: integer('activities.keepMs', options['keepMs'], 7 * DAY_MS, 60_000, 3_650 * DAY_MS),
    maxPerCommit: integer('activities.maxPerCommit', options['maxPerCommit'], 10_000, 1, 100_000),
  };
}

const wrong = (message: string): PathcastError => new PathcastError('INVALID_OPTION', message);
