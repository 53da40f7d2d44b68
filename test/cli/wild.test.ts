/**
 * The audit on what it met in public code bases: each kind of failure as a small code base (`fixtures/wild`, with what is
 * expected beside it), and further shapes of each kind (`wild/shapes.ts`).
 */
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { audit, type AuditConfig, type AuditReport, type MutationReport } from '../../lib/cli/audit/index.js';
import { toTerminal } from '../../lib/cli/audit/output/index.js';
import { scratch } from './codebases/scratch.js';
import { DRIZZLE, OBJECTS, PRISMA } from './wild/shapes.js';

const FOLDER = path.join(__dirname, '../fixtures/wild');

interface Expected {
  mutations?: Record<string, { tables?: string[]; by?: string; transaction?: string; writes?: number; broadcast?: string; unseen?: true; orUnseen?: true; mentions?: string }>;
  queries?: Record<string, { tables: string[]; complete: boolean }>;
  findings?: string[] | Record<string, number>;
  findingsNot?: string[];
  unseen?: string[] | { max: number };
  maxSeconds?: number;
}

const sorted = (names: readonly string[]): string[] => [...names].sort();
const unseenOf = (report: AuditReport, mutation: string): boolean => report.unseen.some(({ subject }) => subject === mutation);

function differences(report: AuditReport, expected: Expected): string[] {
  const wrong: string[] = [];
  for (const [name, wanted] of Object.entries(expected.mutations ?? {})) {
    const found = report.mutations.find((one) => one.path === name);
    if (!found) {
      wrong.push(`${name}: not found`);
      continue;
    }
    const said = unseenOf(report, name);
    const same = wanted.tables === undefined || sorted(found.tables).join() === sorted(wanted.tables).join();
    if (!same && !(wanted.orUnseen && said)) wrong.push(`${name}: writes ${found.tables.join()}, not ${wanted.tables?.join()}`);
    if (wanted.by !== undefined && found.writes.some(({ by }) => by !== wanted.by)) wrong.push(`${name}: by ${found.writes.map(({ by }) => by).join()}`);
    if (wanted.transaction !== undefined && found.transaction !== wanted.transaction) wrong.push(`${name}: ${found.transaction}, not ${wanted.transaction}`);
    if (wanted.writes !== undefined && found.writes.length !== wanted.writes) wrong.push(`${name}: ${found.writes.length} writes, not ${wanted.writes}`);
    if (wanted.broadcast !== undefined && found.broadcast !== wanted.broadcast) wrong.push(`${name}: broadcast ${found.broadcast}, not ${wanted.broadcast}`);
    if (wanted.unseen === true && !said) wrong.push(`${name}: nothing is said of what was not seen`);
    if (wanted.mentions !== undefined && !found.notes.some((note) => note.includes(wanted.mentions ?? ''))) wrong.push(`${name}: no note of ${wanted.mentions}`);
  }
  for (const [name, wanted] of Object.entries(expected.queries ?? {})) {
    const found = report.queries.find((one) => one.path === name);
    const says = `${sorted(found?.tables ?? []).join()} ${found?.complete}`;
    if (says !== `${sorted(wanted.tables).join()} ${wanted.complete}`) wrong.push(`${name}: reads ${says}`);
  }
  const lines = report.findings.map(({ rule, subject, message }) => `${rule} ${subject ?? ''} ${message}`);
  const has = (text: string): boolean => {
    const [head = '', tail = ''] = text.split(': ');
    return lines.some((line) => line.startsWith(`${head} `) && line.includes(tail));
  };
  if (Array.isArray(expected.findings)) for (const text of expected.findings) if (!has(text)) wrong.push(`no finding ${text}`);
  if (expected.findings && !Array.isArray(expected.findings)) {
    for (const [rule, count] of Object.entries(expected.findings)) {
      const found = report.findings.filter((one) => one.rule === rule).length;
      if (found !== count) wrong.push(`${found} of ${rule}, not ${count}`);
    }
  }
  for (const text of expected.findingsNot ?? []) if (has(text)) wrong.push(`finding ${text}`);
  const { unseen } = expected;
  if (Array.isArray(unseen) ? report.unseen.length > 0 : unseen && report.unseen.length > unseen.max) wrong.push(`${report.unseen.length} things not seen: ${report.unseen.map(({ what }) => what).join()}`);
  return wrong;
}

