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

/** What one middleware does, whichever procedure it stands around. */
interface Step {
  sync: ts.Node | undefined;
  transaction: Env['transaction'];
  contexts: Bound[];
  databases: Map<string, Database>;
  found: { via: string; collected: Collected }[];
}

/** Middlewares that were read behind the same ones: most procedures of a code base begin with the same few. */
interface Known {
  step: Step;
  next: Map<ts.Node, Known>;
}

const knownOf = new WeakMap<Reader, Map<ts.Node, Known>>();

export function readMiddlewares(reader: Reader, procedure: Procedure): Around {
  const { project } = reader;
  const around: Around = { collected: nothing(), sync: undefined, transaction: undefined, context: [], databases: new Map() };
  const first = knownOf.get(reader) ?? new Map<ts.Node, Known>();
  knownOf.set(reader, first);
  // Where a factory made the procedure, its arguments may decide.
  let known: Map<ts.Node, Known> | undefined = procedure.scope.size === 0 ? first : undefined;
  for (const middleware of procedure.middlewares.flatMap((one) => piped(one, project, 8))) {
    let same = known?.get(middleware);
    if (same === undefined) {
      const { step, isOwn } = readShared(reader, middleware, procedure, around.context);
      same = { step, next: new Map() };
      // One that hands nothing on changes nothing for those behind it.
      if (isOwn ? step.contexts.length > 0 : project.budget.spent !== undefined) known = undefined;
      if (!isOwn && known !== undefined) {
        known.set(middleware, same);
        known = same.next;
      }
    } else known = same.next;
    take(same.step, procedure, around);
  }
  return around;
}

/** Middlewares that do something, and what depends on the procedure. */
const ownOf = new WeakMap<Reader, Set<ts.Node>>();

/** Of one that asks which procedure it stands around, but does nothing around any, that is known for all: a log, a measure of time. */
function readShared(reader: Reader, middleware: ts.Expression, procedure: Procedure, context: readonly Bound[]): { step: Step; isOwn: boolean } {
  const own = ownOf.get(reader) ?? new Set<ts.Node>();
  ownOf.set(reader, own);
  const mayShare = procedure.scope.size === 0 && !own.has(middleware);
  const read = readStep(reader, middleware, procedure, context);
  if (!read.isOwn || !mayShare || !isIdle(read.step)) return read;
  const { step } = readStep(reader, middleware, { ...procedure, path: undefined }, context);
  if (isIdle(step) && reader.project.budget.spent === undefined) return { step, isOwn: false };
  own.add(middleware);
  return read;
}

const isIdle = ({ transaction, contexts, databases, found }: Step): boolean =>
  transaction === undefined && contexts.length === 0 && databases.size === 0 &&
  found.every(({ collected: { broadcasts, writes, helpers } }) => broadcasts.length + writes.length + helpers.length === 0);

/** A procedure, or any one. */
type Any = Omit<Procedure, 'path'> & { path: string | undefined };

/** @returns `isOwn`: it asks which procedure it stands around. */
function readStep(reader: Reader, middleware: ts.Expression, procedure: Any, context: readonly Bound[]): { step: Step; isOwn: boolean } {
  const { project } = reader;
  const env: Env = { ...rootEnv(project, procedure.scope), context };
  const sync = syncMiddleware(middleware, env, 6);
  const step: Step = { sync, transaction: undefined, contexts: [], databases: new Map(), found: [] };
  let isOwn = false;
  for (const callable of callablesOf(middleware, env).found) {
    if (sync !== undefined && isPathcasts(callable, project)) continue;
    isOwn = readOne(reader, callable, procedure, [...context, ...step.contexts], step) || isOwn;
  }
  return { step, isOwn };
}

