/** Prisma's models, and what is written to related ones along with them. */
import type ts from 'typescript';
import type { Write } from '../report.js';
import { databaseOf, plainDatabase } from './database.js';
import type { Env } from './environment.js';
import type { FoundWrite } from './writes.js';
import { propertyName, unwrap } from './syntax.js';

const METHODS: Readonly<Record<string, Write['operation']>> = {
  create: 'insert', createMany: 'insert', createManyAndReturn: 'insert',
  update: 'update', updateMany: 'update', updateManyAndReturn: 'update',
  upsert: 'upsert', delete: 'delete', deleteMany: 'delete',
};
const NESTED: Readonly<Record<string, Write['operation']>> = {
  create: 'insert', createMany: 'insert', connectOrCreate: 'upsert', update: 'update', updateMany: 'update', upsert: 'upsert', delete: 'delete', deleteMany: 'delete',
};

/** `prisma.guest.create({ data })`; undefined where the call is something else. */
export function ofPrisma(call: ts.CallExpression, callee: ts.PropertyAccessExpression, env: Env): FoundWrite[] | undefined {
  const { ts: compiler } = env.project;
  const operation = Object.hasOwn(METHODS, callee.name.text) ? METHODS[callee.name.text] : undefined;
  const model = unwrap(compiler, callee.expression);
  if (operation === undefined || !compiler.isPropertyAccessExpression(model)) return undefined;
  const database = plainDatabase(model.expression, env);
  if (database?.strong !== true || databaseOf(model, env) !== undefined) return undefined;
  // Prisma takes one object: `db.cache.delete('key')` is something else's.
  const [argument] = call.arguments;
  const given = argument && unwrap(compiler, argument);
  if (given !== undefined && (compiler.isStringLiteralLike(given) || compiler.isNumericLiteral(given) || call.arguments.length > 1)) return undefined;
  const found: FoundWrite[] = [{ table: model.name.text, operation, by: 'prisma', database: database.kind, node: call }];
  if (given !== undefined && compiler.isObjectLiteralExpression(given)) {
    for (const part of given.properties) {
      const name = propertyName(compiler, part.name);
      if (!compiler.isPropertyAssignment(part) || !(name === 'data' || name === 'create' || name === 'update')) continue;
      nested(part.initializer, env, model.name.text, database.kind, found);
    }
  }
  return found;
}

/** Relations written inside `data`: the relation's name stands for its table. */
function nested(node: ts.Expression, env: Env, owner: string, database: 'tx' | 'bare', found: FoundWrite[]): void {
  const { ts: compiler } = env.project;
  const data = unwrap(compiler, node);
  if (!compiler.isObjectLiteralExpression(data)) return;
  for (const part of data.properties) {
    if (!compiler.isPropertyAssignment(part)) continue;
    const relation = propertyName(compiler, part.name);
    const value = unwrap(compiler, part.initializer);
    if (relation === undefined || !compiler.isObjectLiteralExpression(value)) continue;
    for (const inner of value.properties) {
      const name = propertyName(compiler, inner.name);
      if (name === undefined || !compiler.isPropertyAssignment(inner) || !Object.hasOwn(NESTED, name)) continue;
      const operation = NESTED[name];
      if (operation === undefined) continue;
      found.push({
        table: relation,
        operation,
        by: 'prisma',
        database,
        node: inner,
        note: `${relation} is written as a relation of ${owner}, in the same statement`,
      });
      nested(inner.initializer, env, relation, database, found);
    }
  }
}
