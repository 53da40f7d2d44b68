/** `db.insertInto('guests')` */
import type ts from 'typescript';
import type { Write } from '../../../report.js';
import type { Env } from '../../code/environment.js';
import { chainAfter } from '../../code/syntax.js';
import { plainDatabase } from '../../databases/database.js';
import type { FoundWrite } from '../orm.js';
import { schemaOf } from '../schema/index.js';
import { stringsOf } from '../../code/strings.js';

const KYSELY: Readonly<Record<string, Write['operation']>> = {
  insertInto: 'insert', updateTable: 'update', deleteFrom: 'delete', replaceInto: 'upsert', mergeInto: 'upsert',
};

export function ofKysely(call: ts.CallExpression, callee: ts.PropertyAccessExpression, env: Env): FoundWrite[] | undefined {
  const method = callee.name.text;
  const [first] = call.arguments;
  const operation = Object.hasOwn(KYSELY, method) ? KYSELY[method] : undefined;
  if (operation === undefined || first === undefined) return undefined;
  const tables = stringsOf(env.project.evaluate(first, env.scope)) ?? ['?'];
  const upsert = chainAfter(env.project.ts, call).includes('onConflict');
  const database = plainDatabase(callee.expression, env)?.kind ?? 'bare';
  return tables.map((table) => ({
    table: schemaOf(env.project).named(table.replace(/\s+as\s.*$/i, '')),
    operation: operation === 'insert' && upsert ? 'upsert' : operation,
    by: 'other' as const,
    database,
    node: call,
  }));
}
