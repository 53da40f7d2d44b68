/** Questions about a call that the reader asks. */
import type ts from 'typescript';
import type { FunctionNode } from '../../model.js';
import { databaseOf, plainDatabase } from '../databases/database.js';
import type { Database, Env } from '../code/environment.js';
import { calleeName, rootOf, shortText, unwrap } from '../code/syntax.js';
import { isStatementList } from './transactions.js';
/** Whether a chain starts at a database: then its calls are a query's. */
export function rootDatabase(node: ts.Expression, env: Env, compiler: typeof ts): boolean {
  let at = unwrap(compiler, node);
  for (;;) {
    const found = databaseOf(at, env);
    if (found !== undefined && found.kind !== 'record') return true;
    if (compiler.isPropertyAccessExpression(at) || compiler.isCallExpression(at)) at = unwrap(compiler, at.expression);
    else return false;
  }
}

/** A method of the transaction's own object: whatever it writes is inside. */
export function onTransaction(call: ts.CallExpression | ts.NewExpression, env: Env, compiler: typeof ts): boolean {
  const callee = unwrap(compiler, call.expression);
  return compiler.isPropertyAccessExpression(callee) && plainDatabase(callee.expression, env)?.kind === 'tx';
}

const calling = new WeakMap<ts.Node, boolean>();

/** Whether a way of `condition ? one : other` calls something: to ask which one is taken is worth while then. */
export function holdsCall(node: ts.ConditionalExpression, compiler: typeof ts): boolean {
  let known = calling.get(node);
  if (known === undefined) {
    const calls = (at: ts.Node): boolean => compiler.isCallExpression(at) || compiler.isTaggedTemplateExpression(at) || compiler.forEachChild(at, (child) => calls(child) || undefined) === true;
    calling.set(node, (known = calls(node.whenTrue) || calls(node.whenFalse)));
  }
  return known;
}

/** `caller.guests.create(…)`, `createCaller(ctx).guests.create(…)` */
export function callsProcedure(callee: ts.Expression, compiler: typeof ts): boolean {
  const root = compiler.isPropertyAccessExpression(callee) ? rootOf(compiler, callee) : undefined;
  return root !== undefined && compiler.isIdentifier(root) && /caller$/i.test(root.text);
}

/** A list of statements is written out, or made of another list. */
export function mayHoldStatements(node: ts.Expression, compiler: typeof ts): boolean {
  const inner = unwrap(compiler, node);
  // A helper's list too, and one statement that is begun here and run with others.
  return compiler.isArrayLiteralExpression(inner) || (compiler.isCallExpression(inner) && !compiler.isAwaitExpression(node)) || compiler.isConditionalExpression(inner);
}

/** `steps.push(prisma.guest.create(…))` */
export function pushesStatement(call: ts.CallExpression, env: Env): boolean {
  const { ts: compiler } = env.project;
  const callee = unwrap(compiler, call.expression);
  if (!compiler.isPropertyAccessExpression(callee) || !/^(push|unshift)$/.test(callee.name.text)) return false;
  return isStatementList(env.project.declarationOf(unwrap(compiler, callee.expression)), env);
}

/** `db.$with('gone').as(…)`, `db.with('gone', (qb) => …)`: what it writes is part of the statement around it. */
export function isCommonTable(call: ts.CallExpression, compiler: typeof ts): boolean {
  const name = calleeName(compiler, call.expression);
  if (name === 'with') return call.arguments.length === 2;
  const callee = unwrap(compiler, call.expression);
  if (name !== 'as' || !compiler.isPropertyAccessExpression(callee)) return false;
  const receiver = unwrap(compiler, callee.expression);
  return compiler.isCallExpression(receiver) && calleeName(compiler, receiver.expression) === '$with';
}

export function negated(node: ts.Expression, compiler: typeof ts): string {
  const inner = unwrap(compiler, node);
  if (compiler.isPrefixUnaryExpression(inner) && inner.operator === compiler.SyntaxKind.ExclamationToken) return shortText(inner.operand);
  const text = shortText(inner);
  return /^[\w.?!$[\]]+$/.test(text) ? `!${text}` : `!(${text})`;
}

export function skipWrappers(fn: FunctionNode, compiler: typeof ts): ts.Node {
  let at: ts.Node = fn.parent;
  while (compiler.isParenthesizedExpression(at) || compiler.isAsExpression(at)) at = at.parent;
  return at;
}

export function isWithin(node: ts.Node, holder: ts.Node): boolean {
  for (let at: ts.Node | undefined = node; at !== undefined; at = at.parent) if (at === holder) return true;
  return false;
}

/** What a helper is given as database: the first of its parameters that holds one. */
export function given(databases: ReadonlyMap<ts.Node, Database>, fn: FunctionNode): 'tx' | 'bare' | 'none' {
  for (const parameter of fn.parameters) {
    const database = databases.get(parameter);
    if (database?.kind === 'tx' || database?.kind === 'bare') return database.kind;
    if (database?.kind === 'record') {
      for (const part of database.properties.values()) if (part.kind === 'tx' || part.kind === 'bare') return part.kind;
    }
  }
  return 'none';
}
