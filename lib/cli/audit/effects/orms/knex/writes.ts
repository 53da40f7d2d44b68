/** `knex('guests').where(…).update(…)` */
import type ts from 'typescript';
import type { Write } from '../../../report.js';
import type { Env } from '../../code/environment.js';
import { calleeName, chainAfter, unwrap } from '../../code/syntax.js';
import { plainDatabase } from '../../databases/database.js';
import type { FoundWrite } from '../orm.js';
import { schemaOf } from '../schema/index.js';
import { stringsOf } from '../../code/strings.js';

export const KNEX: Readonly<Record<string, Write['operation']>> = {
  insert: 'insert', update: 'update', del: 'delete', delete: 'delete', increment: 'update', decrement: 'update', truncate: 'delete', upsert: 'upsert',
};

/** `knex('guests').where(…).update(…)`, `trx.insert(row).into('guests')`, `knex.batchInsert('guests', rows)`. */
export function ofKnex(call: ts.CallExpression, callee: ts.PropertyAccessExpression, env: Env): FoundWrite[] | undefined {
  const method = callee.name.text;
  const { ts: compiler } = env.project;
  if (method === 'batchInsert' && call.arguments[0]) {
    const database = plainDatabase(callee.expression, env);
    const tables = stringsOf(env.project.evaluate(call.arguments[0], env.scope)) ?? ['?'];
    return database && tables.map((table) => ({ table, operation: 'insert' as const, by: 'knex' as const, database: database.kind, node: call }));
  }
  const operation = Object.hasOwn(KNEX, method) ? KNEX[method] : undefined;
  if (operation === undefined) return undefined;
  const base = knexBase(callee.expression, env) ?? (operation === 'insert' ? knexInto(call, callee, env) : undefined);
  if (base === undefined) return undefined;
  const after = chainAfter(compiler, call);
  const database = isTransacting(call, env) ? 'tx' : base.database;
  return base.tables.map((table) => ({
    table: schemaOf(env.project).named(table),
    operation: operation === 'insert' && after.includes('merge') ? 'upsert' : operation,
    by: 'knex' as const,
    database,
    node: call,
  }));
}

/** `.transacting(trx)` anywhere in the chain around a call. */
function isTransacting(call: ts.CallExpression, env: Env): boolean {
  const { ts: compiler } = env.project;
  let top: ts.Node = call;
  while (compiler.isPropertyAccessExpression(top.parent) && compiler.isCallExpression(top.parent.parent)) top = top.parent.parent;
  for (let at: ts.Node = top; compiler.isCallExpression(at); ) {
    const callee: ts.Expression = unwrap(compiler, at.expression);
    if (!compiler.isPropertyAccessExpression(callee)) return false;
    const [first] = at.arguments;
    if (callee.name.text === 'transacting' && first) return plainDatabase(first, env)?.kind === 'tx';
    at = unwrap(compiler, callee.expression);
  }
  return false;
}

interface Base {
  tables: string[];
  database: 'tx' | 'bare';
}

function knexBase(node: ts.Expression, env: Env): Base | undefined {
  const { ts: compiler } = env.project;
  let at = unwrap(compiler, node);
  let named: string[] | undefined;
  for (;;) {
    if (compiler.isPropertyAccessExpression(at)) at = unwrap(compiler, at.expression);
    else if (!compiler.isCallExpression(at)) return undefined;
    else {
      const callee = unwrap(compiler, at.expression);
      const name = calleeName(compiler, callee);
      const [first] = at.arguments;
      const direct = plainDatabase(callee, env);
      if (direct !== undefined && first !== undefined && at.arguments.length <= 2) {
        const tables = stringsOf(env.project.evaluate(first, env.scope));
        return tables === undefined ? (direct.strong ? { tables: ['?'], database: direct.kind } : undefined) : { tables: tables.map(plainName), database: direct.kind };
      }
      if ((name === 'table' || name === 'from' || name === 'into') && first !== undefined && compiler.isPropertyAccessExpression(callee)) {
        named = stringsOf(env.project.evaluate(first, env.scope))?.map(plainName);
        const database = plainDatabase(callee.expression, env);
        if (database !== undefined && named !== undefined) return { tables: named, database: database.kind };
      }
      at = callee;
    }
  }
}

function knexInto(call: ts.CallExpression, callee: ts.PropertyAccessExpression, env: Env): Base | undefined {
  const { ts: compiler } = env.project;
  const database = plainDatabase(callee.expression, env);
  const access = call.parent;
  if (database === undefined || !compiler.isPropertyAccessExpression(access) || access.name.text !== 'into') return undefined;
  const into = access.parent;
  if (!compiler.isCallExpression(into) || into.arguments[0] === undefined) return undefined;
  return { tables: (stringsOf(env.project.evaluate(into.arguments[0], env.scope)) ?? ['?']).map(plainName), database: database.kind };
}

export const plainName = (name: string): string => name.replace(/\s+as\s.*$/i, '').replace(/^.*\./, '');
