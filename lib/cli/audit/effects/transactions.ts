/** Calls that run a callback inside a transaction. */
import type ts from 'typescript';
import { plainDatabase } from './database.js';
import type { Env } from './environment.js';
import { TRANSACTION_FUNCTION, TRANSACTION_METHODS } from './names.js';
import { calleeName, isInlineFunction, unwrap } from './syntax.js';
import { transactionMark } from './sql-text.js';

export interface TransactionCall {
  /** Run inside; the first parameter is the transaction. */
  callbacks: ts.Expression[];
  /** Statements in a list: one transaction, or one batch. */
  list: ts.Expression[];
  /** The callback takes no transaction: everything in it counts as inside. */
  kind: 'explicit' | 'ambient';
}

/**
 * `db.transaction(cb)`, `prisma.$transaction(cb | […])`, `db.transaction().execute(cb)`, `sync.transaction(run, work)`, and
 * functions out of sight that say so by name. `hasCode`: the project's own function, which is read instead.
 */
export function transactionOf(call: ts.CallExpression, env: Env, isFunction: (node: ts.Expression) => boolean, hasCode: () => boolean): TransactionCall | undefined {
  const { ts: compiler } = env.project;
  const callee = unwrap(compiler, call.expression);
  const name = calleeName(compiler, callee);
  if (name === undefined) return undefined;
  if (compiler.isPropertyAccessExpression(callee)) {
    const receiver = unwrap(compiler, callee.expression);
    if (name === 'execute' && endsInTransaction(receiver, compiler)) return of(call.arguments, isFunction, compiler);
    if (!TRANSACTION_METHODS.has(name) || !isFunctionOrList(call, isFunction, compiler)) return undefined;
    const onDatabase = plainDatabase(callee.expression, env) !== undefined;
    if (name === 'batch' || name === 'begin' || name === 'tx') return onDatabase ? of(call.arguments, isFunction, compiler) : undefined;
    return onDatabase || !hasCode() ? of(call.arguments, isFunction, compiler) : undefined;
  }
  if (!TRANSACTION_FUNCTION.test(name) || hasCode()) return undefined;
  return isFunctionOrList(call, isFunction, compiler) ? of(call.arguments, isFunction, compiler) : undefined;
}

function isFunctionOrList(call: ts.CallExpression, isFunction: (node: ts.Expression) => boolean, compiler: typeof ts): boolean {
  return call.arguments.some((argument) => compiler.isArrayLiteralExpression(unwrap(compiler, argument)) || isFunction(argument));
}

function of(args: readonly ts.Expression[], isFunction: (node: ts.Expression) => boolean, compiler: typeof ts): TransactionCall {
  const functions = args.filter(isFunction);
  const last = functions.at(-1);
  const list = args.map((argument) => unwrap(compiler, argument)).flatMap((argument) => (compiler.isArrayLiteralExpression(argument) ? [...argument.elements] : []));
  const inner = last && unwrap(compiler, last);
  const bare = inner !== undefined && isInlineFunction(compiler, inner) && inner.parameters.length === 0;
  return { callbacks: last === undefined ? [] : [last], list, kind: bare ? 'ambient' : 'explicit' };
}

/** `db.transaction()`, `db.transaction().setIsolationLevel('serializable')` of Kysely. */
function endsInTransaction(node: ts.Expression, compiler: typeof ts): boolean {
  if (!compiler.isCallExpression(node)) return false;
  const callee = unwrap(compiler, node.expression);
  if (!compiler.isPropertyAccessExpression(callee)) return false;
  if (callee.name.text === 'transaction' && node.arguments.length === 0) return true;
  return /^set[A-Z]/.test(callee.name.text) && endsInTransaction(unwrap(compiler, callee.expression), compiler);
}

/** Whether a statement, functions in it left out, begins or ends a transaction by SQL: `await client.query('BEGIN')`. */
export function markOf(statement: ts.Node, compiler: typeof ts): 'begin' | 'end' | undefined {
  let found: 'begin' | 'end' | undefined;
  const visit = (node: ts.Node): void => {
    if (compiler.isFunctionLike(node)) return;
    if (compiler.isCallExpression(node)) {
      const name = calleeName(compiler, node.expression) ?? '';
      const [first] = node.arguments;
      if (/^(query|execute|exec|run|unsafe|raw|executeSql)$/.test(name) && first !== undefined && compiler.isStringLiteralLike(first)) {
        found = transactionMark(first.text) ?? found;
      } else if (/^(beginTransaction|startTransaction)$/.test(name)) found = 'begin';
      else if (/^(commit|rollback|commitTransaction|rollbackTransaction|abortTransaction)$/.test(name)) found = 'end';
    }
    compiler.forEachChild(node, visit);
  };
  visit(statement);
  return found;
}