describe('as they were met', () => {
  // The compiler is loaded once, before the first is timed.
  audit(path.join(FOLDER, '05-one-table-two-names'));

  test.each(readdirSync(FOLDER))('%s', (name) => {
    const expected = JSON.parse(readFileSync(path.join(FOLDER, name, 'expected.json'), 'utf8')) as Expected;
    const before = process.cpuUsage();
    const report = audit(path.join(FOLDER, name));
    const { user, system } = process.cpuUsage(before);
    expect(differences(report, expected)).toEqual([]);
    if (expected.maxSeconds !== undefined) expect((user + system) / 1e6).toBeLessThan(expected.maxSeconds);
  });

  test('an own layer that the settings name by receiver and method broadcasts, and misses no paths', () => {
    const config: AuditConfig = { broadcasts: ['ee.emit', 'pusher.trigger', 'channel.publishAsync', 'revalidatePath'] };
    const report = audit(path.join(FOLDER, '14-own-realtime-layer'), { config });
    expect(report.mutations.map(({ path: name, broadcast }) => [name, broadcast])).toEqual(['emits', 'publishes', 'pushes', 'revalidates'].map((name) => [name, 'yes']));
    expect(report.findings).toEqual([]);
    expect(report.layer).toBe('seen');
    expect(report.mutations.every(({ tables }) => tables.join() === 'item')).toBe(true);
  });

  test('a name of a method alone is no other receiver', () => {
    const report = audit(path.join(FOLDER, '14-own-realtime-layer'), { config: { broadcasts: ['ably.trigger', 'ee.emit'] } });
    expect(report.mutations.filter(({ broadcast }) => broadcast === 'yes').map(({ path: name }) => name)).toEqual(['emits', 'publishes']);
  });

  test('without any layer silence is information, said once', () => {
    const report = audit(path.join(FOLDER, '02-global-singleton-db'));
    expect(report.layer).toBe('none');
    expect(report.findings.map(({ severity }) => severity)).toEqual(['note', 'note', 'note']);
    expect(toTerminal(report, { width: 80 }).match(/No function was found that tells clients/g)).toHaveLength(1);
  });
});

const named = (report: AuditReport): Record<string, MutationReport> => Object.fromEntries(report.mutations.map((one) => [one.path, one]));

