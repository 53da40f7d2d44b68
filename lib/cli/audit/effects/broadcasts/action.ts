/** What an action that is broadcast says, as far as its text tells. */
import type ts from 'typescript';
import { MAX_QUERY_PATH_BYTES } from '../../../../protocol/limits.js';
import type { Value } from '../../model.js';
import type { Unseen } from '../../report.js';
import { boundArgument, homeOf, type Env } from '../code/environment.js';
import type { RawPath } from '../types.js';
import { calleeName, propertyName, returnsOf, shortText, unwrap } from '../code/syntax.js';
import { stringsOf } from '../code/strings.js';

export interface Action {
  queryPaths: RawPath[];
  complete: boolean;
  unseen: Unseen[];
  module?: string;
  type?: string;
  clientId: 'yes' | 'no' | 'unknown';
  userId: 'yes' | 'no' | 'unknown';
}

/** Paths of a value: every string that may be among them, and whether there may be more. */
export function pathsOfValue(value: Value, env: Env, into: RawPath[] = []): { paths: RawPath[]; complete: boolean; why?: string } {
  const { project } = env;
  if (value.kind === 'string') {
    const { length } = value.text;
    if (length > MAX_QUERY_PATH_BYTES) return { paths: into, complete: false, why: `a text of ${length} characters is no query path` };
    const place = project.placeOf(value.node);
    const known = into.some((path) => path.path === value.text && path.file === place.file && path.line === place.line && path.column === place.column);
    if (!known) into.push({ path: value.text, ...place });
    return { paths: into, complete: true };
  }
  if (value.kind === 'constant') return { paths: into, complete: true };
  if (value.kind === 'array' || value.kind === 'choice') {
    let complete = value.kind === 'choice' || value.complete;
    let why: string | undefined = complete ? undefined : 'part of the list is computed';
    for (const item of value.kind === 'array' ? value.items : value.options) {
      const found = pathsOfValue(item, env, into);
      complete &&= found.complete;
      why ??= found.why;
    }
    return { paths: into, complete, ...(why === undefined ? {} : { why }) };
  }
  if (value.kind === 'expression') return ofExpression(value, env, into);
  return { paths: into, complete: false, why: value.kind === 'unknown' ? value.why : 'it is no list' };
}

/** `[...a, ...b].concat(c)`, `Array.from(new Set([…]))`, `MAP[key] ?? []`, `new Set([…])`, `paths.filter(…)`. */
function ofExpression(value: Extract<Value, { kind: 'expression' }>, env: Env, into: RawPath[]): { paths: RawPath[]; complete: boolean; why?: string } {
  const { project } = env;
  const { ts: compiler } = project;
  const inner = unwrap(compiler, value.expression);
  const computed = { paths: into, complete: false, why: `${shortText(inner, 60)} is computed` };
  const evaluate = (node: ts.Expression) => pathsOfValue(project.evaluate(node, value.scope), { ...env, scope: value.scope }, into);
  if (compiler.isNewExpression(inner) && calleeName(compiler, inner.expression) === 'Set') {
    const [first] = inner.arguments ?? [];
    return first === undefined ? computed : evaluate(first);
  }
  if (compiler.isCallExpression(inner)) {
    const name = calleeName(compiler, inner.expression) ?? '';
    const callee = unwrap(compiler, inner.expression);
    const [first] = inner.arguments;
    if (/^(from|uniq|unique|dedupe|compact|freeze)$/.test(name) && first !== undefined) return evaluate(first);
    if (compiler.isPropertyAccessExpression(callee)) {
      if (/^(filter|slice|sort|reverse|toSorted|flat)$/.test(name)) return evaluate(callee.expression);
      if (name === 'concat') {
        let complete = true;
        for (const part of [callee.expression, ...inner.arguments]) complete = evaluate(part).complete && complete;
        return { paths: into, complete, ...(complete ? {} : { why: computed.why }) };
      }
    }
  }
  if (compiler.isElementAccessExpression(inner)) {
    // A record asked for a key that is not known: any of its entries.
    const record = project.evaluate(inner.expression, value.scope);
    if (record.kind === 'object') {
      for (const entry of record.properties.values()) pathsOfValue(entry, env, into);
      return { paths: into, complete: false, why: `${shortText(inner, 60)} depends on what is known at run time alone` };
    }
  }
  return computed;
}

