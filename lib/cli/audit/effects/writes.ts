/** Calls that write to a database. */
import type ts from 'typescript';
import type { Write } from '../report.js';
import { plainDatabase } from './database.js';
import type { Env } from './environment.js';
import type { FoundWrite } from './found-write.js';
import { ofRawSql, ofStatement } from './writes-sql.js';
import { ofPrisma } from './writes-prisma.js';
import { calleeName, chainAfter, unwrap } from './syntax.js';
import { stringsOf, tablesOf } from './tables.js';

/** What one call writes, calls inside its arguments left out. */
export function writesOfCall(call: ts.CallExpression, env: Env): FoundWrite[] {
  const { ts: compiler } = env.project;
  const callee = unwrap(compiler, call.expression);
  if (!compiler.isPropertyAccessExpression(callee)) return [];
  const method = callee.name.text;
  return (
    ofStatement(call, callee, env) ??
    ofRawSql(call, callee, env) ??
    ofPrisma(call, callee, env) ??
    ofKysely(call, method, callee, env) ??
    ofKnex(call, method, callee, env) ??
    ofTable(call, method, callee, env) ??
    ofRepository(call, method, callee, env) ??
    ofDocument(call, method, callee, env) ??
    []
  );
}

const DRIZZLE: Readonly<Record<string, Write['operation']>> = { insert: 'insert', update: 'update', delete: 'delete' };
/** What stores made by hand call the same. */
const BY_HAND: Readonly<Record<string, Write['operation']>> = {
  ...DRIZZLE, patch: 'update', remove: 'delete', upsert: 'upsert', replace: 'upsert', save: 'upsert', softDelete: 'update', create: 'insert', put: 'upsert',
};

/** `db.insert(guests)`: Drizzle, TypeORM's manager, and stores of the same shape. */
function ofTable(call: ts.CallExpression, method: string, callee: ts.PropertyAccessExpression, env: Env): FoundWrite[] | undefined {
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

const KYSELY: Readonly<Record<string, Write['operation']>> = {
  insertInto: 'insert', updateTable: 'update', deleteFrom: 'delete', replaceInto: 'upsert', mergeInto: 'upsert',
};

function ofKysely(call: ts.CallExpression, method: string, callee: ts.PropertyAccessExpression, env: Env): FoundWrite[] | undefined {
  const [first] = call.arguments;
  const operation = Object.hasOwn(KYSELY, method) ? KYSELY[method] : undefined;
  if (operation === undefined || first === undefined) return undefined;
  const tables = stringsOf(env.project.evaluate(first, env.scope)) ?? ['?'];
  const upsert = chainAfter(env.project.ts, call).includes('onConflict');
  const database = plainDatabase(callee.expression, env)?.kind ?? 'bare';
  return tables.map((table) => ({
    table: table.replace(/\s+as\s.*$/i, ''),
    operation: operation === 'insert' && upsert ? 'upsert' : operation,
    by: 'other' as const,
    database,
    node: call,
  }));
}

const KNEX: Readonly<Record<string, Write['operation']>> = {
  insert: 'insert', update: 'update', del: 'delete', delete: 'delete', increment: 'update', decrement: 'update', truncate: 'delete', upsert: 'upsert',
};

/** `knex('guests').where(…).update(…)`, `trx.insert(row).into('guests')`, `knex.batchInsert('guests', rows)`. */
function ofKnex(call: ts.CallExpression, method: string, callee: ts.PropertyAccessExpression, env: Env): FoundWrite[] | undefined {
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
    table,
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

const plainName = (name: string): string => name.replace(/\s+as\s.*$/i, '').replace(/^.*\./, '');

const REPOSITORY: Readonly<Record<string, Write['operation']>> = {
  save: 'upsert', insert: 'insert', update: 'update', upsert: 'upsert', delete: 'delete', remove: 'delete', softDelete: 'update', softRemove: 'update', restore: 'update', increment: 'update', decrement: 'update', clear: 'delete',
};

/** TypeORM's repositories: `dataSource.getRepository(Guest).save(row)`, `this.guestRepository.delete(id)`. */
function ofRepository(call: ts.CallExpression, method: string, callee: ts.PropertyAccessExpression, env: Env): FoundWrite[] | undefined {
  const operation = Object.hasOwn(REPOSITORY, method) ? REPOSITORY[method] : undefined;
  if (operation === undefined) return undefined;
  const found = repositoryOf(callee.expression, env);
  return found && [{ table: found.table, operation, by: 'other', database: found.database, node: call }];
}

function repositoryOf(node: ts.Expression, env: Env): { table: string; database: 'tx' | 'bare' } | undefined {
  const { ts: compiler } = env.project;
  const inner = unwrap(compiler, node);
  if (compiler.isCallExpression(inner)) {
    const callee = unwrap(compiler, inner.expression);
    const [entity] = inner.arguments;
    if (calleeName(compiler, callee) !== 'getRepository' || entity === undefined) return undefined;
    const database = compiler.isPropertyAccessExpression(callee) ? plainDatabase(callee.expression, env) : undefined;
    return { table: tablesOf(entity, env)[0]?.name ?? '?', database: database?.kind ?? 'bare' };
  }
  if (!compiler.isIdentifier(inner)) return undefined;
  const declaration = env.project.declarationOf(inner);
  if (declaration && compiler.isVariableDeclaration(declaration) && declaration.initializer) return repositoryOf(declaration.initializer, env);
  return undefined;
}

const DOCUMENT: Readonly<Record<string, Write['operation']>> = {
  insertOne: 'insert', insertMany: 'insert', updateOne: 'update', updateMany: 'update', replaceOne: 'update', deleteOne: 'delete', deleteMany: 'delete', bulkWrite: 'execute',
  findByIdAndUpdate: 'update', findByIdAndDelete: 'delete', findOneAndUpdate: 'update', findOneAndDelete: 'delete', findOneAndReplace: 'update', create: 'insert',
};

/** Mongoose models and MongoDB collections. */
function ofDocument(call: ts.CallExpression, method: string, callee: ts.PropertyAccessExpression, env: Env): FoundWrite[] | undefined {
  const { ts: compiler } = env.project;
  const operation = Object.hasOwn(DOCUMENT, method) ? DOCUMENT[method] : undefined;
  if (operation === undefined) return undefined;
  const receiver = unwrap(compiler, callee.expression);
  if (compiler.isCallExpression(receiver) && calleeName(compiler, receiver.expression) === 'collection' && receiver.arguments[0]) {
    const names = stringsOf(env.project.evaluate(receiver.arguments[0], env.scope)) ?? ['?'];
    return names.map((table) => ({ table, operation, by: 'other' as const, database: 'bare' as const, node: call }));
  }
  if (!compiler.isIdentifier(receiver)) return undefined;
  const declaration = env.project.declarationOf(receiver);
  if (declaration === undefined || !compiler.isVariableDeclaration(declaration) || !declaration.initializer) return undefined;
  const made = unwrap(compiler, declaration.initializer);
  let maker: ts.Expression = made;
  if (compiler.isBinaryExpression(made)) maker = unwrap(compiler, made.right);
  if (!compiler.isCallExpression(maker) || !/^(model|collection)$/.test(calleeName(compiler, maker.expression) ?? '')) return undefined;
  return [{ table: receiver.text, operation, by: 'other', database: 'bare', node: call }];
}
