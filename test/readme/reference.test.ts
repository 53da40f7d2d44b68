/** docs/reference.md against the code: what can be said, asked and given has its row there, with the defaults and bounds that hold. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { createHub, type Hub } from '../../lib/index.js';
import { ERROR_CODES } from '../../lib/protocol/codes.js';
import { ACTION_TYPES, CLOSE_REASONS } from '../../lib/protocol/events.js';
import * as bounds from '../../lib/protocol/limits.js';
import { validateOptions } from '../../lib/server/validate-options.js';

const page = readFileSync(path.resolve(__dirname, '../../docs/reference.md'), 'utf8');

/** The text from this heading to the next one of its level or above. */
function section(title: string): string {
  const [, text] = new RegExp(`^## ${title}\\n([\\s\\S]*?)(?=^## |$(?![\\s\\S]))`, 'm').exec(page) ?? [];
  if (text === undefined) throw new Error(`docs/reference.md has no heading "${title}"`);
  return text;
}

/** Cells of each row below the head; a bar within a code is none of the table's. */
const rows = (text: string): string[][] =>
  [...text.matchAll(/^\| (?!---)(.*) \|$/gm)].slice(1).map(([, row = '']) => row.split(' | '));

const codes = (text: string): string[] => [...text.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code);

/** What a call that is given nonsense says that it takes. */
function known(call: () => unknown): string[] {
  try {
    call();
  } catch (error) {
    return /it has: (.*)/.exec((error as Error).message)?.[1]?.split(', ') ?? [];
  }
  throw new Error('nonsense was taken');
}
const nonsense = { nonsense: 1 } as never;

let hub: Hub;
beforeAll(() => {
  hub = createHub({ engine: 'js' });
});
afterAll(() => hub.close());

describe('options of the hub', () => {
  // `reauthorize: { everyMs, check }` is the option `reauthorize`.
  const table = rows(section('Options')).map(([names = '', defaults = '']) => ({ names: codes(names).map((name) => name.split(':')[0] ?? ''), defaults }));

  test('each has its row, and no row is of another', () => {
    const top = known(() => createHub(nonsense)).filter((name) => !['limits', 'log', 'spread'].includes(name));
    const limits = known(() => createHub({ limits: nonsense })).map((name) => `limits.${name}`);
    const log = known(() => createHub({ log: nonsense })).map((name) => `log.${name}`);
    const spread = known(() => createHub({ spread: nonsense })).map((name) => `spread.${name}`);
    expect(table.flatMap(({ names }) => names).sort()).toEqual([...top, ...limits, ...log, ...spread].sort());
  });

  test('the defaults are those that hold', () => {
    const { engineOptions, drainMs } = validateOptions(undefined, 'x');
    const inCode: Record<string, number> = {
      'limits.perUser': engineOptions.maxPerUser,
      'limits.perCompany': engineOptions.maxPerCompany,
      'log.maxActions': engineOptions.logActions,
      'log.ttlMs': engineOptions.logTtlMs,
      'log.maxBytes': engineOptions.logBytes,
      'log.maxTotalBytes': engineOptions.logTotalBytes,
      'log.compactAfter': engineOptions.compactAfter,
      'spread.freeStreams': engineOptions.spreadFreeStreams,
      'spread.perStreamMs': engineOptions.spreadPerStreamMs,
      'spread.maxMs': engineOptions.spreadMaxMs,
      heartbeatMs: engineOptions.heartbeatMs,
      connectionCapBytes: engineOptions.connectionCapBytes,
      slowTimeoutMs: engineOptions.slowTimeoutMs,
      lifetimeMs: engineOptions.lifetimeMs,
      retryMs: engineOptions.retryMs,
      maxCompanies: engineOptions.maxCompanies,
      drainMs,
    };
    const units: Record<string, number> = { h: 3_600_000, MiB: 2 ** 20, GiB: 2 ** 30 };
    const printed: Record<string, number> = {};
    for (const { names, defaults } of table) {
      const values = defaults.split(', ').map((text) => /^([\d,]+)(?: (\w+))?$/.exec(text));
      names.forEach((name, nth) => {
        const [, digits, unit] = values[nth] ?? [];
        if (digits !== undefined) printed[name] = Number(digits.replaceAll(',', '')) * (unit === undefined ? 1 : (units[unit] ?? NaN));
      });
    }
    expect(printed).toEqual(inCode);
  });
});

test('options of a stream: each has its row, but for what adapters give', () => {
  const ofAdapters = ['input', 'lastEventId', 'lastSyncTimestamp', 'dialect', 'path', 'tracked', 'toError'];
  const table = rows(section('Options of a stream').split('\n### ')[0] ?? '').flatMap(([names = '']) => codes(names));
  const stream = known(() => hub.stream(nonsense));
  expect(table.sort()).toEqual(stream.filter((name) => !ofAdapters.includes(name)).sort());
});

test('each error code, event of the hub, type of an action and reason of an end is there', () => {
  expect(rows(section('Error codes')).flatMap(([names = '']) => codes(names)).sort()).toEqual(Object.keys(ERROR_CODES).sort());
  const events = known(() => hub.on(nonsense, () => undefined));
  expect(events).toContain('phantom');
  for (const [title, words] of [
    ['Calls', [...events, ...ACTION_TYPES]],
    ['Events', [...CLOSE_REASONS, ...ACTION_TYPES]],
  ] as const)
    expect(words.filter((word) => !codes(section(title)).includes(word))).toEqual([]);
});

test('the bounds are those that hold', () => {
  const row = (what: string): string => rows(section('Bounds')).find(([name]) => name === what)?.[1] ?? '';
  expect(row('JSON of an action')).toBe(`${bounds.MAX_ACTION_BYTES / 1_024} KiB`);
  expect(row('JSON of an ephemeral event')).toBe(`${bounds.MAX_EPHEMERAL_BYTES / 1_024} KiB`);
  expect(row('an id')).toBe(`${bounds.MAX_ID_BYTES} bytes`);
  expect(row('query paths of an action')).toBe(`${bounds.MAX_QUERY_PATHS}, each of ${bounds.MAX_QUERY_PATH_BYTES} bytes`);
  expect(row('values in one list of a filter')).toBe(`${bounds.MAX_FILTER_VALUES}`);
});
