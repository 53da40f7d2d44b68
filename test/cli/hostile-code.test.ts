/**
 * Code that no one should have written, and folders in disorder: the audit ends, in time, with a report, or with an error
 * that says what is wrong. It never crashes and never loops.
 */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { audit } from '../../lib/cli/audit/index.js';
import type { AuditReport } from '../../lib/cli/audit/report.js';
import { HEAD, scratch, withBody } from './codebases/scratch.js';

/** ms of processor time; generous, and hopeless for anything that doubles with each line. */
const LIMIT = 15_000;

async function run(files: Record<string, string | Uint8Array>, prepare?: (folder: string) => void, options = {}): Promise<AuditReport> {
  const { folder, remove } = scratch(files);
  try {
    prepare?.(folder);
    const start = process.cpuUsage();
    const report = audit(folder, options);
    const { user, system } = process.cpuUsage(start);
    expect((user + system) / 1_000).toBeLessThan(LIMIT);
    return report;
  } finally {
    remove();
  }
}

const messageOf = async (files: Record<string, string | Uint8Array>, prepare?: (folder: string) => void, options = {}): Promise<string> => {
  try {
    await run(files, prepare, options);
  } catch (error) {
    // A message for a person, not the remains of a crash.
    expect(error).not.toBeInstanceOf(TypeError);
    expect(error).not.toBeInstanceOf(RangeError);
    return (error as Error).message;
  }
  throw new Error('the audit found a router where there is none');
};

const add = (report: AuditReport) => report.mutations.find(({ path: name }) => name === 'a.add');
const pathsOf = (report: AuditReport) => add(report)?.queryPaths;
const nest = (open: string, inner: string, close: string, depth: number) => open.repeat(depth) + inner + close.repeat(depth);

describe('folders', () => {
  test('an empty one', async () => {
    expect(await messageOf({})).toMatch(/source/i);
  });

  test('one that is not there, and a file', async () => {
    expect(() => audit('no/such/folder')).toThrow(/no\/such\/folder/);
    expect(await messageOf({ 'src/a.txt': 'hello' })).toMatch(/source/i);
  });

  test('a repository without tRPC', async () => {
    expect(await messageOf({ 'src/server.ts': `import { Router } from 'express';\nexport const router = Router();` })).toMatch(/router/i);
  });

  test('tRPC 9, whose routers are chains of calls', async () => {
    const old = `import * as trpc from '@trpc/server';
      export const appRouter = trpc.router().query('all', { resolve: () => [] }).mutation('add', { resolve: async () => 1 });`;
    expect(await messageOf({ 'src/router.ts': old })).toMatch(/router/i);
  });

  test('a router option that names nothing', async () => {
    const files = { 'src/router.ts': withBody(''), 'src/other.ts': 'export const x = 1;' };
    expect(await messageOf(files, undefined, { router: 'src/gone.ts' })).toMatch(/gone\.ts/);
    expect(await messageOf(files, undefined, { router: 'src/other.ts' })).toMatch(/other\.ts/);
  });

  test('names with spaces, brackets, hashes and beyond ASCII', async () => {
    const report = await run({ 'säle & [id]/#1 (kopie)/ルーター.ts': withBody(`await tell(['a.all']);`) });
    expect(report.root).toBe('säle & [id]/#1 (kopie)/ルーター.ts#appRouter');
    expect(pathsOf(report)).toEqual(['a.all']);
  });

  test('links in circles, links to nothing, folders named like files', async () => {
    const report = await run({ 'src/router.ts': withBody(`await tell(['a.all']);`) }, (folder) => {
      symlinkSync('..', path.join(folder, 'src/up'));
      symlinkSync('.', path.join(folder, 'src/self'));
      symlinkSync('gone.ts', path.join(folder, 'src/dangling.ts'));
      symlinkSync('loop-b.ts', path.join(folder, 'src/loop-a.ts'));
      symlinkSync('loop-a.ts', path.join(folder, 'src/loop-b.ts'));
      mkdirSync(path.join(folder, 'src/folder.ts'));
      writeFileSync(path.join(folder, 'src/user.ts'), `import './folder';\nimport './dangling';\nimport './loop-a';`);
    });
    expect(report.mutations.map(({ path: name }) => name)).toEqual(['a.add']);
    expect(report.root).toBe('src/router.ts#appRouter');
  });
});

