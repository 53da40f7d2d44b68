/** What is taken for a broadcast, what it says, and what may skip it. */
import { afterAll, describe, expect, test } from '@jest/globals';
import { ACTION, broadcastsOf, effects, writesOf, type Given } from './audit-effects-tree.js';
import { removeTrees } from './audit-project-tree.js';

afterAll(removeTrees);

const ONE = ACTION(`['guests.getAll']`);
type Case = [what: string, body: string, broadcasts: string[], given?: Given];

/** A package with the code of a sync's middleware beside the app, which knows it by its interface. */
const ofRepository = (name: string): Given => ({
  files: {
    '../package.json': JSON.stringify({ name }),
    '../lib/trpc/sync.ts': `import { broadcastSync } from 'somewhere';
      export interface Sync { middleware(): any }
      class ServerSync implements Sync {
        middleware() { return async ({ ctx, next }) => { const result = await next(); await broadcastSync(${ACTION(`['hotels']`)}); return result; }; }
      }`,
  },
  before: `import type { Sync } from '../lib/trpc/sync'; declare const sync: Sync; export const map = { mutations: { 'guests.save': ['guests.getAll'] } } satisfies InvalidationMap<any>;`,
  procedure: 'procedure.use(sync.middleware())',
});

describe('broadcasts', () => {
  test.each<Case>([
    ['by name', `await broadcastSync(${ONE});`, ['broadcastSync guests.getAll']],
    ['of a hub', `await hub.broadcast(${ONE});`, ['hub.broadcast guests.getAll'], { before: `declare const hub: any;` }],
    ['of the context', `await ctx.sync.broadcast(${ONE});`, ['ctx.sync.broadcast guests.getAll']],
    ['many', `await hub.broadcastMany([${ONE}, ${ACTION(`['hotels.getAll']`)}]);`, ['hub.broadcastMany guests.getAll', 'hub.broadcastMany hotels.getAll'], { before: `declare const hub: any;` }],
    ['two halves of one', `const action = ${ONE}; await Promise.all([publishSyncAction(action), storeSyncAction(action)]);`, ['publishSyncAction guests.getAll'], { before: `import { publishSyncAction, storeSyncAction } from './realtime';` }],
    ['halves of two', `const a = ${ONE}; const b = ${ACTION(`['hotels.getAll']`)}; await publishSyncAction(a); await storeSyncAction(b);`, ['publishSyncAction guests.getAll', 'storeSyncAction hotels.getAll'], { before: `import { publishSyncAction, storeSyncAction } from './realtime';` }],
    ["the project's own, which is read no further", `await broadcastSync(${ONE});`, ['broadcastSync guests.getAll']],
    ['a helper', `await notifyGuests(ctx, '1');`, ['broadcastSync guests.getAll via notifyGuests'], { before: `async function notifyGuests(ctx, id) { await broadcastSync(${ONE}); }` }],
    ['a helper that is given the paths', `await tell(ctx, ['guests.getAll', 'hotels.getAll']);`, ['broadcastSync guests.getAll hotels.getAll via tell'], { before: `const tell = (ctx, paths) => broadcastSync(${ACTION('paths')});` }],
    ['a helper that is given a module', `await broadcastSheetSync('hotels', ctx);`, ['publishSyncAction hotels.getAll via broadcastSheetSync'], {
      before: `import { publishSyncAction } from './realtime';
        function getQueryPathsForModule(module: string): string[] { switch (module) { case 'guests': return ['guests.getAll']; case 'hotels': return ['hotels.getAll']; default: return []; } }
        async function broadcastSheetSync(module, ctx) { await publishSyncAction(${ACTION('getQueryPathsForModule(module)')}); }`,
    }],
    ['a method of an object', `await notifier.changed(ctx);`, ['broadcastSync guests.getAll via changed'], { before: `const notifier = { async changed(ctx) { await broadcastSync(${ONE}); } };` }],
    ['a method of a class', `await new Notifier(ctx).changed();`, ['broadcastSync guests.getAll via changed'], {
      before: `class Notifier { constructor(private ctx) {} async changed() { const ctx = this.ctx; await broadcastSync(${ONE}); } }`,
    }],
    ['what a factory gives', `await announce('guests.getAll');`, ['broadcastSync guests.getAll'], {
      before: `const make = (ctx) => async (path) => { await broadcastSync(${ACTION('[path]')}); }; const announce = make({ userId: '', companyId: '' });`,
    }],
    ['in a callback', `await save().then(() => broadcastSync(${ONE}));`, ['broadcastSync guests.getAll'], { before: `declare function save(): Promise<void>;` }],
    ['later', `setTimeout(() => { void broadcastSync(${ONE}); }, 10);`, ['broadcastSync guests.getAll']],
    ['in a function called at once', `await (async () => { await broadcastSync(${ONE}); })();`, ['broadcastSync guests.getAll']],
    ['in a loop', `for (const id of input) await broadcastSync(${ONE});`, ['broadcastSync guests.getAll loop']],
    ['a name that was configured', `await pushChange(${ONE});`, ['pushChange guests.getAll'], { before: `import { pushChange } from './elsewhere';`, options: { broadcastNames: ['pushChange'] } }],
    ['a function out of sight with query paths', `await notifyClients(${ONE});`, ['notifyClients guests.getAll'], { before: `import { notifyClients } from '@acme/realtime';` }],
    ['of a table of functions', `await handlers[input.kind](ctx);`, ['broadcastSync guests.getAll via guest', 'broadcastSync hotels.getAll via hotel'], {
      before: `const handlers = { guest: (ctx) => broadcastSync(${ONE}), hotel: (ctx) => broadcastSync(${ACTION(`['hotels.getAll']`)}) };`,
    }],
    ['from a middleware', '', ['broadcastSync guests via syncAll'], {
      before: `import { middleware } from './trpc'; const syncAll = middleware(async ({ ctx, next, path, type }) => { const result = await next(); if (type === 'mutation' && result.ok) { await broadcastSync(${ACTION(`[path.split('.')[0]]`)}); } return result; });`,
      procedure: 'procedure.use(syncAll)',
    }],
    ['from a middleware for queries', '', [], {
      before: `import { middleware } from './trpc'; const log = middleware(async ({ ctx, next, type }) => { const result = await next(); if (type === 'query') await broadcastSync(${ONE}); return result; });`,
      procedure: 'procedure.use(log)',
    }],
    ["from pathcast's middleware, by the map", '', ['middleware guests.getAll'], {
      before: `import { createSync } from 'pathcast/trpc'; const sync = createSync(); export const map = { mutations: { 'guests.save': ['guests.getAll'] } } satisfies InvalidationMap<any>;`,
      procedure: 'procedure.use(sync.middleware())',
    }],
    ["silent in pathcast's map", '', [], {
      before: `import { createSync } from 'pathcast/trpc'; const sync = createSync(); export const map = { mutations: { 'guests.save': { silent: 'nothing to see' } } } satisfies InvalidationMap<any>;`,
      procedure: 'procedure.use(sync.middleware())',
    }],
    ["from pathcast's middleware, whose own code is in sight and is not read", '', ['middleware guests.getAll'], ofRepository('pathcast')],
    ['from a middleware of that name in another package, which is read', '', ['broadcastSync hotels via middleware', 'middleware guests.getAll'], ofRepository('acme')],
    ['what middlewares put into the context', `await ctx.changed(['guests.getAll']);`, ['broadcastSync guests.getAll'], {
      procedure: `procedure.use(({ ctx, next }) => next({ ctx: { changed: (paths) => broadcastSync(${ACTION('paths')}) } }))`,
    }],
    ['a wrapped resolver', '', ['broadcastSync guests.getAll'], {
      before: `const withAudit = (run) => async (opts) => { const result = await run(opts); console.log(result); return result; };`,
      resolver: `withAudit(async ({ ctx }) => { await broadcastSync(${ONE}); })`,
    }],
    ['a wrapper of a package', '', ['broadcastSync guests.getAll'], { before: `import { traced } from '@acme/trace';`, resolver: `traced(async ({ ctx }) => { await broadcastSync(${ONE}); })` }],
  ])('%s', (...[, body, expected, given]: Case) => {
    expect(broadcastsOf(effects(body, given))).toEqual(expected);
  });
});

