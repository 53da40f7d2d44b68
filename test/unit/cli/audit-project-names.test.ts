// The declaration that a name ends at, and the function that an expression calls.
import type ts from 'typescript';
import type { OpenedProject } from '../../../lib/cli/audit/project/index.js';
import { bindArguments } from '../../../lib/cli/audit/project/index.js';
import { openTree, removeTrees } from './audit-project-tree.js';

afterEach(removeTrees);

const LIB = {
  'src/lib/guests.ts': `export const guests = table('guests');
export function create() { return 1; }
export default function main() { return 2; }
export type Guest = { id: string };
export enum Kind { A = 'a' }
export class Service { static make() { return new Service(); } run() { return 3; } }
export const api = { run: create, inner: { deep: () => 4 }, async method() { return 5; } };
const hidden = 6;
export { hidden as shown };
`,
  'src/lib/index.ts': `export * from './guests';
export { create as make, default as standard } from './guests';
export * as all from './guests';
import { guests } from './guests';
export const alias = guests;
export default alias;
`,
};

/** The argument of `show(…)` in src/main.ts. */
function shown(project: OpenedProject): ts.Expression {
  let found: ts.Expression | undefined;
  const visit = (node: ts.Node): void => {
    if (project.ts.isCallExpression(node) && node.expression.getText() === 'show') found = node.arguments[0];
    project.ts.forEachChild(node, visit);
  };
  for (const file of project.files) visit(file);
  if (!found) throw new Error('nothing is shown');
  return found;
}

/** `file:line text` of the declaration behind what is shown. */
function behind(text: string, more: Record<string, string> = {}): string | undefined {
  const project = openTree({ ...LIB, ...more, 'src/main.ts': text });
  const declaration = project.declarationOf(shown(project));
  if (!declaration) return undefined;
  const { file, line } = project.placeOf(declaration);
  return `${file.replace('src/', '')}:${project.ts.isSourceFile(declaration) ? 'module' : line}`;
}

test.each([
  ['a local variable', `const a = 1; show(a);`, 'main.ts:1'],
  ['an import', `import { guests } from './lib/guests'; show(guests);`, 'lib/guests.ts:1'],
  ['a renamed import', `import { guests as g } from './lib/guests'; show(g);`, 'lib/guests.ts:1'],
  ['export *', `import { guests } from './lib'; show(guests);`, 'lib/guests.ts:1'],
  ['a renamed re-export', `import { make } from './lib'; show(make);`, 'lib/guests.ts:2'],
  ['a renamed export', `import { shown } from './lib'; show(shown);`, 'lib/guests.ts:8'],
  ['a default import', `import main from './lib/guests'; show(main);`, 'lib/guests.ts:3'],
  ['default, re-exported', `import { standard } from './lib'; show(standard);`, 'lib/guests.ts:3'],
  ['a default that is a name', `import d from './lib'; show(d);`, 'lib/guests.ts:1'],
  ['an alias', `import { alias } from './lib'; const b = alias; const c = b; show(c);`, 'lib/guests.ts:1'],
  ['a namespace', `import * as lib from './lib'; show(lib.guests);`, 'lib/guests.ts:1'],
  ['a namespace in a namespace', `import * as lib from './lib'; show(lib.all.create);`, 'lib/guests.ts:2'],
  ['a namespace itself', `import * as lib from './lib'; show(lib);`, 'lib/index.ts:module'],
  ['export * as', `import { all } from './lib'; show(all.guests);`, 'lib/guests.ts:1'],
  ['destructured', `import * as lib from './lib'; const { guests: g } = lib; show(g);`, 'lib/guests.ts:1'],
  ['destructured from an object', `import { api } from './lib'; const { run } = api; show(run);`, 'lib/guests.ts:2'],
  ['a member that is a name', `import { api } from './lib'; show(api.run);`, 'lib/guests.ts:2'],
  ['a member of a member', `import { api } from './lib'; show(api.inner.deep);`, 'lib/guests.ts:7'],
  ['an element', `import { api } from './lib'; show(api['method']);`, 'lib/guests.ts:7'],
  ['an enum member', `import { Kind } from './lib'; show(Kind.A);`, 'lib/guests.ts:5'],
  ['a static method', `import { Service } from './lib'; show(Service.make);`, 'lib/guests.ts:6'],
  ['a method of an instance', `import { Service } from './lib'; const s = new Service(); show(s.run);`, 'lib/guests.ts:6'],
  ['import type', `import type { Service } from './lib'; function f(s: Service) { show(s.run); }`, 'lib/guests.ts:6'],
  ['a parameter', `function f(\na: string) { show(a); }`, 'main.ts:2'],
  ['shadowing', `import { guests } from './lib';\nfunction f() { const guests = 1; show(guests); }`, 'main.ts:2'],
  ['require', `const { guests } = require('./lib/guests'); show(guests);`, 'lib/guests.ts:1'],
  ['require of a module', `const lib = require('./lib/guests'); show(lib.create);`, 'lib/guests.ts:2'],
  ['a spread object', `import { api } from './lib'; const more = { ...api }; show(more.run);`, 'lib/guests.ts:2'],
  ['a shorthand', `import { guests } from './lib'; const schema = { guests }; show(schema.guests);`, 'lib/guests.ts:1'],
  ['a package', `import { eq } from 'drizzle-orm'; show(eq);`, undefined],
  ['a member of a package', `import * as orm from 'drizzle-orm'; show(orm.eq);`, undefined],
  ['a global', `show(process);`, undefined],
  ['a name that the module does not export', `import { nothing } from './lib'; show(nothing);`, undefined],
  ['a circle', `import { a } from './a'; show(a);`, undefined],
])('declarationOf: %s', (_name, text, expected) => {
  expect(behind(text, { 'src/a.ts': `export { a } from './b';`, 'src/b.ts': `export { a } from './a';` })).toBe(expected);
});

