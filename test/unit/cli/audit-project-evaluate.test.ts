// What the text tells of a value.
import type ts from 'typescript';
import type { Value } from '../../../lib/cli/audit/model.js';
import type { OpenedProject } from '../../../lib/cli/audit/project/index.js';
import { openTree, removeTrees } from './audit-project-tree.js';

afterEach(removeTrees);

/** A value in short: `'text'`, `[a, b, …]` with … where there may be more, `a | b`, `?` where it is unknown, `<expression>`. */
function short(value: Value): string {
  switch (value.kind) {
    case 'string':
      return `'${value.text}'`;
    case 'constant':
      return String(value.value);
    case 'array':
      return `[${[...value.items.map(short), ...(value.complete ? [] : ['…'])].join(', ')}]`;
    case 'object':
      return `{${[...[...value.properties].map(([key, one]) => `${key}: ${short(one)}`), ...(value.complete ? [] : ['…'])].join(', ')}}`;
    case 'choice':
      return value.options.map(short).join(' | ');
    case 'function':
      return 'function';
    case 'expression':
      return `<${value.expression.getText()}>`;
    case 'unknown':
      return '?';
  }
}

/** The initializer of `const name = …` wherever it stands. */
function initializer(project: OpenedProject, name = 'it'): ts.Expression {
  let found: ts.Expression | undefined;
  const visit = (node: ts.Node): void => {
    if (project.ts.isVariableDeclaration(node) && node.name.getText() === name && node.initializer) found = node.initializer;
    project.ts.forEachChild(node, visit);
  };
  for (const file of project.files) visit(file);
  if (!found) throw new Error(`no ${name} in the tree`);
  return found;
}

function valueOf(text: string, files: Record<string, string> = {}): Value {
  const project = openTree({ 'src/main.ts': text, ...files });
  return project.evaluate(initializer(project));
}