describe('workspaces', () => {
  test('the sources of tRPC among them', async () => {
    const report = await run({
      'package.json': '{ "workspaces": ["packages/*"] }',
      'packages/server/package.json': '{ "name": "@trpc/server", "main": "src/index.ts" }',
      'packages/server/src/index.ts': 'export const initTRPC = { create: () => ({ router: (r: unknown) => r, procedure: {} }) };',
      'packages/app/package.json': '{ "name": "app" }',
      'packages/app/src/router.ts': withBody(`await tell(['a.all']);`),
    });
    expect(pathsOf(report)).toEqual(['a.all']);
  });
});

describe('files', () => {
  test('CRLF, a byte order mark, UTF-16', async () => {
    const text = withBody(`await tell(['a.all']);\n`).replaceAll('\n', '\r\n');
    for (const content of [text, `\uFEFF${text}`, Buffer.from(`\uFEFF${text}`, 'utf16le')]) {
      const report = await run({ 'router.ts': content });
      expect(pathsOf(report)).toEqual(['a.all']);
      expect(add(report)?.line).toBe(withBody('').split('\n').findIndex((line) => line.includes('add:')) + 1);
    }
  });

  test('a film, a translation and an archive that end in .ts', async () => {
    const film = new Uint8Array(100_000).map((_, index) => (index * 7919) & 255);
    const report = await run({
      'router.ts': withBody(`await tell(['a.all']);`),
      'film.ts': film,
      'de.ts': '<?xml version="1.0"?><TS version="2.1"><context><name>Main</name></context></TS>',
      'zero.ts': new Uint8Array(1_000),
    });
    expect(pathsOf(report)).toEqual(['a.all']);
  });

  test('a bundle on one line', async () => {
    const functions = Array.from({ length: 30_000 }, (_, index) => `var a${index}=function(b){return b.insert(c).values(d)};`);
    const bundle = `!function(){${functions.join('')}}();`;
    const report = await run({ 'router.ts': withBody(`await tell(['a.all']);`), 'public/bundle.js': bundle });
    expect(pathsOf(report)).toEqual(['a.all']);
  });

  test.each([
    ['no JSON', '{ "compilerOptions": '],
    ['an array', '[]'],
    ['nothing', ''],
    ['a base that is gone', '{ "extends": "./gone.json" }'],
    ['a base that is itself', '{ "extends": "./tsconfig.json" }'],
    ['fields of wrong types', '{ "extends": 7, "compilerOptions": { "paths": ["x"], "baseUrl": 3 }, "include": "src", "files": {}, "references": 1 }'],
    ['paths without a star, with two, and to nothing', '{ "compilerOptions": { "paths": { "~": [], "*/*": ["x/*/*"], "@/*": [1] } } }'],
    ['a reference to itself', '{ "files": [], "references": [{ "path": "." }] }'],
  ])('a tsconfig that holds %s', async (_name, tsconfig) => {
    const report = await run({ 'tsconfig.json': tsconfig, 'src/router.ts': withBody(`await tell(['a.all']);`) });
    expect(pathsOf(report)).toEqual(['a.all']);
  });

  test('a package.json and a workspace file that are none', async () => {
    const report = await run({
      'packages/c/package.json': '{',
      'pnpm-workspace.yaml': 'packages: {{{',
      'packages/a/package.json': '{ "name": "@x/a", "exports": { ".": { "import": { "default": null } } }, "main": 7 }',
      'packages/b/package.json': '[]',
      'src/router.ts': `import '@x/a';\n${withBody(`await tell(['a.all']);`)}`,
    });
    expect(pathsOf(report)).toEqual(['a.all']);
  });
});

