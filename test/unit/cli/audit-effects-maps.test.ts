/** Path maps, tools, fallbacks, and pathcast's own declarations. */
import { afterAll, describe, expect, test } from '@jest/globals';
import { findPathMaps, findSyncConfig, findToolFallbacks, findTools, effectsOfFunction } from '../../../lib/cli/audit/effects/index.js';
import { openTree, removeTrees } from './audit-project-tree.js';

afterAll(removeTrees);

const QUERIES = { queries: new Set(['guests.getAll', 'guests.getStats', 'hotels.getAll']) };
const mapsOf = (source: string): string[] =>
  findPathMaps(openTree({ 'a.ts': source }), QUERIES).map(
    ({ name, kind, line, entries }) => `${kind} ${name}:${line} ${entries.map(({ key, queryPaths }) => `${key}=${queryPaths.map(({ path }) => path).join('+')}`).join(' ')}`,
  );

describe('path maps', () => {
  test.each([
    ['a record', `export const TOOL_QUERY_MAP: Record<string, string[]> = { add_guest: ['guests.list', 'guests.getStats'], get_guest: [] };`, ['tools TOOL_QUERY_MAP:1 add_guest=guests.list+guests.getStats get_guest=']],
    ['of modules', `export const PATHS = { guests: ['guests.getAll'], hotels: ['hotels.getAll'] } as const;`, ['modules PATHS:1 guests=guests.getAll hotels=hotels.getAll']],
    ['constants and spreads in it', `const ALL = ['guests.getAll']; export const M = { a: ALL, b: [...ALL, 'hotels.getAll'] };`, ['modules M:1 a=guests.getAll b=guests.getAll+hotels.getAll']],
    ['a Map', `export const M = new Map([['add_guest', ['guests.getAll']], ['add_hotel', ['hotels.getAll']]]);`, ['tools M:1 add_guest=guests.getAll add_hotel=hotels.getAll']],
    ['definitions of tools', `export const tools = [{ name: 'add_guest', parameters: {}, invalidates: ['guests.getAll'] }];`, ['tools tools:1 add_guest=guests.getAll']],
    ['a switch', `export function getQueryPathsForModule(m: string): string[] {\n switch (m) { case 'guests': case 'people': return ['guests.getAll']; case 'hotels': return ['hotels.getAll']; default: return []; } }`, ['modules getQueryPathsForModule:1 guests=guests.getAll people=guests.getAll hotels=hotels.getAll']],
    ['comparisons', `export const pathsFor = (m: string) => { if (m === 'guests') return ['guests.getAll']; if (m === 'hotels' || m === 'rooms') return ['hotels.getAll']; return []; };`, ['modules pathsFor:1 guests=guests.getAll hotels=hotels.getAll rooms=hotels.getAll']],
    ['a record inside of a function', `export function pathsFor(m: string) { const map: Record<string, string[]> = { guests: ['guests.getAll'] }; return map[m] ?? []; }`, ['modules pathsFor:1 guests=guests.getAll']],
    ['lists of something else', `export const FILES = { a: ['index.ts', 'main.ts'] }; export const ROLES = { admin: ['read', 'write'] };`, []],
    ['paths of modules that nobody has', `export const EVENTS = { a: ['user.created'], b: ['user.deleted'] };`, []],
    ['an object that holds other things', `export const config = { guests: ['guests.getAll'], port: 3000 };`, []],
    ["pathcast's own", `export const map = { mutations: { 'guests.add': ['guests.getAll'] } } satisfies InvalidationMap<AppRouter>;`, []],
  ])('%s', (_what, source, expected) => {
    expect(mapsOf(source)).toEqual(expected);
  });
});

const SCHEMA = `import { pgTable } from 'drizzle-orm/pg-core';
export const guests = pgTable('guests', {}); export const hotels = pgTable('hotels', {}); export declare const db: any;\n`;
const toolsOf = (source: string): string[] =>
  findTools(openTree({ 'a.ts': SCHEMA + source })).flatMap(({ name, tools }) =>
    tools.map(({ tool, effects, calls }) => [name, tool, ...effects.writes.map((write) => `${write.operation}:${write.table}`), ...calls].join(' ')),
  );