const NOTHING: Action = { queryPaths: [], complete: false, unseen: [], clientId: 'unknown', userId: 'unknown' };

/** Reads the argument of a broadcast. `hasPaths` is false where it is known to have no `queryPaths`. */
export function readAction(node: ts.Expression, env: Env): Action & { hasPaths: boolean | undefined } {
  const parts = propertiesOf(node, env, 8);
  const { project } = env;
  const action: Action = { ...NOTHING, queryPaths: [], unseen: [] };
  if (parts === undefined) {
    const place = project.placeOf(node);
    action.unseen.push({ ...place, what: `the action ${shortText(node, 60)}`, why: 'it is computed when the program runs' });
    return { ...action, hasPaths: undefined };
  }
  const paths = parts.of.get('queryPaths');
  if (paths !== undefined) {
    action.complete = true;
    for (const part of paths) {
      const found = pathsOfValue(part.value(), part.env, action.queryPaths);
      if (found.complete) continue;
      action.complete = false;
      action.unseen.push({ ...project.placeOf(part.node), what: `query paths ${shortText(part.node, 60)}`, why: found.why ?? 'they are computed' });
    }
  } else if (!parts.complete) {
    action.unseen.push({ ...project.placeOf(node), what: `the action ${shortText(node, 60)}`, why: 'part of it is computed' });
  }
  action.clientId = presence(parts, 'clientId');
  action.userId = presence(parts, 'userId');
  const module = text(parts.of.get('module'));
  const type = text(parts.of.get('type'));
  if (module !== undefined) action.module = module;
  if (type !== undefined) action.type = type;
  return { ...action, hasPaths: paths !== undefined ? true : parts.complete ? false : undefined };
}

function presence(parts: Parts, name: string): Action['clientId'] {
  const found = parts.of.get(name);
  if (found === undefined) return parts.complete ? 'no' : 'unknown';
  const present = found.some((part) => {
    const value = part.value();
    return !(value.kind === 'constant' && (value.value === undefined || value.value === null));
  });
  return present ? 'yes' : 'no';
}

function text(parts: Part[] | undefined): string | undefined {
  const [only, another] = parts ?? [];
  if (only === undefined || another !== undefined) return undefined;
  const strings = stringsOf(only.value());
  return strings?.length === 1 ? strings[0] : undefined;
}

interface Part {
  node: ts.Node;
  env: Env;
  value(): Value;
}

interface Parts {
  of: Map<string, Part[]>;
  complete: boolean;
}

/** The properties of an object, spreads and conditionals followed; undefined where the object cannot be seen. */
function propertiesOf(node: ts.Expression, env: Env, steps: number): Parts | undefined {
  const { project } = env;
  const { ts: compiler } = project;
  if (steps === 0) return undefined;
  const inner = unwrap(compiler, node);
  if (compiler.isObjectLiteralExpression(inner)) return ofLiteral(inner, env, steps);
  if (compiler.isConditionalExpression(inner)) {
    return union(propertiesOf(inner.whenTrue, env, steps - 1), propertiesOf(inner.whenFalse, env, steps - 1));
  }
  if (compiler.isBinaryExpression(inner)) {
    if (inner.operatorToken.kind === compiler.SyntaxKind.AmpersandAmpersandToken) return propertiesOf(inner.right, env, steps - 1);
    return union(propertiesOf(inner.left, env, steps - 1), propertiesOf(inner.right, env, steps - 1));
  }
  if (inner.kind === compiler.SyntaxKind.NullKeyword || (compiler.isIdentifier(inner) && inner.text === 'undefined')) return { of: new Map(), complete: true };
  if (compiler.isCallExpression(inner)) {
    const fn = project.functionOf(inner.expression, env.scope);
    const [only, another] = fn === undefined ? [] : returnsOf(compiler, fn);
    if (fn !== undefined && only !== undefined && another === undefined) {
      const value = project.evaluate(inner, env.scope);
      if (value.kind === 'object') return ofValue(value, env);
    }
    return undefined;
  }
  if (compiler.isIdentifier(inner)) {
    const declaration = project.declarationOf(inner);
    if (declaration && compiler.isParameter(declaration)) {
      const bound = boundArgument(env, declaration);
      if (bound?.expression && bound.env) return propertiesOf(bound.expression, bound.env, steps - 1);
      return undefined;
    }
    if (declaration && compiler.isBindingElement(declaration) && declaration.dotDotDotToken) return rest(declaration, env, steps);
    if (declaration && compiler.isVariableDeclaration(declaration) && declaration.initializer) {
      return propertiesOf(declaration.initializer, homeOf(env, declaration) ?? env, steps - 1);
    }
  }
  const value = project.evaluate(inner, env.scope);
  return value.kind === 'object' ? ofValue(value, env) : undefined;
}