describe('circles', () => {
  test('routers that import and hold each other', async () => {
    const report = await run({
      'trpc.ts': HEAD,
      'a.ts': `import { t, prisma } from './trpc';\nimport { b } from './b';\nexport const a = t.router({ all: t.procedure.query(() => 1), add: t.procedure.mutation(() => prisma.a.create({})), b });`,
      'b.ts': `import { t } from './trpc';\nimport { a } from './a';\nexport const b = t.router({ all: t.procedure.query(() => 1), a });`,
      'app.ts': `import { t } from './trpc';\nimport { a } from './a';\nimport { b } from './b';\nexport const appRouter = t.router({ a, b });`,
    });
    expect(report.mutations.map(({ path: name }) => name)).toContain('a.add');
    expect(report.unseen.length).toBeGreaterThan(0);
  });

  test('a router that spreads itself, and a record that does', async () => {
    const report = await run({
      'router.ts': `${HEAD}
        const record: any = { ...record, all: t.procedure.query(() => 1), add: t.procedure.mutation(() => tell(['a.all'])) };
        export const appRouter: any = t.router({ ...appRouter._def.record, a: t.router(record) });`,
    });
    expect(pathsOf(report)).toEqual(['a.all']);
    expect(report.unseen.length).toBeGreaterThan(0);
  });

  test('barrels that export each other', async () => {
    const report = await run({
      'one.ts': `export * from './two';\nexport * from './three';`,
      'two.ts': `export * from './one';\nexport { gone } from './one';\nexport * as self from './two';`,
      'three.ts': `export * from './two';\nexport { tell as say } from './router';`,
      'router.ts': withBody(`await say(['a.all']); await gone(); await self.self.self.nothing();`, `import { say, gone, self } from './one';`),
    });
    expect(pathsOf(report)).toEqual(['a.all']);
  });

  test('helpers that call themselves, each other, and grow what they are given', async () => {
    const report = await run({
      'router.ts': withBody(
        `await odd(3); await tell(grow('a')); await tell(lists([]));`,
        `async function even(n: number): Promise<void> { await prisma.a.update({}); if (n) await odd(n - 1); }
         async function odd(n: number): Promise<void> { await prisma.b.delete({}); if (n) await even(n - 1); }
         function grow(path: string): string[] { return path.length > 9 ? [] : [path, ...grow(path + '.x')]; }
         const lists = (before: string[]): string[] => lists([...before, 'a.all', ...before]);`,
      ),
    });
    expect(add(report)?.tables.toSorted()).toEqual(['a', 'b']);
    expect(add(report)?.broadcasts.some(({ complete }) => !complete)).toBe(true);
  });

  test('constants that are each other', async () => {
    const report = await run({
      'router.ts': withBody(
        `await tell(one); await tell(list); await tell(self.self.self); await tell(dflt);`,
        `const one: any = two; const two: any = one; const list: string[] = [...list, ...two];
         const self: any = { self, ...self }; const { dflt = dflt } = self; enum E { A = E.B, B = E.A } const e = [E.A];`,
      ),
    });
    expect(add(report)?.broadcast).toBe('yes');
    expect(add(report)?.broadcasts.every(({ complete }) => complete)).toBe(false);
  });

  test('classes that extend themselves, and each other', async () => {
    const report = await run({
      'router.ts': withBody(
        `await new A().run(); await new B().gone();`,
        `class A extends B { async run() { await tell(['a.all']); await super.run(); } } class B extends A { async other() { await this.run(); } } class C extends C {}`,
      ),
    });
    expect(pathsOf(report)).toEqual(['a.all']);
  });
});