describe('query paths', () => {
  test.each<Case>([
    ['a constant', `await broadcastSync(${ACTION('PATHS')});`, ['broadcastSync guests.getAll'], { before: `import { PATHS } from './paths';`, files: { 'paths.ts': `export const PATHS = ['guests.getAll'] as const;` } }],
    ['spreads', `await broadcastSync(${ACTION(`[...PATHS, 'hotels.getAll']`)});`, ['broadcastSync guests.getAll hotels.getAll'], { before: `const PATHS = ['guests.getAll'];` }],
    ['either', `await broadcastSync(${ACTION(`input.all ? ['guests'] : ['guests.getAll']`)});`, ['broadcastSync guests guests.getAll']],
    ['computed', `await broadcastSync(${ACTION('input.paths')});`, ['broadcastSync …']],
    ['partly computed', `await broadcastSync(${ACTION(`['guests.getAll', ...input.more]`)});`, ['broadcastSync guests.getAll …']],
    ['a record asked for what is not known', `await broadcastSync(${ACTION('PATHS[input.name] ?? []')});`, ['broadcastSync guests.getAll hotels.getAll'], { before: `const PATHS: Record<string, string[]> = { a: ['guests.getAll'], b: ['hotels.getAll'] };` }],
    ['without doubles', `await broadcastSync(${ACTION(`[...new Set(['guests.getAll'])]`)});`, ['broadcastSync guests.getAll']],
  ])('%s', (...[, body, expected, given]: Case) => {
    expect(broadcastsOf(effects(body, given))).toEqual(expected);
  });

  test('what is computed is told of', () => {
    const found = effects(`await broadcastSync(${ACTION('input.paths')});`);
    expect(found.broadcasts[0]?.complete).toBe(false);
    expect(found.unseen.map(({ what, file }) => `${file} ${what}`)).toEqual(['src/router.ts query paths input.paths']);
  });
});

