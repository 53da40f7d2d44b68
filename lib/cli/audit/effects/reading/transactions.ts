/** Calls that run a callback inside a transaction. */
import type ts from 'typescript';
import { plainDatabase } from '../databases/database.js';
import type { Env } from '../code/environment.js';
import { TRANSACTION_FUNCTION, TRANSACTION_METHODS } from '../code/names.js';
import { calleeName, isInlineFunction, unwrap } from '../code/syntax.js';
import { transactionMark } from '../orms/sql-text.js';

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
export function transactionOf(call: ts.CallExpression, env: Env, isFunction: (node: ts.Expression) => boolean, hasCode: () => boolean, isSaid = false): TransactionCall | undefined {
  const { ts: compiler } = env.project;
  const callee = unwrap(compiler, call.expression);
  const name = calleeName(compiler, callee);
  if (name === undefined) return undefined;
  // The settings say so, whatever its code looks like.
  if (isSaid) return isFunctionOrList(call, isFunction, compiler) ? of(call.arguments, isFunction, compiler) : undefined;
  if (compiler.isPropertyAccessExpression(callee)) {
    const receiver = unwrap(compiler, callee.expression);
    if (name === 'execute' && endsInTransaction(receiver, compiler)) return of(call.arguments, isFunction, compiler);
    if (!TRANSACTION_METHODS.has(name)) return undefined;
    // Made elsewhere: `rows.map((row) => prisma.guest.update(…))`, a list that was filled before.
    const [made] = call.arguments;
    if (TAKES_LIST.has(name) && made && (isMapped(made, compiler) || !isFunctionOrList(call, isFunction, compiler)) && plainDatabase(callee.expression, env) !== undefined) {
      return { callbacks: [], list: [made], kind: 'ambient' };
    }
    if (!isFunctionOrList(call, isFunction, compiler)) return undefined;
    const onDatabase = plainDatabase(callee.expression, env) !== undefined;
    if (name === 'batch' || name === 'begin' || name === 'tx') return onDatabase ? of(call.arguments, isFunction, compiler) : undefined;
    return onDatabase || !hasCode() ? of(call.arguments, isFunction, compiler) : undefined;
  }
  if (!TRANSACTION_FUNCTION.test(name) || hasCode()) return undefined;
  return isFunctionOrList(call, isFunction, compiler) ? of(call.arguments, isFunction, compiler) : undefined;
}

/** `rows.map((row) => …)` */
function isMapped(node: ts.Expression, compiler: typeof ts): boolean {
  const inner = unwrap(compiler, node);
  return compiler.isCallExpression(inner) && /^(map|flatMap|filter|concat|flat)$/.test(calleeName(compiler, inner.expression) ?? '');
}

/** Methods that run a list of statements as one. */
const TAKES_LIST = new Set(['$transaction', 'batch']);

const lists = new WeakMap<ts.Declaration, boolean>();

/** Whether a variable holds statements that are all handed to one transaction: `const steps = […]; steps.push(…); prisma.$transaction(steps)`. */
export function isStatementList(declaration: ts.Declaration | undefined, env: Env): boolean {
  if (declaration === undefined) return false;
  let known = lists.get(declaration);
  if (known === undefined) lists.set(declaration, (known = isGivenWhole(declaration, env)));
  return known;
}

function isGivenWhole(declaration: ts.Declaration, env: Env): boolean {
  const { ts: compiler } = env.project;
  if (!compiler.isVariableDeclaration(declaration) || !compiler.isIdentifier(declaration.name)) return false;
  const { text } = declaration.name;
  if (!/\$transaction|\.batch\b/.test(declaration.getSourceFile().text)) return false;
  let block: ts.Node = declaration;
  while (!compiler.isBlock(block) && !compiler.isSourceFile(block)) block = block.parent;
  let found = false;
  const visit = (node: ts.Node): void => {
    if (found) return;
    if (compiler.isCallExpression(node) && TAKES_LIST.has(calleeName(compiler, node.expression) ?? '')) {
      const given = node.arguments.map((argument) => unwrap(compiler, argument));
      found = given.some((argument) => holds(argument, text, declaration, env));
    }
    compiler.forEachChild(node, visit);
  };
  visit(block);
  return found;
}

/** `steps`, `[...steps]`, `[first, second]`, `steps.filter(Boolean)` */
function holds(argument: ts.Expression, text: string, declaration: ts.Declaration, env: Env): boolean {
  const { ts: compiler } = env.project;
  const inner = unwrap(compiler, argument);
  if (compiler.isIdentifier(inner)) return inner.text === text && env.project.declarationOf(inner) === declaration;
  if (compiler.isArrayLiteralExpression(inner)) return inner.elements.some((element) => holds(compiler.isSpreadElement(element) ? element.expression : element, text, declaration, env));
  if (!compiler.isCallExpression(inner)) return false;
  const callee = unwrap(compiler, inner.expression);
  return compiler.isPropertyAccessExpression(callee) && /^(filter|concat|flat|map)$/.test(callee.name.text) && holds(callee.expression, text, declaration, env);
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

const marks = new WeakMap<ts.Node, 'begin' | 'end' | 'none'>();

/** Whether a statement, functions in it left out, begins or ends a transaction by SQL: `await client.query('BEGIN')`. */
export function markOf(statement: ts.Node, compiler: typeof ts): 'begin' | 'end' | undefined {
  let known = marks.get(statement);
  if (known === undefined) marks.set(statement, (known = markIn(statement, compiler) ?? 'none'));
  return known === 'none' ? undefined : known;
}

function markIn(statement: ts.Node, compiler: typeof ts): 'begin' | 'end' | undefined {
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