describe('Drizzle in further shapes', () => {
  const { folder, remove } = scratch(DRIZZLE);
  const report = audit(folder, { config: { transactions: ['ownWrapper'] } });
  remove();
  const found = named(report);

  test.each([
    // A database kept on the global object.
    ['keptUpdate', ['users'], 'outside'],
    ['heldDelete', ['logs'], 'outside'],
    // Functions inside what a library is given.
    ['guarded', ['users'], 'outside'],
    ['waterfall', ['users', 'logs'], 'outside'],
    ['tried', ['logs'], 'outside'],
    // Transactions through helpers.
    ['ensured', ['users', 'logs'], 'inside'],
    ['ensuredInside', ['users', 'logs'], 'inside'],
    ['leased', ['users', 'logs'], 'inside'],
    ['atomically', ['users', 'logs'], 'inside'],
    ['ownWrapper', ['users', 'logs'], 'inside'],
    // Methods of several classes.
    ['abstractSave', ['users', 'posts', 'counters'], 'outside'],
    ['abstractAll', ['users', 'posts'], 'outside'],
    ['exactSave', ['posts', 'counters'], 'outside'],
    ['byInterface', ['users', 'logs'], 'outside'],
    // Plain data of the language.
    ['cached', ['logs'], 'outside'],
    ['listNamedQueue', ['logs'], 'outside'],
    // Branches that exclude each other.
    ['quiet', ['logs'], 'inside'],
    ['loud', ['logs'], 'outside'],
    ['openKind', ['logs'], 'outside'],
    ['user', ['users'], 'outside'],
    ['other', ['posts', 'counters'], 'inside'],
    // Keys that are constants.
    ['plain', ['users'], 'outside'],
    ['high', ['users'], 'outside'],
    // One table under two names.
    ['rawUser', ['users'], 'outside'],
    ['rawInvoice', ['invoices'], 'outside'],
    ['rawLog', ['logs'], 'outside'],
    // What no code shows.
    ['removeUser', ['users', 'posts', 'comments'], 'outside'],
    ['removePost', ['posts', 'comments'], 'outside'],
    ['addPost', ['posts', 'counters'], 'outside'],
    ['renamePost', ['posts'], 'outside'],
    ['removeCounter', ['counters'], 'outside'],
  ])('%s writes %j, %s a transaction', (name, tables, transaction) => {
    expect({ tables: sorted(found[name]?.tables ?? []), transaction: found[name]?.transaction }).toEqual({ tables: sorted(tables), transaction });
    expect(found[name]?.broadcast).toBe('no');
    expect(found[name]?.writes.filter(({ by }) => by !== 'drizzle' && by !== 'sql')).toEqual([]);
  });

  test.each([
    ['noClass', 'no class of the sources has it'],
    ['byAdapter', 'was given the database'],
    ['byMember', 'was given the database'],
    ['byPart', 'was given the database'],
    ['imported', 'is given the database'],
    ['queued', 'hands work over to bullmq'],
    ['task', 'hands work over to @trigger.dev'],
    ['computed', 'chosen at run time'],
  ])('%s is unknown, since %s', (name, why) => {
    expect(found[name]?.broadcast).toBe('unknown');
    expect(report.unseen.filter(({ subject }) => subject === name).map((one) => one.why)).toEqual([expect.stringContaining(why)]);
  });

  test('what only reads by a library is no more than that', () => expect(found['readByAdapter']?.broadcast).toBe('no'));

  test('what the database does along says why, stands where its cause stands, and is part of its statement', () => {
    const [own, along] = found['addPost']?.writes ?? [];
    expect(along).toMatchObject({ table: 'counters', operation: 'update', because: 'trigger', line: own?.line });
    expect(found['removeUser']?.writes.map(({ table, operation, because }) => [table, operation, because])).toEqual([
      ['users', 'delete', undefined],
      ['posts', 'delete', 'foreign key'],
      ['comments', 'update', 'foreign key'],
    ]);
    const broken = report.findings.filter(({ rule }) => rule === 'non-atomic').map(({ subject }) => subject);
    expect(sorted(broken.map(String))).toEqual(['abstractAll', 'waterfall']);
  });

  test('no reason holds a line of code', () => {
    expect(report.unseen.filter(({ what, why }) => /\n/.test(what + why) || (what + why).length > 200)).toEqual([]);
  });
});

describe('objects that are chosen or made', () => {
  const { folder, remove } = scratch(OBJECTS);
  const report = audit(folder);
  remove();
  const found = named(report);

  test.each([
    // A factory gives one of several; a union names them.
    ['chosen', ['users'], 'no'],
    ['opened', ['users'], 'no'],
    ['inContext', ['users'], 'no'],
    ['union', ['posts', 'users'], 'no'],
    ['channel', ['users'], 'no'],
    // A function that a constructor is given.
    ['given', ['logs', 'posts'], 'no'],
    ['inherited', ['logs', 'posts'], 'no'],
    ['own', ['logs'], 'no'],
    ['parts', ['logs', 'users'], 'no'],
    ['nobody', [], 'unknown'],
    ['coded', [], 'no'],
  ])('%s writes %j, and tells: %s', (name, tables, broadcast) => {
    expect({ tables: sorted(found[name]?.tables ?? []), broadcast: found[name]?.broadcast }).toEqual({ tables, broadcast });
  });

  test('the reason says who was not seen', () => {
    expect(report.unseen.filter(({ subject }) => subject === 'nobody').map(({ why }) => why)).toEqual(['#audit is given to the constructor, and nobody was seen to give it']);
  });

  test.each([
    ['let', ['logs', 'posts', 'users']],
    ['built', ['users']],
  ])('the query %s reads %j', (name, tables) => {
    expect(sorted(report.queries.find((one) => one.path === name)?.tables ?? [])).toEqual(tables);
  });
});

