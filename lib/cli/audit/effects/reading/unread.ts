/** A call whose code cannot be found: why it is told of, where that code may well read a table. */
import type ts from 'typescript';
import { plainDatabase } from '../databases/database.js';
import type { Env } from '../code/environment.js';
import { ACTING, READS, SAME_DATABASE, THROUGH_CALLER, TRANSACTION_METHODS } from '../code/names.js';
import { originOf } from '../code/origin.js';
import { isPlainData } from '../code/plain-data.js';
import { calleeName, isInlineFunction, rootOf, unwrap } from '../code/syntax.js';
import { databaseGiven, isLanguageOfOrm } from './out-of-sight.js';
import { callsProcedure, rootDatabase } from './questions.js';

const NOT_FOUND = 'its code could not be found';
/** Receivers of the context that hold no tables. */
const NO_STORE = /^(headers|cookies?|params|searchParams|query|req|res|request|response|reply|logger|log|console|env|config|input|i18n|t)$/i;
/** Of a database, and no statement: clauses of a query that is read at its FROM, and what begins one. */
const OF_QUERY =
  /^(select\w*|with\w*|\$with|query|from|as|on|where\w*|having|orderBy|groupBy|limit|offset|execute|all|get|first|run|values|set|returning\w*|for|prepare|\$dynamic|\$count|insert\w*|update\w*|delete\w*|\$\w+|\w*Join\w*|union\w*|intersect\w*|except\w*|distinct\w*|ref|fn|raw|schema|dynamic|batch|connect|end|destroy|close|release|then|catch|finally|map|on\w*|toSQL|toString|using|merge\w*|get\w*Repository|createQuery\w+|createEntityManager|manager|replaceInto|deleteFrom|insertInto)$/;

/** Undefined where nothing is feared of the call. Only asked where no library of databases knows it. */
export function readFearOf(call: ts.CallExpression, env: Env): string | undefined {
  const { ts: compiler } = env.project;
  const callee = unwrap(compiler, call.expression);
  const name = calleeName(compiler, callee);
  if (name === undefined) return compiler.isElementAccessExpression(callee) ? 'it is chosen at run time' : undefined;
  if (!compiler.isPropertyAccessExpression(callee)) return ofFunction(call, callee, env);
  if (isPlainData(callee.expression, env.project)) return undefined;
  if (callsProcedure(callee, compiler)) return THROUGH_CALLER;
  const database = plainDatabase(callee.expression, env);
  if (database !== undefined) {
    const isPlain = OF_QUERY.test(name) || SAME_DATABASE.has(name) || TRANSACTION_METHODS.has(name);
    return database.strong && !isPlain ? 'it is a method of the database that is not known' : undefined;
  }
  const why = ofPackage(call, callee, env) ?? ofOwn(callee, name, env);
  // A further clause of a query. Asked last: of a long chain each call would ask for the whole of it.
  return why !== undefined && rootDatabase(callee.expression, env, compiler) ? undefined : why;
}

function ofFunction(call: ts.CallExpression, callee: ts.Expression, env: Env): string | undefined {
  const origin = originOf(callee, env.project);
  if (origin === undefined || isLanguageOfOrm(origin)) return undefined;
  const given = databaseGiven(call.arguments, env) ?? (origin.made && databaseGiven(origin.made.arguments ?? [], env));
  return given && plainDatabase(call, env) === undefined ? `${origin.module} is given the database, and what it reads was not seen` : undefined;
}

function ofPackage(call: ts.CallExpression, callee: ts.PropertyAccessExpression, env: Env): string | undefined {
  const origin = originOf(callee.expression, env.project) ?? originOf(callee, env.project);
  if (origin === undefined || isLanguageOfOrm(origin)) return undefined;
  const holds = databaseGiven(call.arguments, env) ?? (origin.made && databaseGiven(origin.made.arguments ?? [], env));
  return holds && !call.arguments.some((argument) => isInlineFunction(env.project.ts, argument)) ? `${origin.module} is given the database, and what it reads was not seen` : undefined;
}

/** What is asked of the context, of `this`, of services. */
function ofOwn(callee: ts.PropertyAccessExpression, name: string, env: Env): string | undefined {
  const { ts: compiler } = env.project;
  if (!READS.test(name) && !ACTING.test(name)) return undefined;
  const root = rootOf(compiler, callee);
  const isOwn = root.kind === compiler.SyntaxKind.ThisKeyword || (compiler.isIdentifier(root) && /^(ctx|context|services?|repos?|repositor(y|ies))$/.test(root.text));
  const receiver = calleeName(compiler, callee.expression) ?? '';
  return isOwn && !NO_STORE.test(receiver) ? NOT_FOUND : undefined;
}
