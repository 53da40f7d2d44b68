/** What the middlewares around a procedure do to it: code after `next()`, a transaction around it, things put into its context. */
import type ts from 'typescript';
import type { Procedure, Project, Value } from '../../model.js';
import { callablesOf, type Callable } from '../calls/callables.js';
import { nothing, type Collected } from './collected.js';
import { databaseOf } from '../databases/database.js';
import { rootEnv, type Bound, type Database, type Env } from '../code/environment.js';
import type { Reader } from './reader.js';
import { calleeName, functionName, propertyName, unwrap } from '../code/syntax.js';

export interface Around {
  collected: Collected;
  /** pathcast's own middleware is among them. */
  sync: ts.Node | undefined;
  transaction: Env['transaction'];
  context: readonly Bound[];
  databases: Map<string, Database>;
}

export function readMiddlewares(reader: Reader, procedure: Procedure): Around {
  const { project } = reader;
  const around: Around = { collected: nothing(), sync: undefined, transaction: undefined, context: [], databases: new Map() };
  const middlewares = procedure.middlewares.flatMap((middleware) => piped(middleware, project, 8));
  for (const middleware of middlewares) {
    const env: Env = { ...rootEnv(project, procedure.scope), context: around.context };
    const sync = syncMiddleware(middleware, env, 6);
    around.sync ??= sync;
    for (const callable of callablesOf(middleware, env).found) {
      if (sync === undefined || !isPathcasts(callable, project)) readOne(reader, callable, procedure, around);
    }
  }
  return around;
}

/** `withSession.unstable_pipe(mayWrite)` is both, one after the other. */
function piped(node: ts.Expression, project: Project, steps: number): ts.Expression[] {
  const { ts: compiler } = project;
  const inner = unwrap(compiler, node);
  if (steps > 0 && compiler.isCallExpression(inner)) {
    const callee = unwrap(compiler, inner.expression);
    if (compiler.isPropertyAccessExpression(callee) && /^(unstable_pipe|pipe)$/.test(callee.name.text)) {
      return [callee.expression, ...inner.arguments].flatMap((part) => piped(part, project, steps - 1));
    }
  }
  if (steps > 0 && (compiler.isIdentifier(inner) || compiler.isPropertyAccessExpression(inner))) {
    const declaration = project.declarationOf(compiler.isIdentifier(inner) ? inner : inner.name);
    if (declaration && compiler.isVariableDeclaration(declaration) && declaration.initializer) {
      const parts = piped(declaration.initializer, project, steps - 1);
      if (parts.length > 1) return parts;
    }
  }
  return [node];
}

/**
 * In a repository that holds pathcast itself its middleware is in sight, behind the interface of a sync. What it does stands in
 * the invalidation map; to read it would be to read most of the package for each mutation.
 */
function isPathcasts({ fn }: Callable, project: Project): boolean {
  const home = project.packageOf(fn.getSourceFile());
  return home?.name === 'pathcast' && home.path.startsWith('lib/trpc/');
}

/** `sync.middleware()`, as it stands or under a name. */
export function syncMiddleware(node: ts.Expression, env: Env, steps: number): ts.Node | undefined {
  const { ts: compiler } = env.project;
  const inner = unwrap(compiler, node);
  if (steps === 0) return undefined;
  if (compiler.isCallExpression(inner)) {
    const callee = unwrap(compiler, inner.expression);
    const named = calleeName(compiler, callee) === 'middleware' && compiler.isPropertyAccessExpression(callee);
    // t.middleware(fn) is tRPC's, whether the function is in sight or a package's.
    return named && inner.arguments.length === 0 ? inner : undefined;
  }
  const name = compiler.isIdentifier(inner) ? inner : compiler.isPropertyAccessExpression(inner) ? inner.name : undefined;
  const declaration = name && env.project.declarationOf(name);
  const holds = declaration && (compiler.isVariableDeclaration(declaration) || compiler.isPropertyAssignment(declaration));
  return holds && declaration.initializer ? syncMiddleware(declaration.initializer, env, steps - 1) : undefined;
}