describe('clientId and userId', () => {
  const said = (action: string, given?: Given): string => {
    const [one] = effects(`await broadcastSync(${action});`, given).broadcasts;
    return `${one?.clientId} ${one?.userId}`;
  };
  test.each([
    ['there', `{ clientId: input.clientId, userId: ctx.userId, queryPaths: ['guests'] }`, 'yes yes'],
    ['by their names alone', `{ clientId, userId, queryPaths: ['guests'] }`, 'yes yes'],
    ['absent', `{ queryPaths: ['guests'] }`, 'no no'],
    ['undefined', `{ clientId: undefined, userId: undefined, queryPaths: ['guests'] }`, 'no no'],
    ['of a spread', `{ ...base, queryPaths: ['guests'] }`, 'yes yes'],
    ['of a conditional spread', `{ ...(input.clientId && { clientId: input.clientId }), ...(input.user ? { userId: input.user } : {}), queryPaths: ['guests'] }`, 'yes yes'],
    ['of a spread that cannot be followed', `{ ...input, queryPaths: ['guests'] }`, 'unknown unknown'],
  ])('%s', (_what, action, expected) => {
    expect(said(action, { before: `const base = { clientId: '1', userId: '2' }; declare const clientId: string, userId: string;` })).toBe(expected);
  });
});

