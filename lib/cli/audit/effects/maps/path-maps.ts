/** Objects and functions that map names to query paths. */
import type ts from 'typescript';
import type { FunctionNode, Project } from '../../model.js';
import { pathsOfValue } from '../broadcasts/action.js';
import { rootEnv, type Env } from '../code/environment.js';
import { findSyncConfig } from './sync-config.js';
import { calleeName, functionName, isFunctionNode, propertyName, returnsOf, unwrap, visitAll } from '../code/syntax.js';
import { stringsOf } from '../code/strings.js';
import type { RawPath, RawPathMap } from '../types.js';

type Entry = RawPathMap['entries'][number];

const PATH = /^[A-Za-z_$][\w$]*(\.[A-Za-z_$][\w$]*)+$/;
/** Properties of a tool's definition that list what it makes stale. */
const LISTING = /path|invalidat|stale|quer(y|ies)|refresh|refetch|affects|sync/i;
/** Names and spreads followed to an object; one that spreads itself ends here. */
const MAX_STEPS = 8;
const TOOL_KEY = /^[a-z][a-z0-9]*(_[a-z0-9]+)+$/;

/**
 * Every object literal, `Map` and function whose values are lists of strings, most of them query paths of the modules of `queries`
 * (default: of any module).
 */
export function findPathMaps(project: Project, known?: { queries: ReadonlySet<string> }): RawPathMap[] {
  const { ts: compiler } = project;
  const modules = known && new Set([...known.queries].map((path) => path.split('.')[0] ?? ''));
  const flat = new Set([...(known?.queries ?? [])].filter((path) => !path.includes('.')));
  const env = rootEnv(project);
  const found: RawPathMap[] = [];
  const own = ownPlaces(project);
  const add = (name: string, node: ts.Node, entries: Entry[]): void => {
    if (!looksLikeMap(entries, modules, flat) || entries.some((entry) => entry.queryPaths.some((path) => own.has(placeKey(path))))) return;
    found.push({ ...project.placeOf(node), name, kind: kindOf(name, entries), entries });
  };
  for (const file of project.files) {
    if (flat.size === 0 && !/['"`][\w$]+\.[\w$]/.test(file.text)) continue;
    visitAll(compiler, file, (node) => {
      if (compiler.isVariableDeclaration(node) && node.initializer) {
        const entries = ofValue(node.initializer, env);
        if (entries !== undefined) add(nameOf(node, compiler), node.name, entries);
      } else if (compiler.isPropertyDeclaration(node) && node.initializer) {
        const entries = ofValue(node.initializer, env);
        if (entries !== undefined) add(propertyName(compiler, node.name) ?? node.name.getText(), node.name, entries);
      } else if (isFunctionNode(compiler, node) && node.body && node.parameters.length > 0) {
        const entries = ofFunction(node, env);
        if (entries !== undefined) add(functionName(compiler, node), node.name ?? node, entries);
      }
      return undefined;
    });
  }
  return found;
}

/** The maps of pathcast's own, which have their own rules. */
function ownPlaces(project: Project): Set<string> {
  const places = new Set<string>();
  for (const map of findSyncConfig(project).maps) {
    for (const entry of [...map.mutations, ...map.tools]) for (const path of entry.queryPaths) places.add(placeKey(path));
    for (const module of map.modules) for (const path of module.queryPaths) places.add(placeKey(path));
  }
  return places;
}

const placeKey = (path: RawPath): string => `${path.file}:${path.line}:${path.column}`;

/** A constant inside of a function that gives its entries back goes by the function's name. */
function nameOf(node: ts.VariableDeclaration, compiler: typeof ts): string {
  const own = node.name.getText();
  const holders: ts.Node[] = [];
  for (let at: ts.Node = node.parent; !compiler.isSourceFile(at); at = at.parent) holders.push(at);
  for (const fn of holders) {
    if (!isFunctionNode(compiler, fn)) continue;
    const asked = returnsOf(compiler, fn).some((result) => new RegExp(`\\b${own.replace(/\$/g, '\\$')}\\b\\s*(\\[|\\.get\\()`).test(result.getText()));
    return asked ? functionName(compiler, fn) : own;
  }
  return own;
}

/** `flat`: queries at the root of the router, whose paths have no dot. */
function looksLikeMap(entries: readonly Entry[], modules: ReadonlySet<string> | undefined, flat: ReadonlySet<string>): boolean {
  const paths = entries.flatMap((entry) => entry.queryPaths.map((path) => path.path));
  if (paths.length === 0 || entries.length === 0) return false;
  const shaped = paths.filter((path) => path === '*' || PATH.test(path) || modules?.has(path) === true);
  const known = paths.filter((path) => modules === undefined || modules.has(path.split('.')[0] ?? ''));
  return shaped.length * 2 > paths.length && known.length * 2 > paths.length && paths.some((path) => PATH.test(path) || flat.has(path));
}

function kindOf(name: string, entries: readonly Entry[]): RawPathMap['kind'] {
  const snake = entries.filter((entry) => TOOL_KEY.test(entry.key)).length;
  return /tool/i.test(name) || snake * 2 > entries.length ? 'tools' : 'modules';
}

function ofValue(node: ts.Expression, env: Env, steps = MAX_STEPS): Entry[] | undefined {
  const { project } = env;
  const { ts: compiler } = project;
  const inner = unwrap(compiler, node);
  if (steps === 0) return undefined;
  if (compiler.isObjectLiteralExpression(inner)) return ofLiteral(inner, env, steps);
  if (compiler.isArrayLiteralExpression(inner)) return ofDefinitions(inner, env);
  if (compiler.isCallExpression(inner) && /^(freeze|fromEntries)$/.test(calleeName(compiler, inner.expression) ?? '')) {
    const [first] = inner.arguments;
    if (first === undefined) return undefined;
    const given = unwrap(compiler, first);
    return compiler.isArrayLiteralExpression(given) ? ofPairs(given, env) : ofValue(given, env, steps - 1);
  }
  if (compiler.isNewExpression(inner) && calleeName(compiler, inner.expression) === 'Map') {
    const [first] = inner.arguments ?? [];
    if (first === undefined) return undefined;
    const given = unwrap(compiler, first);
    return compiler.isArrayLiteralExpression(given) ? ofPairs(given, env) : undefined;
  }
  return undefined;
}

/** `[{ name: 'add_guest', invalidates: [...] }, …]`: tool definitions as a model is given them. */
function ofDefinitions(list: ts.ArrayLiteralExpression, env: Env): Entry[] | undefined {
  const { ts: compiler } = env.project;
  const entries: Entry[] = [];
  for (const element of list.elements) {
    const definition = definitionOf(element, compiler);
    if (definition === undefined) return undefined;
    let key: { key: string; node: ts.Node } | undefined;
    const lists: ts.Expression[] = [];
    for (const part of definition.properties) {
      if (!compiler.isPropertyAssignment(part)) continue;
      const name = propertyName(compiler, part.name) ?? '';
      if (/^(name|tool|toolName|id|key|module)$/.test(name)) {
        const [text] = stringsOf(env.project.evaluate(part.initializer, env.scope)) ?? [];
        if (text !== undefined) key ??= { key: text, node: part.initializer };
      } else if (compiler.isArrayLiteralExpression(unwrap(compiler, part.initializer))) lists.push(part.initializer);
    }
    if (key === undefined) return undefined;
    for (const given of lists) {
      const entry = ofEntry(key.key, key.node, given, env);
      if (entry !== undefined && entry.queryPaths.some((path) => PATH.test(path.path))) entries.push(entry);
    }
  }
  return entries.length > 0 ? entries : undefined;
}

function ofPairs(list: ts.ArrayLiteralExpression, env: Env): Entry[] | undefined {
  const { ts: compiler } = env.project;
  const entries: Entry[] = [];
  for (const element of list.elements) {
    const pair = unwrap(compiler, element);
    const [key, value] = compiler.isArrayLiteralExpression(pair) ? pair.elements : [];
    const name = key && stringsOf(env.project.evaluate(key, env.scope))?.[0];
    const entry = name === undefined || key === undefined || value === undefined ? undefined : ofEntry(name, key, value, env);
    if (entry === undefined) return undefined;
    entries.push(entry);
  }
  return entries.length > 0 ? entries : undefined;
}

/** `{ … }`, or what `tool({ … })` is given. */
function definitionOf(node: ts.Expression, compiler: typeof ts): ts.ObjectLiteralExpression | undefined {
  const inner = unwrap(compiler, node);
  if (compiler.isObjectLiteralExpression(inner)) return inner;
  const [only, another] = compiler.isCallExpression(inner) ? inner.arguments : [];
  const given = only && another === undefined ? unwrap(compiler, only) : undefined;
  return given && compiler.isObjectLiteralExpression(given) ? given : undefined;
}

/** An entry whose paths are one property among others. */
function ofDefinition(key: string, node: ts.Node, definition: ts.ObjectLiteralExpression, env: Env): Entry | undefined {
  const { ts: compiler } = env.project;
  for (const part of definition.properties) {
    if (!compiler.isPropertyAssignment(part) || !LISTING.test(propertyName(compiler, part.name) ?? '')) continue;
    const entry = ofEntry(key, node, part.initializer, env);
    if (entry !== undefined) return entry;
  }
  return undefined;
}

function ofLiteral(literal: ts.ObjectLiteralExpression, env: Env, steps: number): Entry[] | undefined {
  const { project } = env;
  const { ts: compiler } = project;
  const entries: Entry[] = [];
  for (const part of literal.properties) {
    if (compiler.isSpreadAssignment(part)) {
      const named = unwrap(compiler, part.expression);
      const declaration = compiler.isIdentifier(named) ? project.declarationOf(named) : undefined;
      const value = declaration && compiler.isVariableDeclaration(declaration) ? declaration.initializer : undefined;
      entries.push(...((value && ofValue(value, env, steps - 1)) ?? []));
      continue;
    }
    if (!compiler.isPropertyAssignment(part)) {
      if (!compiler.isShorthandPropertyAssignment(part)) return undefined;
      const entry = ofEntry(part.name.text, part.name, part.name, env);
      if (entry === undefined) return undefined;
      entries.push(entry);
      continue;
    }
    const key = propertyName(compiler, part.name) ?? (compiler.isComputedPropertyName(part.name) ? stringsOf(project.evaluate(part.name.expression, env.scope))?.[0] : undefined);
    if (key === undefined) continue;
    const definition = definitionOf(part.initializer, compiler);
    const entry = definition ? ofDefinition(key, part.name, definition, env) : ofEntry(key, part.name, part.initializer, env);
    if (entry !== undefined) entries.push(entry);
    else if (definition === undefined) return undefined;
  }
  return entries.length > 0 ? entries : undefined;
}

/** One entry; undefined where its value is no list of strings. */
function ofEntry(key: string, node: ts.Node, value: ts.Expression, env: Env): Entry | undefined {
  const { ts: compiler } = env.project;
  const inner = unwrap(compiler, value);
  const maybe =
    compiler.isArrayLiteralExpression(inner) || compiler.isIdentifier(inner) || compiler.isPropertyAccessExpression(inner) || compiler.isCallExpression(inner) || compiler.isConditionalExpression(inner) || compiler.isElementAccessExpression(inner);
  if (!maybe) return undefined;
  const evaluated = env.project.evaluate(value, env.scope);
  if (evaluated.kind !== 'array' && evaluated.kind !== 'choice') return undefined;
  const found = pathsOfValue(evaluated, env);
  if (evaluated.kind === 'array' && evaluated.items.some((item) => item.kind !== 'string' && item.kind !== 'choice' && item.kind !== 'unknown')) return undefined;
  if (evaluated.kind === 'choice' && found.paths.length === 0) return undefined;
  return { ...env.project.placeOf(node), key, queryPaths: found.paths, complete: found.complete };
}

/** A function whose switch or comparisons on a parameter choose between lists. */
function ofFunction(fn: FunctionNode, env: Env): Entry[] | undefined {
  const { project } = env;
  const { ts: compiler } = project;
  const entries: Entry[] = [];
  const names = fn.parameters.map((parameter) => parameter.name.getText());
  const isParameter = (node: ts.Expression): boolean => {
    const text = unwrap(compiler, node).getText();
    return names.some((name) => text === name || text.startsWith(`${name}.`));
  };
  const give = (keys: { key: string; node: ts.Node }[], body: ts.Node): void => {
    for (const result of resultsIn(body, compiler)) {
      for (const { key, node } of keys) {
        const entry = ofEntry(key, node, result, env);
        if (entry !== undefined) entries.push(entry);
      }
    }
  };
  visitAll(compiler, fn.body ?? fn, (node) => {
    if (compiler.isFunctionLike(node)) return false;
    if (compiler.isSwitchStatement(node) && isParameter(node.expression)) {
      let keys: { key: string; node: ts.Node }[] = [];
      for (const clause of node.caseBlock.clauses) {
        if (compiler.isCaseClause(clause)) {
          for (const key of stringsOf(project.evaluate(clause.expression, env.scope)) ?? []) keys.push({ key, node: clause.expression });
        }
        if (clause.statements.length === 0) continue;
        for (const statement of clause.statements) give(keys, statement);
        keys = [];
      }
      return false;
    }
    if (compiler.isIfStatement(node)) {
      const keys = comparedWith(node.expression, isParameter, env);
      if (keys.length > 0) give(keys, node.thenStatement);
    }
    return undefined;
  });
  return entries.length > 0 ? entries : undefined;
}

/** The strings that a condition compares a parameter with. */
function comparedWith(node: ts.Expression, isParameter: (node: ts.Expression) => boolean, env: Env): { key: string; node: ts.Node }[] {
  const { ts: compiler } = env.project;
  const inner = unwrap(compiler, node);
  if (!compiler.isBinaryExpression(inner)) return [];
  if (inner.operatorToken.kind === compiler.SyntaxKind.BarBarToken) {
    return [...comparedWith(inner.left, isParameter, env), ...comparedWith(inner.right, isParameter, env)];
  }
  if (inner.operatorToken.kind !== compiler.SyntaxKind.EqualsEqualsEqualsToken && inner.operatorToken.kind !== compiler.SyntaxKind.EqualsEqualsToken) return [];
  const other = isParameter(inner.left) ? inner.right : isParameter(inner.right) ? inner.left : undefined;
  if (other === undefined) return [];
  return (stringsOf(env.project.evaluate(other, env.scope)) ?? []).map((key) => ({ key, node: other }));
}

function resultsIn(node: ts.Node, compiler: typeof ts): ts.Expression[] {
  const found: ts.Expression[] = [];
  visitAll(compiler, node, (inner) => {
    if (compiler.isFunctionLike(inner)) return false;
    if (compiler.isReturnStatement(inner) && inner.expression) found.push(inner.expression);
    else if (compiler.isBinaryExpression(inner) && inner.operatorToken.kind === compiler.SyntaxKind.EqualsToken) found.push(inner.right);
    return undefined;
  });
  return found;
}
