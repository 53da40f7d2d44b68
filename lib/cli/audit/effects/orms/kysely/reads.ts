/** `db.selectFrom('guests').innerJoin('hotels', …)` */
import type ts from 'typescript';
import type { Env } from '../../code/environment.js';
import { calleeName, chainBefore } from '../../code/syntax.js';
import type { FoundRead } from '../orm.js';
import { tablesNamed } from '../strings.js';

const JOINS = /^(inner|left|right|full|cross|outer)(Outer)?Join(Lateral)?$|^(inner|left|right|full|cross|outer)?Apply$/;
const BEGINS = new Set(['selectFrom', 'updateTable', 'deleteFrom']);

export function readsOfKysely(call: ts.CallExpression, callee: ts.Expression, env: Env): FoundRead[] | undefined {
  const { ts: compiler } = env.project;
  if (!compiler.isPropertyAccessExpression(callee)) return undefined;
  const method = callee.name.text;
  const [first] = call.arguments;
  if (first === undefined) return undefined;
  const along = JOINS.test(method) || method === 'from' || method === 'using';
  if (method !== 'selectFrom' && !along) return undefined;
  if (along && !chainBefore(compiler, callee.expression).some((one) => BEGINS.has(calleeName(compiler, one.expression) ?? ''))) return undefined;
  const tables = tablesNamed(first, env);
  return (tables ?? []).map((table) => ({
    table,
    by: 'other' as const,
    node: call,
    ...(table === '?' ? { why: 'which table it reads is decided at run time' } : {}),
    ...(along ? { along: true as const } : {}),
  }));
}