test.each([
  ['a string', `const it = 'a';`, `'a'`],
  ['a template without parts', 'const it = `a`;', `'a'`],
  ['a template of known parts', "const name = 'b'; const it = `a.${name}.${1}`;", `'a.b.1'`],
  ['a template of an unknown part', 'const it = `a.${process.env.X}`;', '?'],
  ['concatenation', `const a = 'x'; const it = a + '.' + 'y';`, `'x.y'`],
  ['numbers that are added', `const it = 1 + 2;`, '?'],
  ['numbers and words', `const it = [1, -2, true, null, undefined, void 0];`, '[1, -2, true, null, undefined, undefined]'],
  ['arrays and spreads', `const a = ['x', 'y']; const it = [...a, 'z', ...['w']];`, `['x', 'y', 'z', 'w']`],
  ['a spread that is not known', `import { a } from 'package'; const it = ['x', ...a];`, `['x', ?, …]`],
  ['as const, satisfies, ! and parentheses', `const it = ((['a'] as const)! satisfies unknown);`, `['a']`],
  ['objects', `const b = 1; const k = 'key'; const it = { a: 'x', b, 'c-d': 2, [k]: 3, [\`\${k}2\`]: 4 };`, `{a: 'x', b: 1, c-d: 2, key: 3, key2: 4}`],
  ['objects with spread', `const a = { x: 1, y: 2 }; const it = { ...a, y: 3 };`, `{x: 1, y: 3}`],
  ['an object with an unknown key or spread', `import { k } from 'package'; const it = { a: 1, [k]: 2 };`, `{a: 1, …}`],
  ['a member', `const a = { b: { c: ['x'] } }; const it = a.b['c'][0];`, `'x'`],
  ['a member that is not there', `const a = { b: 1 }; const it = (a as any).c;`, 'undefined'],
  ['an element by an unknown key', `const a = { b: 'x', c: 'y' }; const it = a[process.env.K];`, `'x' | 'y' | undefined`],
  ['an enum', `enum E { A = 'a', B = 'b', C = 3, D } const it = [E.A, E['B'], E.C];`, `['a', 'b', 3]`],
  ['a const enum of another file', `import { E } from './e'; const it = E.A;`, `'a'`],
  ['Object.freeze, keys, values, entries', `const a = Object.freeze({ x: ['p'], y: ['q'] }); const it = [Object.keys(a), Object.values(a).flat(), Object.entries(a)];`, `[['x', 'y'], ['p', 'q'], [['x', ['p']], ['y', ['q']]]]`],
  ['fromEntries', `const it = Object.fromEntries(['a', 'b'].map((k) => [k, k + '!']));`, `{a: 'a!', b: 'b!'}`],
  ['Object.assign', `const it = Object.assign({}, { a: 1 }, { b: 2 });`, `{a: 1, b: 2}`],
  ['a Set', `const it = [...new Set(['a', 'b', 'a'])];`, `['a', 'b']`],
  ['Array.from a Set', `const it = Array.from(new Set(['a', 'a']));`, `['a']`],
  ['a Map', `const m = new Map([['a', 'x']]); const it = [m.get('a'), m.get('b'), m.has('a')];`, `['x', undefined, true]`],
  ['concat', `const it = ['a'].concat(['b'], 'c');`, `['a', 'b', 'c']`],
  ['concat of something unknown', `const it = ['a'].concat(load());`, `['a', ?, …]`],
  ['map', "const it = ['a', 'b'].map((x) => `${x}.getAll`);", `['a.getAll', 'b.getAll']`],
  ['map with a named function', "const f = (x: string) => x + '.list'; const it = ['a'].map(f);", `['a.list']`],
  ['flatMap', `const m = { a: ['x', 'y'], b: ['z'] }; const it = ['a', 'b'].flatMap((k) => m[k]);`, `['x', 'y', 'z']`],
  ['filter(Boolean)', `const it = ['a', false, process.env.X && 'b', undefined].filter(Boolean);`, `['a', 'b']`],
  ['filter with a predicate', `const it = ['a.x', 'b.y'].filter((p) => p.startsWith('a'));`, `['a.x']`],
  ['join, split, case', `const it = [['a', 'b'].join('.'), 'a.b'.split('.'), 'A'.toLowerCase()];`, `['a.b', ['a', 'b'], 'a']`],
  ['slice and reverse', `const it = [['a', 'b', 'c'].slice(1), ['a', 'b'].reverse()[0]];`, `[['b', 'c'], 'b']`],
  ['a conditional', `const it = process.env.X ? 'a' : 'b';`, `'a' | 'b'`],
  ['a conditional that is decided', `const mode = 'x'; const it = mode === 'x' ? 'a' : 'b';`, `'a'`],
  ['a template of a choice', "const k = process.env.X ? 'a' : 'b'; const it = `${k}.all`;", `'a.all' | 'b.all'`],
  ['??', `const m = { a: 'x' }; const it = [m.a ?? 'y', (m as any).b ?? 'y', load() ?? 'y'];`, `['x', 'y', <load()> | 'y']`],
  ['|| and &&', `const it = ['' || 'a', 'a' && 'b', load() || 'c', load() && 'd'];`, `['a', 'b', <load()> | 'c', false | 'd']`],
  ['destructuring', `const { a, b: { c }, d = 'dd', ...rest } = { a: 'x', b: { c: 'y' }, e: 1 } as any; const it = [a, c, d, rest];`, `['x', 'y', 'dd', {e: 1}]`],
  ['destructured arrays', `const [a, , ...rest] = ['x', 'y', 'z']; const it = [a, rest];`, `['x', ['z']]`],
  ['a class constant', `class C { static readonly PATHS = ['a']; own = 'b'; } const c = new C(); const it = [C.PATHS, c.own];`, `[['a'], 'b']`],
  ['a call that leaves the sources', `import { f } from 'package'; const it = f('a');`, `<f('a')>`],
  ['new', `const it = new Date();`, '<new Date()>'],
  ['await', `const f = async () => 'a'; const it = await f();`, `'a'`],
])('%s', (_name, text, expected) => {
  expect(short(valueOf(text, { 'src/e.ts': `export const enum E { A = 'a' }` }))).toBe(expected);
});

