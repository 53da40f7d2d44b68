import { idle, type MutationTruth, quiet, type Truth } from './truth.js';

const inside = (...tables: string[]): MutationTruth => ({ ...quiet(...tables), transaction: 'inside' });

const mutations: Record<string, MutationTruth> = {
  'drizzle.batch': inside('users', 'teams'),
  'drizzle.raw': quiet('users'),
  'drizzle.upsert': quiet('users'),
  'drizzle.renamed': quiet('users|people'),
  'drizzle.inTwoSteps': quiet('teams'),
  'drizzle.dynamic': quiet('users', 'teams'),
  'drizzle.lock': idle,
  'drizzle.read': idle,
  'drizzle.returning': quiet('users', 'teams'),
  'prisma.raw': quiet('Invoice|invoice'),
  'prisma.unsafe': quiet('Invoice|invoice'),
  'prisma.returning': quiet('Invoice|invoice'),
  'prisma.selecting': idle,
  'prisma.destructured': quiet('invoice'),
  'prisma.kept': quiet('order'),
  'prisma.nested': quiet('order', 'lines', 'customer'),
  'prisma.options': inside('order', 'invoice'),
  'prisma.list': inside('order', 'invoice'),
  'prisma.mapped': inside('order'),
  'prisma.pushed': inside('order', 'invoice'),
  'knex.transacting': inside('parcels', 'vans'),
  'knex.batch': quiet('parcels'),
  'knex.truncate': quiet('vans'),
  'knex.from': quiet('vans'),
  'knex.raw': { broadcast: 'no', tables: null },
  'knex.count': idle,
  'knex.typed': quiet('parcels'),
  'kysely.insert': quiet('seats'),
  'kysely.cte': quiet('bookings', 'seats'),
  'kysely.raw': quiet('seats'),
  'kysely.both': inside('bookings', 'seats'),
  'kysely.read': idle,
  'drivers.execute': quiet('rooms'),
  'drivers.object': quiet('guests'),
  'drivers.begin': inside('rooms', 'guests'),
  'drivers.beginTransaction': inside('rooms', 'guests'),
  'drivers.two': quiet('rooms', 'guests'),
  'drivers.select': idle,
  'drivers.cte': quiet('guests', 'archive'),
};

/** The same few writes in every dialect that the audit reads; nothing is broadcast at all. */
export const truth: Truth = {
  root: 'src/router.ts#default',
  queries: 0,
  mutations,
  findings: [
    ...Object.keys(mutations).map((path) => `silent ${path}` as const),
    'non-atomic drivers.two',
  ],
};
