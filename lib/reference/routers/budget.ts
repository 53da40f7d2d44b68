/** Budget items and the advance payments made on them. */
import * as z from 'zod';
import { advancePayments, budget } from '../db/schema.js';
import type { RowOf } from '../db/rows.js';
import { ensureClient, recalcClientStats } from '../domain/client-stats.js';
import { addPayment, changePayment, removePayment } from '../domain/payments.js';
import { syncTimeline } from '../domain/timeline-sync.js';
import { byClient, byId, cents, identifier, line, moment, note, optionalLine } from '../inputs.js';
import type { Kit } from '../trpc.js';

const details = z.object({
  item: line,
  category: line.optional(),
  segment: line.optional(),
  vendorId: identifier.nullish(),
  perGuestCost: cents.nullish(),
  estimatedCost: cents.optional(),
  actualCost: cents.nullish(),
  dueAt: moment,
  notes: note,
});

type Item = RowOf<typeof budget>;

function totals(items: readonly Item[]) {
  const sum = (pick: (item: Item) => number) => items.reduce((total, item) => total + pick(item), 0);
  return {
    items: items.length,
    estimated: sum((item) => item.estimatedCost),
    actual: sum((item) => item.actualCost ?? 0),
    paid: sum((item) => item.paidAmount),
  };
}

/** Items by category or segment, in order of the name. */
function grouped(items: readonly Item[], key: 'category' | 'segment'): [name: string, items: Item[]][] {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const group = groups.get(item[key]);
    if (group) group.push(item);
    else groups.set(item[key], [item]);
  }
  return [...groups].sort(([a], [b]) => a.localeCompare(b));
}

export const createBudgetRouter = ({ router, query, mutation }: Kit) =>
  router({
    getAll: query.input(byClient).query(({ ctx, input }) => ctx.store.list(budget, { clientId: input?.clientId })),

    /** The item with its advance payments. */
    getById: query.input(byId).query(async ({ ctx, input }) => ({
      ...await ctx.store.need(budget, input.id),
      advancePayments: await ctx.store.list(advancePayments, { budgetId: input.id }),
    })),

    getSummary: query.input(byClient).query(async ({ ctx, input }) => {
      const sums = totals(await ctx.store.list(budget, { clientId: input?.clientId }));
      return { ...sums, outstanding: Math.max(0, sums.estimated - sums.paid) };
    }),

    getByCategory: query
      .input(z.object({ clientId: identifier.optional(), category: line }))
      .query(({ ctx, input }) => ctx.store.list(budget, { clientId: input.clientId, category: input.category })),

    getCategorySummary: query.input(byClient).query(async ({ ctx, input }) =>
      grouped(await ctx.store.list(budget, { clientId: input?.clientId }), 'category').map(([category, items]) => ({
        category,
        ...totals(items),
      })),
    ),

    getSegmentSummary: query.input(byClient).query(async ({ ctx, input }) =>
      grouped(await ctx.store.list(budget, { clientId: input?.clientId }), 'segment').map(([segment, items]) => ({
        segment,
        ...totals(items),
      })),
    ),

    getBySegment: query
      .input(z.object({ clientId: identifier.optional(), segment: line }))
      .query(({ ctx, input }) => ctx.store.list(budget, { clientId: input.clientId, segment: input.segment })),

    create: mutation.input(details.extend({ clientId: identifier })).mutation(({ ctx, input }) =>
      ctx.write(async (tx) => {
        await ensureClient(tx, input.clientId);
        const { id, clientId } = await tx.insert(budget, input);
        await syncTimeline(tx, clientId, 'budget');
        await recalcClientStats(tx, clientId);
        return tx.need(budget, id);
      }),
    ),

    update: mutation.input(details.partial().extend({ id: identifier })).mutation(({ ctx, input }) =>
      ctx.write(async (tx) => {
        const { id, ...patch } = input;
        const { clientId } = await tx.patch(budget, id, patch);
        await syncTimeline(tx, clientId, 'budget');
        await recalcClientStats(tx, clientId);
        return tx.need(budget, id);
      }),
    ),

    delete: mutation.input(byId).mutation(({ ctx, input }) =>
      ctx.write(async (tx) => {
        const item = await tx.remove(budget, input.id);
        await tx.removeWhere(advancePayments, { budgetId: item.id });
        await syncTimeline(tx, item.clientId, 'budget');
        await recalcClientStats(tx, item.clientId);
        return item;
      }),
    ),

    addAdvancePayment: mutation
      .input(z.object({ budgetId: identifier, amount: cents, paidAt: moment, paidBy: optionalLine, note }))
      .mutation(({ ctx, input }) =>
        ctx.write((tx) => addPayment(tx, input.budgetId, { ...input, paidAt: input.paidAt ?? undefined })),
      ),

    updateAdvancePayment: mutation
      .input(byId.extend({ amount: cents.optional(), paidAt: moment, paidBy: optionalLine, note }))
      .mutation(({ ctx, input }) =>
        ctx.write(async (tx) => {
          const { id, paidAt, ...patch } = input;
          return await changePayment(tx, id, { ...patch, paidAt: paidAt ?? undefined });
        }),
      ),

    deleteAdvancePayment: mutation
      .input(byId)
      .mutation(({ ctx, input }) => ctx.write((tx) => removePayment(tx, input.id))),
  });