describe('functions of the project', () => {
  test.each([
    ['a switch', `function paths(m: string) { switch (m) { case 'a': return ['a.x']; case 'b': case 'c': return ['bc.x']; default: return ['*']; } }`, [
      [`paths('a')`, `['a.x']`],
      [`paths('b')`, `['bc.x']`],
      [`paths('z')`, `['*']`],
      [`paths(process.env.X)`, `['a.x'] | ['bc.x'] | ['*']`],
    ]],
    ['a switch with break', `function paths(m: string) { let r = 'none'; switch (m) { case 'a': r = 'a.x'; break; default: break; } return r; }`, [[`paths('a')`, `'none' | 'a.x'`]]],
    ['if', `const paths = (m: string, all = false) => { if (all) return '*'; if (m === 'a') { return 'a.x'; } else if (m === 'b') return 'b.x'; };`, [
      [`paths('a')`, `'a.x'`],
      [`paths('b')`, `'b.x'`],
      [`paths('c')`, 'undefined'],
      [`paths('a', true)`, `'*'`],
    ]],
    ['a table', `const T: Record<string, string[]> = { a: ['a.x'], b: ['b.x'] }; const paths = (m: string) => T[m] ?? ['*'];`, [
      [`paths('a')`, `['a.x']`],
      [`paths('c')`, `['*']`],
      [`paths(process.env.X)`, `['a.x'] | ['b.x'] | ['*']`],
    ]],
    ['destructured parameters', "const paths = ({ module, id = '0' }: any, ...more: string[]) => [`${module}.${id}`, ...more];", [
      [`paths({ module: 'm' }, 'x', 'y')`, `['m.0', 'x', 'y']`],
      [`paths({ module: 'm', id: '1' })`, `['m.1']`],
    ]],
    ['a closure', "const make = (m: string) => (n: string) => `${m}.${n}`; const paths = make('a');", [[`paths('b')`, `'a.b'`]]],
    ['recursion', `function paths(n: number): any { return process.env.X ? ['end'] : paths(n + 1); }`, [[`paths(1)`, `['end'] | ?`]]],
    ['try, loops, early return', `function paths(list: string[]) { for (const one of list) { if (one === 'b') return 'found'; } try { return risky(); } catch { return 'caught'; } }`, [
      [`paths(['a'])`, `<risky()> | 'caught'`],
      [`paths(['b'])`, `'found' | <risky()> | 'caught'`],
    ]],
  ])('%s', (_name, text, cases) => {
    for (const [call, expected] of cases) expect(short(valueOf(`${text}\nconst it = ${call};`))).toBe(expected);
  });

  test('of another file, over a barrel', () => {
    const value = valueOf(`import { paths } from './lib';\nconst it = paths('a');`, {
      'src/lib/index.ts': `export * from './paths';`,
      'src/lib/paths.ts': "const suffix = 'getAll';\nexport const paths = (m: string) => [`${m}.${suffix}`];",
    });
    expect(short(value)).toBe(`['a.getAll']`);
  });
});

