/** pathcast's own declarations in the audited code: invalidation maps, alias tables, the middleware. */
import type ts from 'typescript';
import type { Project, Value } from '../../model.js';
import { pathsOfValue } from '../broadcasts/action.js';
import { rootEnv, type Env } from '../code/environment.js';
import { calleeName, propertyName, returnsOf, shortText, unwrap, visitAll } from '../code/syntax.js';
import type { RawEntry, RawInvalidationMap, RawPath, RawSyncConfig } from '../types.js';

export function findSyncConfig(project: Project): RawSyncConfig {
  const { ts: compiler } = project;
  const config: RawSyncConfig = { maps: [], hubs: [], middleware: [], logged: [] };
  const read = new Set<ts.Node>();
  const map = (node: ts.Expression, name: string): void => {
    const literal = behind(node, project, 6);
    if (literal === undefined || read.has(literal)) return;
    read.add(literal);
    config.maps.push(readMap(literal, name, project));
  };
  for (const file of project.files) {
    if (!/InvalidationMap|CdcMap|bind\b|bindRouter|createHub|configure|aliases|onPhantomPath|middleware/.test(file.text)) continue;
    visitAll(compiler, file, (node) => {
      const logged = tablesOfLog(node, compiler);
      if (logged) for (const { name } of membersOf(logged, project).members) config.logged.push(name);
      if (compiler.isSatisfiesExpression(node) && namesMap(node.type)) map(node.expression, nameAround(node, project));
      if (compiler.isVariableDeclaration(node) && node.type && namesMap(node.type) && node.initializer) map(node.initializer, node.name.getText());
      if (compiler.isAsExpression(node) && namesMap(node.type)) map(node.expression, nameAround(node, project));
      if (compiler.isCallExpression(node)) call(node);
      return undefined;
    });
  }
  return config;

  function call(node: ts.CallExpression): void {
    const name = calleeName(compiler, node.expression);
    const callee = unwrap(compiler, node.expression);
    const method = compiler.isPropertyAccessExpression(callee);
    const [, second, third] = node.arguments;
    if (name === 'bind' && method && second !== undefined && isMap(second)) {
      map(second, nameAround(second, project));
      if (third) options(third);
    }
    if (name === 'bindRouter' && second !== undefined) options(second);
    if ((name === 'createHub' || name === 'configure') && node.arguments[0]) options(node.arguments[0]);
    if (name === 'middleware' && method && node.arguments.length === 0) config.middleware.push(project.placeOf(node));
  }

  function isMap(node: ts.Expression): boolean {
    const literal = behind(node, project, 6);
    return literal?.properties.some((part) => propertyName(compiler, part.name) === 'mutations') === true;
  }

  function options(node: ts.Expression): void {
    const value = project.evaluate(node);
    if (value.kind !== 'object') return;
    const aliases = value.properties.get('aliases');
    const mode = value.properties.get('onPhantomPath');
    if (aliases === undefined && mode === undefined) return;
    const table: RawSyncConfig['hubs'][number]['aliases'] = [];
    if (aliases?.kind === 'object') {
      for (const [from, to] of aliases.properties) if (to.kind === 'string') table.push({ from, to: to.text, ...project.placeOf(to.node) });
    }
    config.hubs.push({ ...project.placeOf(node), aliases: table, ...(mode?.kind === 'string' ? { onPhantomPath: mode.text } : {}) });
  }
}

function namesMap(type: ts.TypeNode): boolean {
  return /(^|\W)InvalidationMap(<|$)/.test(type.getText());
}

/** The value of `tables: CdcMap`, `{…} satisfies CdcMap`: what is heard of by PostgreSQL's log, whoever writes it. */
function tablesOfLog(node: ts.Node, compiler: typeof ts): ts.Expression | undefined {
  const [type, value] = compiler.isVariableDeclaration(node) ? [node.type, node.initializer] : compiler.isSatisfiesExpression(node) ? [node.type, node.expression] : [];
  return type && /(^|\W)CdcMap(<|$)/.test(type.getText()) ? value : undefined;
}

function nameAround(node: ts.Node, project: Project): string {
  const { ts: compiler } = project;
  if (compiler.isIdentifier(node)) return node.text;
  for (let at: ts.Node | undefined = node; at !== undefined && !compiler.isStatement(at); at = at.parent) {
    if (compiler.isVariableDeclaration(at)) return at.name.getText();
  }
  return 'the invalidation map';
}

/** The object literal that an expression names. */
function behind(node: ts.Expression, project: Project, steps: number): ts.ObjectLiteralExpression | undefined {
  const { ts: compiler } = project;
  const inner = unwrap(compiler, node);
  if (steps === 0) return undefined;
  if (compiler.isObjectLiteralExpression(inner)) return inner;
  const name = compiler.isIdentifier(inner) ? inner : compiler.isPropertyAccessExpression(inner) ? inner.name : undefined;
  const declaration = name && project.declarationOf(name);
  const holds = declaration && (compiler.isVariableDeclaration(declaration) || compiler.isPropertyAssignment(declaration));
  return holds && declaration.initializer ? behind(declaration.initializer, project, steps - 1) : undefined;
}

