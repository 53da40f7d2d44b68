/** Which expressions are databases, and whether they are a transaction's own. */
import type ts from 'typescript';
import { databaseBinding, homeOf, type Database, type Env } from '../code/environment.js';
import {
  databaseByName,
  databaseByType,
  DATABASE_GETTERS,
  DATABASE_MAKERS,
  SAME_DATABASE,
  TRANSACTION_METHODS,
  WEAK_DATABASE_MAKERS,
} from '../code/names.js';
import { calleeName, isInlineFunction, propertyName, returnsOf, unwrap } from '../code/syntax.js';

/** Steps through names and calls before the search for a database gives up. */
const MAX_STEPS = 12;

/** What `node` is as a database; undefined where it is none, as far as can be seen. */
export function databaseOf(node: ts.Expression, env: Env, steps = MAX_STEPS): Database | undefined {
  if (steps === 0 || !env.project.budget.step()) return undefined;
  const { ts: compiler } = env.project;
  const inner = unwrap(compiler, node);
  if (compiler.isIdentifier(inner)) return ofName(inner, env, steps);
  if (compiler.isPropertyAccessExpression(inner)) return ofProperty(inner, env, steps);
  if (compiler.isObjectLiteralExpression(inner)) return ofLiteral(inner, env, steps);
  if (compiler.isNewExpression(inner)) return madeBy(calleeName(compiler, inner.expression));
  if (compiler.isConditionalExpression(inner)) {
    return either(databaseOf(inner.whenTrue, env, steps - 1), databaseOf(inner.whenFalse, env, steps - 1));
  }
  if (compiler.isBinaryExpression(inner)) {
    const operator = inner.operatorToken.kind;
    if (operator !== compiler.SyntaxKind.QuestionQuestionToken && operator !== compiler.SyntaxKind.BarBarToken) return undefined;
    const left = databaseOf(inner.left, env, steps - 1);
    if (left?.kind === 'absent' || left === undefined) return databaseOf(inner.right, env, steps - 1);
    if (left.kind === 'tx' && isOptional(inner.left, env)) return either(left, databaseOf(inner.right, env, steps - 1));
    return left;
  }
  if (compiler.isCallExpression(inner)) return ofCall(inner, env, steps);
  return undefined;
}

/** The same, where only a database itself will do. */
export function plainDatabase(node: ts.Expression, env: Env): { kind: 'bare' | 'tx'; strong: boolean } | undefined {
  const found = databaseOf(node, env);
  return found?.kind === 'bare' || found?.kind === 'tx' ? found : undefined;
}

function either(first: Database | undefined, second: Database | undefined): Database | undefined {
  if (first === undefined || first.kind === 'absent') return second;
  if (second === undefined || second.kind === 'absent') return first;
  return first.kind === 'tx' ? second : first;
}

/** A parameter of a function that is read on its own: nobody says whether it was given. */
function isOptional(node: ts.Expression, env: Env): boolean {
  const declaration = env.project.declarationOf(unwrap(env.project.ts, node));
  return declaration !== undefined && databaseBinding(env, declaration) === undefined;
}

function madeBy(name: string | undefined): Database | undefined {
  if (name === undefined) return undefined;
  if (DATABASE_MAKERS.test(name)) return { kind: 'bare', strong: true };
  return WEAK_DATABASE_MAKERS.test(name) ? { kind: 'bare', strong: false } : undefined;
}

function ofName(name: ts.Identifier, env: Env, steps: number): Database | undefined {
  const declaration = env.project.declarationOf(name);
  const byName = databaseByName(name.text);
  if (declaration === undefined) return byName;
  return ofDeclaration(declaration, env, steps) ?? (mayBeDatabase(declaration, env) ? byName : undefined);
}

/** A function or a class is no database, whatever its name. */
function mayBeDatabase(declaration: ts.Declaration, env: Env): boolean {
  const { ts: compiler } = env.project;
  if (compiler.isVariableDeclaration(declaration) && declaration.initializer) {
    const made = unwrap(compiler, declaration.initializer);
    if (isInlineFunction(compiler, made) || compiler.isArrayLiteralExpression(made) || compiler.isStringLiteralLike(made)) return false;
    return !(compiler.isNewExpression(made) && /^(Map|Set|WeakMap|WeakSet|Array|LRUCache|EventEmitter)$/.test(calleeName(compiler, made.expression) ?? ''));
  }
  return !compiler.isFunctionDeclaration(declaration) && !compiler.isClassLike(declaration) && !compiler.isEnumDeclaration(declaration);
}