describe('tools', () => {
  test.each([
    ['a switch', `async function addGuest(a) { await db.insert(guests).values(a); }
      export async function executeTool(toolName: string, args) { switch (toolName) { case 'add_guest': return addGuest(args); case 'delete_hotel': await db.delete(hotels); return; default: throw new Error(); } }`, ['executeTool add_guest insert:guests', 'executeTool delete_hotel delete:hotels']],
    ['a table of functions', `async function addGuest(a) { await db.insert(guests).values(a); }
      export const toolHandlers = { add_guest: addGuest, drop_hotel: async () => { await db.delete(hotels); } };`, ['toolHandlers add_guest insert:guests', 'toolHandlers drop_hotel delete:hotels']],
    ['definitions with execute', `import { tool } from 'ai'; export const tools = { addGuest: tool({ description: '', execute: async (a) => { await db.insert(guests).values(a); } }) };`, ['tools addGuest insert:guests']],
    ['a caller', `export const toolHandlers = { add_guest: async (caller, a) => caller.guests.create(a), drop_it: async (c, a) => createCaller(c).hotels.delete(a) };`, ['toolHandlers add_guest guests.create', 'toolHandlers drop_it hotels.delete']],
    ['a switch that gives words', `export function labelOfTool(toolName: string) { switch (toolName) { case 'add_guest': return 'Guest'; case 'delete_hotel': return 'Hotel'; } }`, []],
    ['a switch over something else', `export function area(kind: string) { switch (kind) { case 'a': return Math.sqrt(1); case 'b': return Math.abs(2); } }`, []],
  ])('%s', (_what, source, expected) => {
    expect(toolsOf(source)).toEqual(expected);
  });
});

describe('fallbacks', () => {
  const TOOLS = ['add_guest', 'book_hotel', 'send_mail', 'create_invoice'];
  const fallbacksOf = (source: string): string[] =>
    findToolFallbacks(openTree({ 'a.ts': source }), TOOLS).map(({ name, module, tools }) => `${name} ${module}: ${tools.join(' ')}`);

  test.each([
    ['tests by word', `export function getModuleFromToolName(toolName: string): string { if (toolName.includes('guest')) return 'guests'; if (/hotel|room/.test(toolName)) return 'hotels'; return 'guests'; }`, ['getModuleFromToolName guests: send_mail create_invoice']],
    ['a switch', `export const moduleOf = (tool: string) => { switch (tool) { case 'add_guest': return 'guests'; case 'send_mail': return 'mail'; default: return 'other'; } };`, ['moduleOf other: book_hotel create_invoice']],
    ['a table', `const M: Record<string, string> = { add_guest: 'guests', book_hotel: 'hotels' }; export const moduleOfTool = (tool: string) => M[tool] ?? 'guests';`, ['moduleOfTool guests: send_mail create_invoice']],
    ['conditionals', `export const moduleOfTool = (t: string) => t.startsWith('add') ? 'guests' : t.endsWith('hotel') ? 'hotels' : 'misc';`, ['moduleOfTool misc: send_mail create_invoice']],
    ['a loop over rules', `const RULES = [['guest', 'guests'], ['hotel', 'hotels']]; export function moduleOfTool(tool: string) { for (const [word, module] of RULES) { if (tool.toLowerCase().includes(word)) return module; } return 'guests'; }`, ['moduleOfTool guests: send_mail create_invoice']],
    ['lists', `const MAIL = ['send_mail']; export function moduleOfTool(tool: string) { if (['add_guest', 'book_hotel'].includes(tool) || MAIL.some((one) => tool === one)) return 'known'; return 'guests'; }`, ['moduleOfTool guests: create_invoice']],
    ['an error is no default', `export function moduleOfTool(tool: string) { if (tool.includes('guest')) return 'guests'; throw new Error(tool); }`, []],
    ['what cannot be told is not guessed', `export function moduleOfTool(tool: string) { if (registry.knows(tool)) return 'guests'; return 'other'; }`, []],
    ['a function of something else', `export function moduleOfPath(path: string) { return path.split('.')[0] ?? 'guests'; } // tool`, []],
  ])('%s', (_what, source, expected) => {
    expect(fallbacksOf(source)).toEqual(expected);
  });
});