describe('middlewares that many procedures share', () => {
  const { folder, remove } = scratch({
    'src/root.ts': `import { initTRPC } from '@trpc/server';
      import { PrismaClient } from '@prisma/client';
      const t = initTRPC.context<{}>().create();
      const prisma = new PrismaClient();
      const log = async (name: string) => { await prisma.log.create({ data: { name } }); };
      const byName = t.procedure.use(async ({ next, path, type }) => {
        const result = await next();
        if (type === 'mutation') await (path === 'one' ? prisma.first.create({ data: {} }) : log(path));
        return result;
      });
      const shared = t.procedure.use(async ({ next, ctx }) => { const done = await next({ ctx: { ...ctx, db: prisma } }); await log('x'); return done; });
      const named = t.procedure.use(({ next, ctx, path }) => { const given = { ...ctx, name: path, db: prisma }; return next({ ctx: given }); });
      const told = named.use(async ({ next, ctx }) => { const done = await next(); if (ctx.name === 'seven') await log('y'); else await prisma.other.create({ data: {} }); return done; });
      const twice = shared.use(async ({ next }) => { const done = await next(); await prisma.seen.create({ data: {} }); return done; });
      export const appRouter = t.router({
        one: byName.mutation(() => prisma.a.create({ data: {} })),
        two: byName.mutation(() => prisma.b.create({ data: {} })),
        three: shared.mutation(({ ctx }) => ctx.db.a.create({ data: {} })),
        four: shared.mutation(({ ctx }) => ctx.db.b.create({ data: {} })),
        five: twice.mutation(({ ctx }) => ctx.db.a.create({ data: {} })),
        six: twice.mutation(({ ctx }) => ctx.db.b.create({ data: {} })),
        seven: told.mutation(({ ctx }) => ctx.db.a.create({ data: {} })),
        eight: told.mutation(({ ctx }) => ctx.db.b.create({ data: {} })),
        all: twice.query(() => prisma.a.findMany()),
      });`,
  });
  const report = audit(folder);
  remove();
  const found = named(report);

  test.each([
    ['three', ['a', 'log']],
    ['four', ['b', 'log']],
    ['five', ['a', 'log', 'seen']],
    ['six', ['b', 'log', 'seen']],
    ['seven', ['a', 'log', 'other']],
    ['eight', ['b', 'log', 'other']],
  ])('%s writes %j', (name, tables) => expect(sorted(found[name]?.tables ?? [])).toEqual(tables));

  test('one that asks for the name is read for each', () => {
    expect(found['one']?.tables).toContain('a');
    expect(found['two']?.tables).toContain('b');
    expect(found['two']?.tables).not.toContain('a');
    expect(found['two']?.tables).toContain('log');
  });
});