function ofDeclaration(declaration: ts.Declaration, env: Env, steps: number): Database | undefined {
  const { ts: compiler } = env.project;
  const bound = databaseBinding(env, declaration);
  if (bound !== undefined) return bound;
  if (compiler.isBindingElement(declaration)) return ofElement(declaration, env, steps);
  if (compiler.isParameter(declaration)) {
    return declaration.type ? databaseByType(declaration.type.getText()) : undefined;
  }
  if (compiler.isVariableDeclaration(declaration)) {
    const byType = declaration.type ? databaseByType(declaration.type.getText()) : undefined;
    if (byType !== undefined) return byType;
    if (declaration.initializer) return databaseOf(declaration.initializer, homeOf(env, declaration) ?? env, steps - 1);
    return undefined;
  }
  if (compiler.isPropertyAssignment(declaration)) return databaseOf(declaration.initializer, env, steps - 1);
  if (compiler.isPropertyDeclaration(declaration)) {
    const byType = declaration.type ? databaseByType(declaration.type.getText()) : undefined;
    return byType ?? (declaration.initializer ? databaseOf(declaration.initializer, env, steps - 1) : undefined);
  }
  return undefined;
}

/** `{ db }` of a parameter or of a variable. */
function ofElement(element: ts.BindingElement, env: Env, steps: number): Database | undefined {
  const { ts: compiler } = env.project;
  const name = propertyName(compiler, element.propertyName ?? element.name);
  if (name === undefined || !compiler.isObjectBindingPattern(element.parent)) return undefined;
  const holder = element.parent.parent;
  let held: Database | undefined;
  if (compiler.isBindingElement(holder)) held = databaseBinding(env, holder) ?? ofElement(holder, env, steps);
  else if (compiler.isParameter(holder)) held = databaseBinding(env, holder);
  else if (holder.initializer) held = databaseOf(holder.initializer, homeOf(env, holder) ?? env, steps - 1);
  const part = held?.kind === 'record' ? held.properties.get(name) : undefined;
  return part ?? databaseByName(name);
}

function ofProperty(access: ts.PropertyAccessExpression, env: Env, steps: number): Database | undefined {
  const { ts: compiler } = env.project;
  const name = access.name.text;
  const object = unwrap(compiler, access.expression);
  if (object.kind === compiler.SyntaxKind.ThisKeyword) {
    const own = ofThis(name, env, steps);
    if (own !== undefined) return own;
  } else {
    const held = databaseOf(object, env, steps - 1);
    if (held?.kind === 'record') {
      const part = held.properties.get(name);
      if (part !== undefined) return part;
    }
    // `db.primary`, and a table's `db.guest` of Prisma: the database's own parts are none themselves.
    if (held !== undefined && held.kind !== 'record' && held.kind !== 'absent') {
      return /^(primary|replica|write|writer|client|connection|manager)$/.test(name) ? held : undefined;
    }
  }
  return databaseByName(name);
}

/** `this.db` of an instance whose `new` was seen. */
function ofThis(name: string, env: Env, steps: number): Database | undefined {
  const { ts: compiler } = env.project;
  if (env.self === undefined) return undefined;
  const { made, env: maker } = env.self;
  const type = env.project.declarationOf(unwrap(compiler, made.expression));
  if (type === undefined || !compiler.isClassLike(type)) return undefined;
  const constructor = type.members.find((member) => compiler.isConstructorDeclaration(member));
  if (constructor === undefined) return undefined;
  let index = constructor.parameters.findIndex(
    (parameter) => compiler.isIdentifier(parameter.name) && parameter.name.text === name && (parameter.modifiers?.length ?? 0) > 0,
  );
  if (index < 0) {
    for (const statement of constructor.body?.statements ?? []) {
      if (!compiler.isExpressionStatement(statement) || !compiler.isBinaryExpression(statement.expression)) continue;
      const { left, right } = statement.expression;
      if (!compiler.isPropertyAccessExpression(left) || left.name.text !== name) continue;
      const from = env.project.declarationOf(unwrap(compiler, right));
      index = constructor.parameters.findIndex((parameter) => parameter === from);
    }
  }
  const argument = index < 0 ? undefined : made.arguments?.[index];
  return argument === undefined ? undefined : databaseOf(argument, maker, steps - 1);
}