describe("pathcast's own declarations", () => {
  test('a map', () => {
    const project = openTree({
      'paths.ts': `export const LISTS = ['guests.getAll'] as const;`,
      'map.ts': `import { LISTS } from './paths';
        const shared = { 'hotels.add': ['hotels.getAll'] };
        export const map = {
          modules: { stats: ['guests.getStats'] },
          cascades: { guests: ['hotels', 'stats'] },
          mutations: {
            ...shared,
            'guests.add': LISTS,
            'guests.move': { stale: ['guests'], cascade: false, module: 'guests' },
            'guests.edit': ({ input }) => (input.deep ? ['guests'] : ['guests.getAll']),
            'guests.peek': { silent: 'reads only' },
            'guests.any': ({ result }) => result.paths,
          },
          tools: { add_guest: 'guests.add', add_many: ['guests'] },
        } satisfies InvalidationMap<AppRouter>;`,
      'server.ts': `import { map } from './map'; await sync.bind(appRouter, map, { onPhantomPath: 'repair', aliases: { 'guests.list': 'guests.getAll' } });`,
    });
    const config = findSyncConfig(project);
    const [map, another] = config.maps;
    expect(another).toBeUndefined();
    expect(map).toMatchObject({ name: 'map', complete: true, cascades: [{ from: 'guests', to: [{ path: 'hotels' }, { path: 'stats' }] }], modules: [{ name: 'stats', queryPaths: [{ path: 'guests.getStats' }] }] });
    expect(map?.mutations.map(({ name, queryPaths, complete, silent, cascade, computed }) => [name, queryPaths.map(({ path }) => path).join(' '), complete, silent, cascade, computed])).toEqual([
      ['hotels.add', 'hotels.getAll', true, undefined, undefined, false],
      ['guests.add', 'guests.getAll', true, undefined, undefined, false],
      ['guests.move', 'guests', true, undefined, false, false],
      ['guests.edit', 'guests guests.getAll', true, undefined, undefined, true],
      ['guests.peek', '', true, 'reads only', undefined, false],
      ['guests.any', '', false, undefined, undefined, true],
    ]);
    expect(map?.tools.map(({ name, sameAs, queryPaths }) => [name, sameAs, queryPaths.length])).toEqual([
      ['add_guest', 'guests.add', 0],
      ['add_many', undefined, 1],
    ]);
    expect(config.hubs).toMatchObject([{ file: 'server.ts', onPhantomPath: 'repair', aliases: [{ from: 'guests.list', to: 'guests.getAll' }] }]);
  });

  test('the tables that the log of PostgreSQL tells of', () => {
    const project = openTree({
      'cdc.ts': `export const tables: CdcMap<Path> = { pages: { tenant: 'company_id', paths: ['pages'] }, 'app.files': { paths: [] } };`,
      'more.ts': `const others = { notes: { paths: [] } }; export const map = { ...others } satisfies CdcMap;`,
    });
    expect(findSyncConfig(project).logged).toEqual(['pages', 'app.files', 'notes']);
  });

  test('aliases in a table of their own', () => {
    const project = openTree({ 'hub.ts': `const aliases = { 'guests.list': 'guests.getAll' }; export const hub = createHub({ aliases });` });
    expect(findSyncConfig(project).hubs.map(({ aliases }) => aliases.map(({ from, to }) => `${from}>${to}`))).toEqual([['guests.list>guests.getAll']]);
  });

  test('a bind of something else', () => {
    expect(findSyncConfig(openTree({ 'a.ts': `const handler = save.bind(null, { a: 1 }); element.bind(router, options);` })).maps).toEqual([]);
  });
});

test('a function by itself: a parameter called like a transaction is taken for one', () => {
  const project = openTree({ 'a.ts': `${SCHEMA}export async function syncGuestsTx(tx) { await tx.insert(guests).values({}); }\nexport async function syncAll(executor = db) { await executor.delete(hotels); }` });
  const [file] = project.files;
  const found: string[] = [];
  file?.forEachChild((node) => {
    if (project.ts.isFunctionDeclaration(node)) {
      found.push(...effectsOfFunction(project, node).writes.map((write) => `${node.name?.text} ${write.table} ${write.inTransaction}`));
    }
  });
  expect(found).toEqual(['syncGuestsTx guests true', 'syncAll hotels false']);
});