describe('SQL beside Prisma', () => {
  const { folder, remove } = scratch({
    'prisma/schema.prisma': `model Prompt {
        id     String @id
        config Json   @default("{}") // { a brace
        link   String @default("https://a.example/{x}")
        notes  Note[]
        @@map("prompts")
      }
      model Note { id String @id
        prompt Prompt @relation(fields: [promptId], references: [id], onDelete: Cascade)
        promptId String
      }`,
    'src/clickhouse.ts': `import { createClient } from '@clickhouse/client';
      export const clickhouseClient = () => createClient({ url: 'http://localhost' });
      const events = createClient();
      export async function save(table: 'scores' | 'traces', rows: object[]) { await clickhouseClient().insert({ table, values: rows, format: 'JSONEachRow' }); }
      export const keep = () => events.insert({ table: 'event_log', values: [], format: 'JSONEachRow' });
      export const drop = () => events.command({ query: 'ALTER TABLE x DELETE WHERE 1 = 1', clickhouse_settings: {} });
      export const add = () => events.command({ query: 'INSERT INTO counters SELECT * FROM raw_counters' });
      export const read = () => clickhouseClient().query({ query: 'SELECT * FROM scores FINAL JOIN traces USING (id)', format: 'JSONEachRow' });
      export const readAny = (query: string) => events.query({ query });
      export const form = { insert(_given: { table: string; values: string[] }) { return _given; } };`,
    'src/root.ts': `import { initTRPC } from '@trpc/server';
      import { Prisma, PrismaClient } from '@prisma/client';
      import { add, form, keep, read, readAny, save } from './clickhouse';
      const t = initTRPC.create();
      const prisma = new PrismaClient();
      const latest = Prisma.sql\`latest AS (SELECT * FROM prompts WHERE id = 1), other AS (SELECT 1)\`;
      export const appRouter = t.router({
        remove: t.procedure.mutation(() => prisma.prompt.delete({ where: { id: 'a' } })),
        save: t.procedure.mutation(() => save('scores', [])),
        keep: t.procedure.mutation(() => keep()),
        add: t.procedure.mutation(() => add()),
        form: t.procedure.mutation(() => form.insert({ table: 'x', values: [] })),
        notes: t.procedure.query(() => prisma.prompt.findMany({ include: { notes: true } })),
        parts: t.procedure.query(() => prisma.$queryRaw\`WITH \${latest}, third AS (SELECT * FROM latest) SELECT * FROM third, other JOIN latest USING (id)\`),
        read: t.procedure.query(() => read()),
        readAny: t.procedure.query(({ input }: { input: any }) => readAny(input.sql)),
      });`,
  });
  const report = audit(folder);
  remove();
  const found = named(report);
  const readsOf = (name: string) => sorted(report.queries.find((one) => one.path === name)?.tables ?? []);

  test.each([
    // A brace in quotes ends no model: its name in SQL and its relations stand behind it.
    ['remove', ['note', 'prompt']],
    ['save', ['scores']],
    ['keep', ['event_log']],
    ['add', ['counters']],
    ['form', []],
  ])('%s writes %j', (name, tables) => expect(sorted(found[name]?.tables ?? [])).toEqual(tables));

  test.each([
    ['notes', ['note', 'prompt']],
    // Names that a part of the text gives to what it selects are no tables.
    ['parts', ['prompt']],
    ['read', ['scores', 'traces']],
  ])('%s reads %j', (name, tables) => expect(readsOf(name)).toEqual(tables));

  test('a statement that nobody can see is told of', () => {
    expect(report.queries.find((one) => one.path === 'readAny')).toMatchObject({ tables: [], complete: false });
    expect(report.unseen.find((one) => one.subject === 'readAny')?.why).toBe('its SQL is computed');
  });
});

describe('Prisma in further shapes', () => {
  const { folder, remove } = scratch(PRISMA);
  const report = audit(folder);
  remove();
  const found = named(report);

  test.each([
    ['team.create', ['team', 'member', 'note'], 'outside'],
    ['team.adopt', ['team', 'member', '_TagToTeam'], 'outside'],
    ['team.remove', ['team', 'member', 'note'], 'outside'],
    ['team.raw', ['team'], 'outside'],
    ['team.list', ['team', 'tag'], 'inside'],
    ['team.kept', ['team', 'tag'], 'inside'],
    ['team.begun', ['tag', 'note'], 'inside'],
    ['team.removeMember', ['member', 'note'], 'outside'],
  ])('%s writes %j, %s a transaction', (name, tables, transaction) => {
    expect({ tables: sorted(found[name]?.tables ?? []), transaction: found[name]?.transaction }).toEqual({ tables: sorted(tables), transaction });
  });
});

