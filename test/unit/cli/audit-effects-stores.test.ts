/** Stores of one's own around a database: what they write is found through the context, types and piped middlewares. */
import { afterAll, describe, expect, test } from '@jest/globals';
import { effects, writesOf, type Given } from './audit-effects-tree.js';
import { removeTrees } from './audit-project-tree.js';

afterAll(removeTrees);

const STORE = `export class Store {
  constructor(readonly db: any) {}
  transaction<R>(work: (tx: Tx) => R): R { const tx = new Tx(this.db); return this.db.transaction(() => work(tx)); }
}
export class Tx extends Store {
  removeWhere(table: { name: string }, where: object) { this.db.run(\`DELETE FROM "\${table.name}" WHERE x = ?\`, [where]); return []; }
}
`;
const TABLES = `export const seats = { name: 'seats' }; export const plans = { name: 'plans' };`;
const TRPC = `import { initTRPC } from '@trpc/server';
import type { Store, Tx } from './store';
export interface Services { store(id: string): Store }
const t = initTRPC.context<{ services: Services }>().create();
export const router = t.router;
const withStore = t.middleware(async ({ ctx, next }) => next({ ctx: { store: ctx.services.store('a') } }));
const mayWrite = withStore.unstable_pipe(({ ctx, next }) => {
  const write = <R>(work: (tx: Tx) => R): R => ctx.store.transaction(work);
  return next({ ctx: { write } });
});
export const procedure = t.procedure;
export const writing = t.procedure.use(mayWrite);
`;
const given: Given = {
  procedure: 'writing',
  before: `import { writing } from './trpc'; import { plans, seats } from './tables';`,
  files: { 'store.ts': STORE, 'tables.ts': TABLES, 'trpc.ts': TRPC },
};

describe('a store that the context gives', () => {
  test.each([
    ['by a function of a piped middleware', `return ctx.write((tx) => tx.removeWhere(seats, input));`],
    ['as an object of the middleware before it', `return ctx.store.transaction((tx) => tx.removeWhere(seats, input));`],
    ['by a method that an interface declares', `return ctx.services.store('b').transaction((tx) => tx.removeWhere(seats, input));`],
    ['inside an object that is returned', `return ctx.write((tx) => { return { removed: tx.removeWhere(seats, input).length }; });`],
  ])('%s', (_how, body) => {
    const [write] = effects(body, given).writes;
    expect(write).toMatchObject({ operation: 'delete', table: 'seats', by: 'sql', inTransaction: true });
  });

  test('each table of a list counts', () => {
    const found = effects(`return ctx.write((tx) => { for (const table of [seats, plans] as const) tx.removeWhere(table, input); });`, given);
    expect(found.writes.map(({ table, inTransaction }) => [table, inTransaction])).toEqual([
      ['seats', true],
      ['plans', true],
    ]);
  });

  test('a method out of sight whose name says that it writes is told of', () => {
    const found = effects(`await tx.removeWhere(guests, input);`, { before: `declare const tx: import('acme').Tx;` });
    expect(writesOf(found)).toEqual([]);
    expect(found.unseen.map(({ what, why }) => `${what}: ${why}`)).toEqual(['tx.removeWhere(): its code could not be found, and its name says that it writes']);
  });
});