function readOne(reader: Reader, callable: Callable, procedure: Procedure, around: Around): void {
  const { project } = reader;
  const { ts: compiler } = project;
  const { fn } = callable;
  const [options] = fn.parameters;
  const scope = new Map<ts.Node, Value>(callable.outer?.scope ?? procedure.scope);
  if (options) bindOptions(compiler, options, procedure, scope);
  const env: Env = {
    ...rootEnv(project, scope),
    activation: { fn, consulted: true },
    outer: callable.outer,
    context: around.context,
  };
  const contexts: Bound[] = [];
  const onNext = (call: ts.CallExpression, at: Env): void => {
    if (at.transaction !== undefined) around.transaction = at.transaction;
    const [given] = call.arguments;
    const literal = given && unwrap(compiler, given);
    if (literal === undefined || !compiler.isObjectLiteralExpression(literal)) return;
    for (const part of literal.properties) {
      if (propertyName(compiler, part.name) !== 'ctx') continue;
      const expression = compiler.isPropertyAssignment(part) ? part.initializer : compiler.isShorthandPropertyAssignment(part) ? part.name : undefined;
      if (expression === undefined) continue;
      contexts.push({ expression, env: at });
      const held = databaseOf(expression, at);
      if (held?.kind === 'record') for (const [name, database] of held.properties) around.databases.set(name, database);
    }
  };
  const found = reader.read(fn, env, { onNext });
  around.context = [...around.context, ...contexts];
  const name = functionName(compiler, fn);
  const via = name === '(anonymous)' ? 'middleware' : name;
  const { collected } = around;
  for (const broadcast of found.broadcasts) {
    const conditions = stillOpen(broadcast.conditions, procedure.kind);
    if (conditions !== undefined) collected.broadcasts.push({ ...broadcast, conditions, via: [via, ...broadcast.via] });
  }
  for (const write of found.writes) collected.writes.push({ ...write, via: [via, ...write.via] });
  for (const helper of found.helpers) collected.helpers.push({ ...helper, via: [via, ...helper.via] });
  collected.notes.push(...found.notes);
  // Of what could not be followed only that counts which decides about a broadcast that was seen.
  if (found.broadcasts.length > 0) collected.unseen.push(...found.unseen);
}

/** `path` and `type` of the middleware's argument are known for a procedure. */
function bindOptions(compiler: typeof ts, options: ts.ParameterDeclaration, procedure: Procedure, scope: Map<ts.Node, Value>): void {
  const known = (node: ts.Node): Map<string, Value> =>
    new Map([
      ['path', { kind: 'string', text: procedure.path, node }],
      ['type', { kind: 'string', text: procedure.kind, node }],
    ]);
  scope.set(options, { kind: 'object', properties: known(options), complete: false, node: options });
  if (!compiler.isObjectBindingPattern(options.name)) return;
  for (const element of options.name.elements) {
    const value = known(element).get(propertyName(compiler, element.propertyName ?? element.name) ?? '');
    if (value !== undefined) scope.set(element, value);
  }
}

/** Conditions beside success and the kind of procedure; undefined where a procedure of this kind never gets there. */
function stillOpen(conditions: readonly string[], kind: string): string[] | undefined {
  const open: string[] = [];
  for (const condition of conditions) {
    const negative = /^!\((.*)\)$/.exec(condition);
    const parts = negative ? (negative[1] ?? '').split(/\s*\|\|\s*/) : condition.split(/\s*&&\s*/);
    for (const part of parts) {
      const text = part.replace(/^\(|\)$/g, '').trim();
      const test = /^(?:[\w.]+\.)?type\s*(===?|!==?)\s*['"](\w+)['"]$/.exec(text);
      if (test !== null) {
        const holds = (test[2] === kind) === !(test[1] ?? '').startsWith('!');
        if (holds === (negative !== null)) return undefined;
        continue;
      }
      if (/^!?\(?!?[\w.]*\.?ok\)?$/.test(text)) continue;
      open.push(negative ? `!(${text})` : text);
    }
  }
  return open;
}