test('--router: paths are those of the whole, and so are its queries', () => {
  const { folder, remove } = scratch({
    'src/trpc.ts': `import { initTRPC } from '@trpc/server';\nexport const t = initTRPC.create();`,
    'src/inner.ts': `import { PrismaClient } from '@prisma/client';
      import { broadcastSync } from 'pathcast';
      import { t } from './trpc';
      const prisma = new PrismaClient();
      export const innerRouter = t.router({
        one: t.procedure.query(() => prisma.a.findFirst()),
        add: t.procedure.mutation(async () => {
          await prisma.a.create({ data: {} });
          await broadcastSync({ type: 'insert', module: 'a', entityId: '1', companyId: 'c', userId: 'u', queryPaths: ['outer.inner.one', 'other.list'] });
        }),
      });`,
    'src/root.ts': `import { innerRouter } from './inner';
      import { t } from './trpc';
      export const appRouter = t.router({
        outer: t.router({ inner: innerRouter }),
        other: t.router({ list: t.procedure.query(() => []) }),
      });`,
  });
  const [whole, part] = [audit(folder), audit(folder, { router: 'src/inner.ts#innerRouter' })];
  remove();
  expect(part.mutations).toEqual(whole.mutations);
  expect(part.mutations[0]).toMatchObject({ path: 'outer.inner.add', queryPaths: ['outer.inner.one', 'other.list'] });
  expect(part.totals).toMatchObject({ phantomPaths: 0, queries: 1 });
  expect(part.findings.map(({ fingerprint }) => fingerprint)).toEqual(whole.findings.map(({ fingerprint }) => fingerprint));
});

describe('budgets', () => {
  const MANY = 40;
  const files = {
    'src/root.ts': `import { PrismaClient } from '@prisma/client';
      import { initTRPC } from '@trpc/server';
      const t = initTRPC.create();
      const prisma = new PrismaClient();
      const fresh = (n: number) => prisma.a.update({ where: { id: n }, data: { n } });
      export const appRouter = t.router({
        all: t.procedure.query(() => prisma.a.findMany()),
        ${Array.from({ length: MANY }, (_, index) => `m${index}: t.procedure.mutation(async () => { ${'await fresh(1); '.repeat(20)} await prisma.b.create({ data: {} }); }),`).join('\n')}
      });`,
  };
  const run = (budget: { procedure?: number; seconds?: number }): AuditReport => {
    const { folder, remove } = scratch(files);
    mkdirSync(path.join(folder, 'empty'));
    try {
      return audit(folder, { budget });
    } finally {
      remove();
    }
  };

  test('of a procedure: the rest of it is not seen, and the place says where', () => {
    const report = run({ procedure: 60 });
    // What is remembered of the helper by then lets later ones end.
    expect(report.mutations).toHaveLength(MANY);
    expect(report.mutations[0]?.broadcast).toBe('unknown');
    const first = report.unseen.find(({ subject }) => subject === 'm0');
    expect(first).toMatchObject({ file: 'src/root.ts', line: 8, why: expect.stringMatching(/60 steps/) as string });
    expect(report.mutations[0]?.tables).toEqual(['a']);
    expect(run({}).totals.unknown).toBe(0);
  });

  test('of the run: a report stands, and each procedure that was not followed is unknown', () => {
    const report = run({ seconds: 1e-9 });
    expect(report.totals).toMatchObject({ mutations: MANY, unknown: MANY });
    // The query of the router too.
    expect(report.unseen).toHaveLength(MANY + report.totals.queries);
    expect(report.unseen[0]).toMatchObject({ subject: 'm0', why: expect.stringContaining('--budget SECONDS') as string });
    const text = toTerminal(report, { width: 80 }).replace(/\s+/g, ' ');
    expect(text).toContain('give more with --budget');
    expect(text).not.toContain('Everything could be followed');
    // One reason, one entry.
    expect(text.match(/seconds of processor time were spent/g)).toHaveLength(1);
  });
});