describe('conditions', () => {
  test.each<Case>([
    ['if', `if (input.clientId) await broadcastSync(${ONE});`, ['broadcastSync guests.getAll if (input.clientId)']],
    ['else', `if (input.quiet) return; else await broadcastSync(${ONE});`, ['broadcastSync guests.getAll if (!input.quiet)']],
    ['and', `input.clientId && broadcastSync(${ONE});`, ['broadcastSync guests.getAll if (input.clientId)']],
    ['an early return', `if (!input.clientId) return null; await broadcastSync(${ONE});`, ['broadcastSync guests.getAll if (input.clientId)']],
    ['an error is no way around it', `if (!input.clientId) throw new Error(); await broadcastSync(${ONE});`, ['broadcastSync guests.getAll']],
    ['both arms broadcast', `if (input.a) await broadcastSync(${ONE}); else await broadcastSync(${ACTION(`['hotels.getAll']`)});`, ['broadcastSync guests.getAll', 'broadcastSync hotels.getAll']],
    ['nested', `if (input.a) { if (input.b) await broadcastSync(${ONE}); }`, ['broadcastSync guests.getAll if (input.a && input.b)']],
    ['a hub that may be absent', `await ctx.hub?.broadcast(${ONE});`, ['ctx.hub.broadcast guests.getAll if (ctx.hub)']],
    ['a helper that returns early', `await tell(ctx, input.id);`, ['broadcastSync guests.getAll if (id) via tell'], { before: `async function tell(ctx, id) { if (!id) return; await broadcastSync(${ONE}); }` }],
    ['a try has none', `try { await broadcastSync(${ONE}); } catch { console.warn('no'); }`, ['broadcastSync guests.getAll']],
  ])('%s', (...[, body, expected, given]: Case) => {
    expect(broadcastsOf(effects(body, given))).toEqual(expected);
  });
});

describe('no broadcasts', () => {
  test.each<Case>([
    ['a broadcast of its own kind', `broadcast('hello');`, [], { before: `function broadcast(text: string) { for (const player of []) console.log(player, text); }` }],
    ['of a channel', `new BroadcastChannel('a').postMessage({ queryPaths: ['guests'] });`, []],
    ['a log', `console.log({ queryPaths: ['guests.getAll'] }); ctx.log.info({ queryPaths: ['guests.getAll'] });`, []],
    ['a function that is not called', `const later = () => broadcastSync(${ONE});`, []],
    ['an answer', `return { queryPaths: ['guests.getAll'] };`, []],
    ['an optional callback that is left out', `await save();`, [], { before: `async function save(after?: () => Promise<void>) { await after?.(); }` }],
  ])('%s', (...[, body, expected, given]: Case) => {
    expect(broadcastsOf(effects(body, given))).toEqual(expected);
  });

  test('one out of sight without query paths is told of', () => {
    const found = effects(`ctx.socket.broadcast('hello');`);
    expect(found.broadcasts).toEqual([]);
    expect(found.notes.map(({ text }) => text)).toEqual(['ctx.socket.broadcast() has no queryPaths: not counted as a broadcast']);
  });
});

describe('what cannot be followed', () => {
  test.each([
    ['a function chosen at run time', `await ctx.registry[input.name](input);`, /chosen at run time/],
    ['an event', `ctx.bus.emit('guest.saved', input);`, /decided at run time/],
    ['a service out of sight', `await ctx.services.createGuest(input);`, /could not be found/],
  ])('%s', (_what, body, why) => {
    expect(effects(body).unseen.map((one) => one.why).join()).toMatch(why);
  });

  test('what reads is not told of', () => {
    expect(effects(`const rows = await ctx.services.list(); input.name.trim(); await ctx.db.select().from(guests).where(eq(guests.id, '1'));`).unseen).toEqual([]);
  });

  test('functions that call each other come to an end', () => {
    const found = effects(`await ping(3);`, {
      before: `async function ping(n) { await db.insert(guests).values({}); if (n > 0) await pong(n - 1); } async function pong(n) { await db.delete(hotels); await ping(n); }`,
    });
    expect(writesOf(found)).toEqual(['insert guests drizzle via ping', 'delete hotels drizzle via ping > pong']);
  });
});