describe('sizes', () => {
  test('a megabyte of text, a hundred thousand paths, fifty thousand keys', async () => {
    const report = await run({
      'long.ts': `export const LONG = \`${'x'.repeat(1_000_000)}\`;`,
      'many.ts': `export const MANY = [${"'a.all',".repeat(100_000)}];`,
      'object.ts': `export const OBJECT = { ${Array.from({ length: 50_000 }, (_, index) => `k${index}: 'a.all'`).join(', ')} };`,
      'router.ts': withBody(
        `await tell(MANY); await tell([OBJECT.k777]); await tell([LONG]);`,
        `import { LONG } from './long';\nimport { MANY } from './many';\nimport { OBJECT } from './object';`,
      ),
    });
    expect(pathsOf(report)).toContain('a.all');
    // What is too long to be a path is no path.
    expect(JSON.stringify(report).length).toBeLessThan(1_000_000);
  });

  test('a file that is larger than any source', async () => {
    const files = { 'data.ts': `export const DATA = '${'x'.repeat(3_000_000)}';` };
    expect(await messageOf(files)).toMatch(/data\.ts|large/);
    const report = await run({ ...files, 'router.ts': withBody(`await tell(['a.all']);`) });
    expect(report.unseen.map(({ file }) => file)).toContain('data.ts');
  });

  test.each([
    ['parentheses', `await tell(${nest('(', `['a.all']`, ')', 3_000)});`],
    ['arrays', `await tell(${nest('[', `'a.all'`, ']', 3_000)});`],
    ['spreads', `await tell(${nest('[...', `['a.all']`, ']', 2_000)});`],
    ['calls', `await tell(${nest('id(', `['a.all']`, ')', 2_000)});`],
    ['functions', `await ${nest('(async () => ', `tell(['a.all'])`, ')()', 1_000)};`],
    ['blocks', nest('if (ctx) {', `await tell(['a.all']);`, '}', 2_000)],
    ['a sum', `await tell([${"'' + ".repeat(20_000)}'a.all']);`],
    ['a chain of calls', `await tell(['a.all'])${'.then((x) => x)'.repeat(5_000)};`],
    ['else if', `${'if (ctx) await prisma.a.create({}); else '.repeat(3_000)} await tell(['a.all']);`],
    ['conditionals', `await tell(${'ctx ? [] : '.repeat(5_000)}['a.all']);`],
  ])('thousands of %s', async (_name, body) => {
    const report = await run({
      'router.ts': withBody(`await deep(ctx); await tell(['a']);`, `import { deep } from './deep';`),
      'deep.ts': `import { prisma, tell } from './router';\nconst id = <T>(x: T): T => x;\nexport async function deep(ctx: unknown) {\n${body}\n}`,
    });
    expect(pathsOf(report)).toContain('a');
    // What is too deep to be followed is said.
    if (!pathsOf(report)?.includes('a.all')) expect(report.unseen.map(({ file }) => file)).toContain('deep.ts');
  });

  test.each([
    ['parentheses', `await tell(${nest('(', `['a.all']`, ')', 400)});`],
    ['blocks', nest('if (ctx) {', `await tell(['a.all']);`, '}', 400)],
    ['a sum', `await tell([${"'' + ".repeat(200)}'a.all']);`],
    ['a chain of calls', `await tell(['a.all'])${'.then((x) => x)'.repeat(300)};`],
    ['else if', `${'if (ctx) await prisma.a.create({}); else '.repeat(400)} await tell(['a.all']);`],
  ])('hundreds of %s are followed', async (_name, body) => {
    const report = await run({ 'router.ts': withBody(body) });
    expect(pathsOf(report)).toEqual(['a.all']);
  });

  test('routers thirty deep, a hundred, and a thousand', async () => {
    const router = (depth: number) => ({
      'router.ts': `${HEAD}\nexport const appRouter = ${nest('t.router({ a: ', `t.router({ add: t.procedure.mutation(() => tell(['a'])) })`, '})', depth)};`,
    });
    const report = await run(router(30));
    expect(report.mutations.map(({ path: name }) => name)).toEqual([`${'a.'.repeat(30)}add`]);
    expect(await messageOf(router(100))).toMatch(/router\.ts.*too deep/s);
    expect(await messageOf(router(1_000))).toMatch(/router\.ts.*nested/s);
  });

  test('functions that each call the one before twice, thirty times over', async () => {
    const ladder = Array.from(
      { length: 30 },
      (_, step) => `async function f${step + 1}() { await f${step}(); await f${step}(); }`,
    );
    const report = await run({
      'router.ts': withBody('await f30();', `async function f0() { await prisma.a.create({}); await tell(['a.all']); }\n${ladder.join('\n')}`),
    });
    // Thirty calls within each other are followed, or the mutation is unknown and it is said why.
    if (add(report)?.broadcast === 'yes') expect(pathsOf(report)).toEqual(['a.all']);
    else {
      expect(add(report)?.broadcast).toBe('unknown');
      expect(report.unseen.map(({ subject }) => subject)).toContain('a.add');
    }
  });

  test('lists that each hold the one before twice, and texts of many choices', async () => {
    const lists = Array.from({ length: 40 }, (_, step) => `const l${step + 1} = [...l${step}, ...l${step}];`);
    const report = await run({
      'router.ts': withBody(
        `await tell(l40); await tell([\`${"${ctx ? 'a' : 'b'}".repeat(30)}\`]); await tell([${"...(ctx ? ['a.all'] : ['a']),".repeat(40)}]);`,
        `const l0 = ['a.all'];\n${lists.join('\n')}`,
      ),
    });
    expect(pathsOf(report)).toContain('a.all');
  });

  test('three thousand generated procedures', async () => {
    const models = Array.from({ length: 500 }, (_, index) => `model${index}`);
    const one = (model: string) => `import { t, prisma, tell } from '../trpc';
      export const ${model}Router = t.router({
        findMany: t.procedure.query(() => prisma.${model}.findMany()),
        findOne: t.procedure.query(() => prisma.${model}.findUnique({})),
        createOne: t.procedure.mutation(async () => { await prisma.${model}.create({}); await tell(['${model}.findMany', '${model}.findone']); }),
        updateOne: t.procedure.mutation(() => prisma.${model}.update({})),
        deleteOne: t.procedure.mutation(() => prisma.${model}.delete({})),
        upsertOne: t.procedure.mutation(() => prisma.${model}.upsert({})),
      });`;
    const report = await run({
      'src/trpc.ts': HEAD,
      'src/index.ts': `import { t } from './trpc';
        ${models.map((model) => `import { ${model}Router } from './routers/${model}.router';`).join('\n')}
        export const appRouter = t.router({ ${models.map((model) => `${model}: ${model}Router`).join(', ')} });`,
      ...Object.fromEntries(models.map((model) => [`src/routers/${model}.router.ts`, one(model)])),
    });
    expect(report.totals).toMatchObject({ queries: 1_000, mutations: 2_000, broadcasting: 500, silent: 1_500, phantomPaths: 500 });
    expect(report.phantoms.find((phantom) => phantom.path === 'model7.findone')?.nearest[0]).toBe('model7.findOne');
  });
});