describe('variables that change', () => {
  test.each([
    ['push', `const p = ['a']; if (x) p.push('b', ...['c']); const it = p;`, `['a', 'b', 'c']`],
    ['push of something unknown', `const p = ['a']; p.push(...load()); const it = p;`, `['a', ?, …]`],
    ['add to a Set', `const p = new Set<string>(); p.add('a'); const it = [...p];`, `['a']`],
    ['a member', `const o: any = { a: 1 }; o.b = 2; o['c'] = 3; const it = o;`, `{a: 1, b: 2, c: 3}`],
    ['assignment', `let p = 'a'; if (x) p = 'b'; const it = p;`, `'a' | 'b'`],
    ['assignment without a beginning', `let p; if (x) p = 'a'; else p = 'b'; const it = p;`, `'a' | 'b'`],
    ['assignment of itself and more', `let p = ['a']; if (x) p = [...p, 'b']; const it = p;`, `['a'] | ['a', 'b']`],
    ['+=', `let p = 'a'; p += 'b'; const it = p;`, `'a' | ?`],
    ['a loop', "const p: string[] = []; for (const m of ['a', 'b']) p.push(`${m}.x`); const it = p;", `['a.x' | 'b.x']`],
    ['forEach', "const p: string[] = []; ['a', 'b'].forEach((m) => p.push(`${m}.x`)); const it = p;", `['a.x' | 'b.x']`],
    ['in a function, with its parameters', `function f(more: string) { const p = ['a']; p.push(more); return p; } const it = f('b');`, `['a', 'b']`],
    ['push to a member', `const o = { p: ['a'] }; o.p.push('b'); const it = o;`, `{p: ['a', 'b']}`],
    ['a function that fills it', `function fill(list: string[], more: string) { if (more) list.push(more, 'c'); }\nconst p = ['a']; fill(p, 'b'); const it = p;`, `['a', 'b', 'c']`],
    ['a function that hands it on', `const add = (s: Set<string>, x: string) => { s.add(x); }; const fill = (s: Set<string>) => add(s, 'b');\nconst p = new Set(['a']); fill(p); const it = [...p];`, `['a', 'b']`],
    ['a function that fills an object', `const put = (o: any, key: string) => { o[key] = 1; };\nconst p = {}; put(p, 'a'); const it = p;`, `{a: 1}`],
    ['a function that gives it back', `function more(list: string[]) { list.push('b'); return list; }\nconst it = more(['a']);`, `['a', 'b']`],
    ['a parameter with a value in its place', `function some(list?: string[]) { list = list ?? []; list.push('b'); return list; }\nconst it = [some(['a']), some()];`, `[['a', 'b'], ['b']]`],
    ['a parameter that is assigned', `function some(m: string) { if (x) m = 'other'; return m; }\nconst it = some('a');`, `'a' | 'other'`],
    ['a function that fills itself', `function fill(list: string[]) { list.push('b'); fill(list); return list; }\nconst p = ['a']; fill(p); const it = p;`, `['a', 'b']`],
    ['a function that leaves it as it is', `const read = (list: string[]) => list.join();\nconst p = ['a']; read(p); console.log(p); const it = p;`, `['a']`],
    ['another variable of the same name', `const p = ['a']; function other() { const p: string[] = []; p.push('b'); } const it = p;`, `['a']`],
  ])('%s', (_name, text, expected) => {
    expect(short(valueOf(text))).toBe(expected);
  });
});

test('unknown says why', () => {
  const why = (text: string): string => {
    const value = valueOf(text);
    return value.kind === 'unknown' ? value.why : short(value);
  };
  expect(why(`import { a } from 'pkg'; const it = a;`)).toBe("`a` is imported from 'pkg', which is not among the sources");
  expect(why(`import { a } from './gone'; const it = a;`)).toBe("`a` is imported from './gone', which is not among the sources");
  expect(why('const it = nowhere;')).toBe('`nowhere` is declared nowhere in the sources');
  expect(why('const it = `a${load()}`;')).toBe('a part of the text is not known: it is computed when the program runs');
  expect(why('const a: any = b; const b: any = a; const it = a;')).toBe('it is defined by itself');
  expect(why('declare const a: string; const it = a;')).toBe('`a` is never given a value in the sources');
});

test('parameters stand for themselves, or for what they are bound to', () => {
  const project = openTree({ 'src/main.ts': `function f(a: string, { b }: { b: string }) { const it = [a, b, a + '!']; }` });
  expect(short(project.evaluate(initializer(project)))).toBe('[<a>, <b>, ?]');
  const fn = project.files[0]?.statements[0];
  if (!fn || !project.ts.isFunctionDeclaration(fn)) throw new Error('no function');
  const [a] = fn.parameters;
  if (!a) throw new Error('no parameter');
  const bound = new Map<ts.Node, Value>([[a, { kind: 'string', text: 'x', node: fn }]]);
  expect(short(project.evaluate(initializer(project), bound))).toBe(`['x', <b>, 'x!']`);
});

test('work is bounded: a hundred doublings end', () => {
  const lines = Array.from({ length: 100 }, (_, index) => `const v${index + 1} = [...v${index}, ...v${index}];`).join('\n');
  expect(() => valueOf(`const v0 = ['a'];\nconst w0 = process.env.X ? 'a' : 'b';\n${Array.from({ length: 100 }, (_, i) => `const w${i + 1} = w${i} + w${i};`).join('\n')}\nconst it = w100;`)).not.toThrow();
  const doubled = valueOf(`const v0 = ['a'];\n${lines}\nconst it = v100;`);
  expect(doubled).toMatchObject({ kind: 'array', complete: false });
  expect(doubled.kind === 'array' && doubled.items.length).toBeLessThan(10_000);
});