interface Named {
  name: string;
  /** The key. */
  node: ts.Node;
  value: ts.Expression | ts.MethodDeclaration;
}

/** The properties of a literal and of what is spread into it. */
function membersOf(node: ts.Expression, project: Project, steps = 6): { members: Named[]; complete: boolean } {
  const { ts: compiler } = project;
  const literal = behind(node, project, steps);
  if (literal === undefined) return { members: [], complete: false };
  const members = new Map<string, Named>();
  let complete = true;
  for (const part of literal.properties) {
    if (compiler.isSpreadAssignment(part)) {
      const spread = membersOf(part.expression, project, steps - 1);
      complete &&= spread.complete;
      for (const member of spread.members) members.set(member.name, member);
      continue;
    }
    let name = propertyName(compiler, part.name);
    if (name === undefined && compiler.isComputedPropertyName(part.name)) {
      const value = project.evaluate(part.name.expression);
      if (value.kind === 'string') name = value.text;
    }
    if (name === undefined) complete = false;
    else if (compiler.isPropertyAssignment(part)) members.set(name, { name, node: part.name, value: part.initializer });
    else if (compiler.isShorthandPropertyAssignment(part)) members.set(name, { name, node: part.name, value: part.name });
    else if (compiler.isMethodDeclaration(part)) members.set(name, { name, node: part.name, value: part });
  }
  return { members: [...members.values()], complete };
}

function readMap(literal: ts.ObjectLiteralExpression, name: string, project: Project): RawInvalidationMap {
  const top = membersOf(literal, project);
  const map: RawInvalidationMap = { ...project.placeOf(literal), name, mutations: [], tools: [], cascades: [], modules: [], complete: top.complete };
  const env = rootEnv(project);
  for (const part of top.members) {
    if (project.ts.isMethodDeclaration(part.value)) continue;
    const inner = membersOf(part.value, project);
    map.complete &&= inner.complete;
    for (const member of inner.members) {
      const place = project.placeOf(member.node);
      const list = (): RawPath[] => (project.ts.isMethodDeclaration(member.value) ? [] : pathsOfValue(project.evaluate(member.value), env).paths);
      if (part.name === 'mutations') map.mutations.push(readEntry(member, project, env));
      else if (part.name === 'tools') map.tools.push(readEntry(member, project, env));
      else if (part.name === 'cascades') map.cascades.push({ ...place, from: member.name, to: list() });
      else if (part.name === 'modules') map.modules.push({ ...place, name: member.name, queryPaths: list() });
    }
  }
  return map;
}

function readEntry(member: Named, project: Project, env: Env): RawEntry {
  const { ts: compiler } = project;
  const entry: RawEntry = { ...project.placeOf(member.node), name: member.name, queryPaths: [], complete: true, computed: false };
  if (compiler.isMethodDeclaration(member.value)) return computed(entry, member.value, project, env);
  const value = project.evaluate(member.value);
  if (value.kind === 'object') return full(entry, value, project, env);
  if (value.kind === 'string') return { ...entry, sameAs: value.text };
  return stale(entry, value, project, env);
}

function full(entry: RawEntry, value: Extract<Value, { kind: 'object' }>, project: Project, env: Env): RawEntry {
  const silent = value.properties.get('silent');
  if (silent !== undefined) return { ...entry, silent: silent.kind === 'string' ? silent.text : shortText(silent.node) };
  const cascade = value.properties.get('cascade');
  const module = value.properties.get('module');
  const given = value.properties.get('stale');
  const read = given === undefined ? { ...entry, complete: value.complete } : stale(entry, given, project, env);
  if (module?.kind === 'string') read.module = module.text;
  if (cascade?.kind === 'constant' && cascade.value === false) read.cascade = false;
  else if (cascade?.kind === 'array') read.cascade = pathsOfValue(cascade, env).paths;
  return read;
}

function stale(entry: RawEntry, value: Value, project: Project, env: Env): RawEntry {
  if (value.kind === 'function') return computed(entry, value.function, project, { ...env, scope: value.scope });
  const found = pathsOfValue(value, env);
  return { ...entry, queryPaths: found.paths, complete: found.complete };
}

/** A function of input and result: what any of its returns may give. */
function computed(entry: RawEntry, fn: Parameters<typeof returnsOf>[1], project: Project, env: Env): RawEntry {
  const paths: RawPath[] = [];
  const results = returnsOf(project.ts, fn);
  let complete = results.length > 0;
  for (const result of results) complete = pathsOfValue(project.evaluate(result, env.scope), env, paths).complete && complete;
  return { ...entry, queryPaths: paths, complete, computed: true };
}