describe('names', () => {
  test('procedures, routers and tables named like members of every object', async () => {
    const report = await run({
      'router.ts': `${HEAD}
        export const appRouter = t.router({
          constructor: t.router({
            toString: t.procedure.query(() => 1),
            hasOwnProperty: t.procedure.mutation(async () => { await prisma.constructor.create({}); await tell(['constructor.toString', 'constructor.valueOf', '__proto__.toString']); }),
            ['__proto__']: t.procedure.mutation(() => prisma.__proto__.create({})),
          }),
        });`,
    });
    expect(report.mutations.map(({ path: name }) => name).toSorted()).toEqual(['constructor.__proto__', 'constructor.hasOwnProperty']);
    const found = report.mutations.find(({ path: name }) => name === 'constructor.hasOwnProperty');
    expect(found?.broadcasts.flatMap(({ queryPaths }) => queryPaths).map(({ path: name, verdict }) => [name, verdict])).toEqual([
      ['constructor.toString', 'exact'],
      ['constructor.valueOf', 'phantom'],
      ['__proto__.toString', 'phantom'],
    ]);
    expect(found?.tables).toEqual(['constructor']);
  });

  test('tools named like members of every object', async () => {
    const report = await run({
      'router.ts': withBody(`await tell(['a.all']);`),
      'tools.ts': `export const TOOL_QUERY_MAP: Record<string, string[]> = { constructor: ['a.all'], toString: ['a.gone'], ['__proto__']: ['a.all'], add_a: ['a.all'] };`,
    });
    expect(report.tools.map(({ tool }) => tool).toSorted()).toEqual(['__proto__', 'add_a', 'constructor', 'toString']);
  });

  test('keys that are computed at run time are said to be unseen', async () => {
    const report = await run({
      'router.ts': `${HEAD}
        const name = process.env.NAME!;
        const more = JSON.parse('{}');
        export const appRouter = t.router({
          a: t.router({ all: t.procedure.query(() => 1), [name]: t.procedure.mutation(() => prisma.a.create({})), ...more }),
          ...(process.env.X ? { b: t.router({ add: t.procedure.mutation(() => tell(['a.all'])) }) } : {}),
        });`,
    });
    expect(report.totals.queries).toBe(1);
    expect(report.mutations.map(({ path: mutation }) => mutation)).toContain('b.add');
    expect(report.unseen.filter(({ file }) => file === 'router.ts').length).toBeGreaterThanOrEqual(2);
  });
});