/** An object that holds databases: `{ ...ctx, db: tx }`. */
function ofLiteral(literal: ts.ObjectLiteralExpression, env: Env, steps: number): Database | undefined {
  const { ts: compiler } = env.project;
  const properties = new Map<string, Database>();
  for (const part of literal.properties) {
    if (compiler.isSpreadAssignment(part)) {
      const held = databaseOf(part.expression, env, steps - 1);
      if (held?.kind === 'record') for (const [name, database] of held.properties) properties.set(name, database);
      continue;
    }
    const name = propertyName(compiler, part.name);
    if (name === undefined) continue;
    let value: Database | undefined;
    if (compiler.isShorthandPropertyAssignment(part)) value = ofShorthand(part, env, steps);
    else if (compiler.isPropertyAssignment(part)) value = databaseOf(part.initializer, env, steps - 1);
    if (value !== undefined) properties.set(name, value);
    else properties.delete(name);
  }
  return properties.size === 0 ? undefined : { kind: 'record', properties };
}

function ofShorthand(part: ts.ShorthandPropertyAssignment, env: Env, steps: number): Database | undefined {
  const declaration = env.project.declarationOf(part.name);
  return (declaration && ofDeclaration(declaration, env, steps)) ?? databaseByName(part.name.text);
}

function ofCall(call: ts.CallExpression, env: Env, steps: number): Database | undefined {
  const { ts: compiler } = env.project;
  const callee = unwrap(compiler, call.expression);
  const name = calleeName(compiler, callee);
  if (name === undefined) return undefined;
  if (compiler.isPropertyAccessExpression(callee)) {
    const held = databaseOf(callee.expression, env, steps - 1);
    if (held !== undefined && (held.kind === 'bare' || held.kind === 'tx')) {
      if (SAME_DATABASE.has(name)) return held;
      // `const trx = await knex.transaction()`: nobody's callback.
      const callback = call.arguments.some((argument) => isInlineFunction(compiler, argument));
      if (TRANSACTION_METHODS.has(name) && !callback && name !== 'batch') return { kind: 'tx', strong: true };
      return undefined;
    }
  }
  // sync.transactional(drizzle(…))
  if (name === 'transactional' && call.arguments[0]) return databaseOf(call.arguments[0], env, steps - 1);
  if (DATABASE_MAKERS.test(name) || DATABASE_GETTERS.test(name)) return { kind: 'bare', strong: true };
  const made = madeBy(name);
  if (made !== undefined) return made;
  if (/^(get)?Repository$/.test(name) || call.arguments.length > 2) return undefined;
  const fn = env.project.functionOf(callee, env.scope);
  if (fn === undefined || !/db|database|prisma|knex|client|connection|tx|executor/i.test(name)) return undefined;
  for (const result of returnsOf(compiler, fn)) {
    const database = databaseOf(result, env, steps - 1);
    if (database !== undefined) return database;
  }
  return undefined;
}

/** What the parameters of a call hold, by their declarations. Parameters that hold none are left out. */
export function databasesOfArguments(args: ReadonlyMap<ts.Node, { expression: ts.Expression | undefined }>, caller: Env): Map<ts.Node, Database> {
  const { ts: compiler } = caller.project;
  const found = new Map<ts.Node, Database>();
  for (const [parameter, bound] of args) {
    if (!compiler.isParameter(parameter)) continue;
    if (bound.expression === undefined) {
      const defaulted = parameter.initializer ? databaseOf(parameter.initializer, caller) : undefined;
      found.set(parameter, defaulted ?? { kind: 'absent' });
      continue;
    }
    const database = databaseOf(bound.expression, caller);
    if (database === undefined) continue;
    found.set(parameter, database);
    if (compiler.isObjectBindingPattern(parameter.name) && database.kind === 'record') {
      spreadPattern(compiler, parameter.name, database, found);
    }
  }
  return found;
}

function spreadPattern(compiler: typeof ts, pattern: ts.ObjectBindingPattern, record: Database, found: Map<ts.Node, Database>): void {
  if (record.kind !== 'record') return;
  for (const element of pattern.elements) {
    const name = propertyName(compiler, element.propertyName ?? element.name);
    const part = name === undefined ? undefined : record.properties.get(name);
    if (part === undefined) continue;
    found.set(element, part);
    if (compiler.isObjectBindingPattern(element.name)) spreadPattern(compiler, element.name, part, found);
  }
}

/** The key under which a call's databases are remembered. */
export function signatureOf(databases: ReadonlyMap<ts.Node, Database>): string {
  const text = (database: Database): string =>
    database.kind === 'record'
      ? `{${[...database.properties].map(([name, part]) => `${name}:${text(part)}`).sort().join()}}`
      : `${database.kind}${'strong' in database && database.strong ? '!' : ''}`;
  return [...databases].map(([node, database]) => `${node.pos}=${text(database)}`).join(';');
}