test('declarationOf JavaScript modules', () => {
  const files = { 'src/old.js': `function a() {}\nconst b = () => 1;\nmodule.exports = { a, b };`, 'src/older.js': `exports.c = function () { return 1; };` };
  expect(behind(`const { a } = require('./old'); show(a);`, files)).toBe('old.js:1');
  expect(behind(`const old = require('./old'); show(old.b);`, files)).toBe('old.js:2');
  expect(behind(`import { c } from './older'; show(c);`, files)).toBe('older.js:1');
});

describe('functionOf', () => {
  const functionAt = (text: string): string | undefined => {
    const project = openTree({ ...LIB, 'src/main.ts': text });
    const found = project.functionOf(shown(project));
    return found && `${project.placeOf(found).file.replace('src/', '')}:${project.placeOf(found).line}`;
  };
  test.each([
    ['a function by name', `import { create } from './lib'; show(create);`, 'lib/guests.ts:2'],
    ['a call', `import { create } from './lib'; show(create());`, 'lib/guests.ts:2'],
    ['an awaited call of a member', `import { api } from './lib'; async function f() { show(await api.method()); }`, 'lib/guests.ts:7'],
    ['const f = …', `const f = () => 1; show(f);`, 'main.ts:1'],
    ['itself', `show(() => 1);`, 'main.ts:1'],
    ['this.method', `class A {\nrun() { return 1; }\ngo() { show(this.run()); } }`, 'main.ts:2'],
    ['an inherited method', `import { Service } from './lib'; class Mine extends Service { go() { show(this.run()); } }`, 'lib/guests.ts:6'],
    ['a field of a class', `import { Service } from './lib'; class Mine { constructor(private readonly service: Service) {} go() { show(this.service.run()); } }`, 'lib/guests.ts:6'],
    ['a factory of functions', `const make = () => ({\nrun: () => 1 }); const made = make(); show(made.run);`, 'main.ts:2'],
    ['this in an object', `const o = {\nrun() { return 1; },\ngo() { show(this.run()); } };`, 'main.ts:2'],
    ['one of two', `const a = () => 1; const b = () => 2; show(process.env.X ? a : b);`, undefined],
    ['a package', `import { eq } from 'drizzle-orm'; show(eq(1, 2));`, undefined],
  ])('%s', (_name, text, expected) => {
    expect(functionAt(text)).toBe(expected);
  });
});

test('bindArguments: plain, destructured, default and rest parameters', () => {
  const project = openTree({ 'src/main.ts': `function f(a: string, { b, c: { d } }: any, e = 'default', ...rest: string[]) {}\nshow(f('x', { b: 'y', c: { d: outer } }, undefined, 'r', 's'));` });
  const call = shown(project);
  if (!project.ts.isCallExpression(call)) throw new Error('no call');
  const fn = project.functionOf(call);
  if (!fn) throw new Error('no function');
  const bound = bindArguments(project, fn, call.arguments);
  const byName = Object.fromEntries([...bound].map(([node, value]) => [(node as ts.NamedDeclaration).name?.getText(), value]));
  expect(byName).toMatchObject({
    a: { kind: 'string', text: 'x' },
    b: { kind: 'string', text: 'y' },
    d: { kind: 'unknown', why: '`outer` is declared nowhere in the sources' },
    e: { kind: 'string', text: 'default' },
    rest: { kind: 'array', complete: true, items: [{ text: 'r' }, { text: 's' }] },
  });
});
