/** `db.insert(guests)`: Drizzle, TypeORM's manager, and stores made by hand of the same shape. */
import type ts from 'typescript';
import type { Write } from '../../../report.js';
import type { Env } from '../../code/environment.js';
import { chainAfter, unwrap } from '../../code/syntax.js';
import { plainDatabase } from '../../databases/database.js';
import type { FoundWrite } from '../orm.js';
import { tablesOf } from '../tables.js';

const DRIZZLE: Readonly<Record<string, Write['operation']>> = { insert: 'insert', update: 'update', delete: 'delete' };
/** What stores made by hand call the same. */
const BY_HAND: Readonly<Record<string, Write['operation']>> = {
  ...DRIZZLE, patch: 'update', remove: 'delete', upsert: 'upsert', replace: 'upsert', save: 'upsert', softDelete: 'update', create: 'insert', put: 'upsert',
};

/** `db.insert(guests)`: Drizzle, TypeORM's manager, and stores of the same shape. */
export function ofTable(call: ts.CallExpression, callee: ts.PropertyAccessExpression, env: Env): FoundWrite[] | undefined {
  const method = callee.name.text;
  const { ts: compiler } = env.project;
  const [first] = call.arguments;
  const operation = BY_HAND[method];
  if (first === undefined || operation === undefined || !Object.hasOwn(BY_HAND, method)) return undefined;
  const argument = unwrap(compiler, first);
  const names = compiler.isIdentifier(argument) || compiler.isPropertyAccessExpression(argument) || compiler.isElementAccessExpression(argument) || compiler.isConditionalExpression(argument);
  if (!names) return undefined;
  const database = plainDatabase(callee.expression, env);
  const byDrizzle = Object.hasOwn(DRIZZLE, method);
  const found: FoundWrite[] = [];
  for (const table of tablesOf(argument, env)) {
    if (table.isTable === 'no') continue;
    const likely = table.isTable === 'yes' ? database !== undefined || (byDrizzle && table.by === 'drizzle') : byDrizzle && database?.strong === true;
    if (!likely) continue;
    const after = chainAfter(compiler, call);
    const upsert = after.includes('onConflictDoUpdate') || after.includes('onDuplicateKeyUpdate');
    found.push({
      table: table.name,
      operation: operation === 'insert' && upsert ? 'upsert' : operation,
      by: byDrizzle && table.by === 'drizzle' ? 'drizzle' : 'other',
      database: database?.kind ?? 'bare',
      node: call,
    });
  }
  for (const other of found.slice(1)) other.nested = true;
  return found.length > 0 ? found : undefined;
}