function take(step: Step, procedure: Procedure, around: Around): void {
  around.sync ??= step.sync;
  if (step.transaction !== undefined) around.transaction = step.transaction;
  around.context = [...around.context, ...step.contexts];
  for (const [name, database] of step.databases) around.databases.set(name, database);
  const { collected } = around;
  for (const { via, collected: found } of step.found) {
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

/** @returns Whether it asks for the name or the kind of the procedure. */
function readOne(reader: Reader, callable: Callable, procedure: Any, context: readonly Bound[], step: Step): boolean {
  const { project } = reader;
  const { ts: compiler } = project;
  const { fn } = callable;
  const [options] = fn.parameters;
  const asked = { isAsked: false };
  const scope = new Asked(callable.outer?.scope ?? procedure.scope, asked);
  if (options) bindOptions(compiler, options, procedure, scope, asked);
  const env: Env = {
    ...rootEnv(project, scope),
    activation: { fn, consulted: true },
    outer: callable.outer,
    context,
  };
  let mayAskLater = false;
  const onNext = (call: ts.CallExpression, at: Env): void => {
    if (at.transaction !== undefined) step.transaction = at.transaction;
    const [given] = call.arguments;
    const literal = given && unwrap(compiler, given);
    if (literal === undefined || !compiler.isObjectLiteralExpression(literal)) return;
    for (const part of literal.properties) {
      if (propertyName(compiler, part.name) !== 'ctx') continue;
      const expression = compiler.isPropertyAssignment(part) ? part.initializer : compiler.isShorthandPropertyAssignment(part) ? part.name : undefined;
      if (expression === undefined) continue;
      step.contexts.push({ expression, env: at });
      if (/\b(?:path|type)\b/.test(fn.getText()) || /\b(?:o|p|opts|options|params|args)\b(?!\??\.(?:ctx|input)\b)/.test(expression.getText())) mayAskLater = true;
      const held = databaseOf(expression, at);
      if (held?.kind === 'record') for (const [name, database] of held.properties) step.databases.set(name, database);
    }
  };
  const collected = reader.read(fn, env, { onNext });
  const name = functionName(compiler, fn);
  step.found.push({ via: name === '(anonymous)' ? 'middleware' : name, collected });
  return asked.isAsked || mayAskLater;
}

/** Notices that what it holds of a procedure is asked for. */
class Asked<K, V> extends Map<K, V> {
  readonly #own = new Set<K>();

  constructor(
    entries: Iterable<readonly [K, V]>,
    private readonly asked: { isAsked: boolean },
  ) {
    super();
    for (const [key, value] of entries) super.set(key, value);
  }

  setOwn(key: K, value: V): void {
    this.#own.add(key);
    super.set(key, value);
  }

  override get(key: K): V | undefined {
    if (this.#own.has(key)) this.asked.isAsked = true;
    return super.get(key);
  }

  override entries(): MapIterator<[K, V]> {
    if (this.#own.size > 0) this.asked.isAsked = true;
    return super.entries();
  }

  override values(): MapIterator<V> {
    if (this.#own.size > 0) this.asked.isAsked = true;
    return super.values();
  }

  override forEach(each: (value: V, key: K, map: Map<K, V>) => void): void {
    for (const [key, value] of this.entries()) each(value, key, this);
  }

  override [Symbol.iterator](): MapIterator<[K, V]> {
    return this.entries();
  }
}

/** `path` and `type` of the middleware's argument are known for a procedure. */
function bindOptions(compiler: typeof ts, options: ts.ParameterDeclaration, procedure: Any, scope: Asked<ts.Node, Value>, asked: { isAsked: boolean }): void {
  const text = (value: string | undefined, node: ts.Node): Value => (procedure.path === undefined || value === undefined ? { kind: 'unknown', why: 'each procedure has its own', node } : { kind: 'string', text: value, node });
  const known = (node: ts.Node): Map<string, Value> => {
    const properties = new Asked<string, Value>([], asked);
    properties.setOwn('path', text(procedure.path, node));
    properties.setOwn('type', text(procedure.kind, node));
    return properties;
  };
  scope.set(options, { kind: 'object', properties: known(options), complete: false, node: options });
  if (!compiler.isObjectBindingPattern(options.name)) return;
  for (const element of options.name.elements) {
    const name = propertyName(compiler, element.propertyName ?? element.name) ?? '';
    if (name === 'path') scope.setOwn(element, text(procedure.path, element));
    if (name === 'type') scope.setOwn(element, text(procedure.kind, element));
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