/** `({ queryPaths, ...rest }) => …`: what the argument has beside those. */
function rest(element: ts.BindingElement, env: Env, steps: number): Parts | undefined {
  const { ts: compiler } = env.project;
  const holder = element.parent.parent;
  let whole: Parts | undefined;
  if (compiler.isParameter(holder)) {
    const bound = boundArgument(env, holder);
    whole = bound?.expression && bound.env ? propertiesOf(bound.expression, bound.env, steps - 1) : undefined;
  } else if (compiler.isVariableDeclaration(holder) && holder.initializer) {
    whole = propertiesOf(holder.initializer, homeOf(env, holder) ?? env, steps - 1);
  }
  if (whole === undefined || !compiler.isObjectBindingPattern(element.parent)) return undefined;
  const taken = element.parent.elements.map((other) => propertyName(compiler, other.propertyName ?? other.name));
  return { of: new Map([...whole.of].filter(([name]) => !taken.includes(name))), complete: whole.complete };
}

function ofValue(value: Extract<Value, { kind: 'object' }>, env: Env): Parts {
  const of = new Map<string, Part[]>();
  for (const [name, part] of value.properties) of.set(name, [{ node: part.node, env, value: () => part }]);
  return { of, complete: value.complete };
}

function union(first: Parts | undefined, second: Parts | undefined): Parts | undefined {
  if (first === undefined || second === undefined) {
    const known = first ?? second;
    return known && { of: known.of, complete: false };
  }
  const of = new Map(first.of);
  for (const [name, parts] of second.of) of.set(name, [...(of.get(name) ?? []), ...parts]);
  return { of, complete: first.complete && second.complete };
}

function ofLiteral(literal: ts.ObjectLiteralExpression, env: Env, steps: number): Parts {
  const { project } = env;
  const { ts: compiler } = project;
  const of = new Map<string, Part[]>();
  let complete = true;
  for (const property of literal.properties) {
    if (compiler.isSpreadAssignment(property)) {
      const spread = propertiesOf(property.expression, env, steps - 1);
      complete &&= spread?.complete ?? false;
      for (const [name, parts] of spread?.of ?? []) of.set(name, parts);
      continue;
    }
    const name = propertyName(compiler, property.name);
    if (name === undefined) {
      complete = false;
      continue;
    }
    if (compiler.isPropertyAssignment(property)) {
      const { initializer } = property;
      of.set(name, [{ node: initializer, env, value: () => project.evaluate(initializer, env.scope) }]);
    } else if (compiler.isShorthandPropertyAssignment(property)) {
      of.set(name, [{ node: property, env, value: () => project.evaluate(property.name, env.scope) }]);
    }
  }
  return { of, complete };
}

/** Whether an expression is an object that has `queryPaths` in its text. */
export function carriesPaths(node: ts.Expression | undefined, env: Env): boolean {
  return node !== undefined && readAction(node, env).hasPaths === true;
}
