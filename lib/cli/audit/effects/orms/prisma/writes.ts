/** Prisma's models, and what is written to related ones along with them. */
import type ts from 'typescript';
import type { Write } from '../../../report.js';
import { databaseOf, plainDatabase } from '../../databases/database.js';
import type { Env } from '../../code/environment.js';
import type { FoundWrite } from '../orm.js';
import { schemaOf } from '../schema/index.js';
import { tablesOf } from '../tables.js';
import { propertyName, unwrap } from '../../code/syntax.js';
import { stringsOf } from '../../code/strings.js';

const METHODS: Readonly<Record<string, Write['operation']>> = {
  create: 'insert', createMany: 'insert', createManyAndReturn: 'insert',
  update: 'update', updateMany: 'update', updateManyAndReturn: 'update',
  upsert: 'upsert', delete: 'delete', deleteMany: 'delete',
};
const NESTED: Readonly<Record<string, Write['operation']>> = {
  create: 'insert', createMany: 'insert', connectOrCreate: 'upsert', update: 'update', updateMany: 'update', upsert: 'upsert', delete: 'delete', deleteMany: 'delete',
};

const LINKS = /^(connect|connectOrCreate|disconnect|set)$/;

/** `prisma.guest.create({ data })`; undefined where the call is something else. */
export function ofPrisma(call: ts.CallExpression, callee: ts.PropertyAccessExpression, env: Env): FoundWrite[] | undefined {
  const { ts: compiler } = env.project;
  const operation = Object.hasOwn(METHODS, callee.name.text) ? METHODS[callee.name.text] : undefined;
  if (operation === undefined) return undefined;
  const held = modelOf(callee.expression, env, call);
  if (held === undefined) return undefined;
  const { model, database } = held;
  // Prisma takes one object: `db.cache.delete('key')` is something else's.
  const [argument] = call.arguments;
  const given = argument && unwrap(compiler, argument);
  if (given !== undefined && (compiler.isStringLiteralLike(given) || compiler.isNumericLiteral(given) || call.arguments.length > 1)) return undefined;
  // Drizzle's `update(guests)`: its argument is a table.
  if (given !== undefined && !compiler.isObjectLiteralExpression(given) && tablesOf(given, env).some(({ isTable }) => isTable === 'yes')) return undefined;
  const found: FoundWrite[] = [{ table: model, operation, by: 'prisma', database: database.kind, node: call }];
  if (given !== undefined && compiler.isObjectLiteralExpression(given)) {
    for (const part of given.properties) {
      const name = propertyName(compiler, part.name);
      if (!compiler.isPropertyAssignment(part) || !(name === 'data' || name === 'create' || name === 'update')) continue;
      nested(part.initializer, env, model, database.kind, found);
    }
  }
  return found;
}

/** `prisma.guest`, `const { guest } = prisma`, `const guests = prisma.guest`, `prisma[name]`: what `call` is made on. */
export function modelOf(node: ts.Expression, env: Env, call: ts.CallExpression, steps = 4): { model: string; database: { kind: 'bare' | 'tx' } } | undefined {
  const { project } = env;
  const { ts: compiler } = project;
  const inner = unwrap(compiler, node);
  // `export const db: Database = globalForDb.db` is a database, not its model `db`.
  if (steps === 0 || (compiler.isIdentifier(inner) && !schemaOf(project).knows(inner.text) && plainDatabase(inner, env) !== undefined)) return undefined;
  const strong = (holder: ts.Expression): { kind: 'bare' | 'tx' } | undefined => {
    const database = plainDatabase(holder, env);
    return database?.strong === true ? database : undefined;
  };
  if (compiler.isPropertyAccessExpression(inner)) {
    const database = strong(inner.expression);
    return database && (isModel(inner.name.text, call, env) || databaseOf(inner, env) === undefined) ? { model: inner.name.text, database } : undefined;
  }
  if (compiler.isElementAccessExpression(inner)) {
    const database = strong(inner.expression);
    const names = stringsOf(project.evaluate(inner.argumentExpression, env.scope));
    return database && { model: names?.length === 1 && names[0] !== undefined ? names[0] : '?', database };
  }
  const declaration = compiler.isIdentifier(inner) ? project.declarationOf(inner) : undefined;
  if (declaration === undefined) return undefined;
  if (compiler.isVariableDeclaration(declaration) && declaration.initializer) {
    const initializer = unwrap(compiler, declaration.initializer);
    return compiler.isPropertyAccessExpression(initializer) ? modelOf(initializer, env, call, steps - 1) : undefined;
  }
  if (!compiler.isBindingElement(declaration) || !compiler.isVariableDeclaration(declaration.parent.parent)) return undefined;
  const { initializer } = declaration.parent.parent;
  const model = propertyName(compiler, declaration.propertyName ?? declaration.name);
  const database = initializer && strong(initializer);
  return database && model !== undefined && (isModel(model, call, env) || databaseOf(inner, env) === undefined) ? { model, database } : undefined;
}

/** `db.client.findMany({ where })`: a model may be called as a part of a database is. */
function isModel(name: string, call: ts.CallExpression, env: Env): boolean {
  const [given] = call.arguments;
  return schemaOf(env.project).knows(name) || (given !== undefined && env.project.ts.isObjectLiteralExpression(unwrap(env.project.ts, given)));
}

/** The rows in what a relation is given: itself, each of a list, `data` of an update, `create` and `update` of an upsert. */
function dataOf(node: ts.Expression, compiler: typeof ts): ts.Expression[] {
  const inner = unwrap(compiler, node);
  if (compiler.isArrayLiteralExpression(inner)) return inner.elements.flatMap((element) => dataOf(element, compiler));
  if (!compiler.isObjectLiteralExpression(inner)) return [];
  const wrapped = inner.properties.flatMap((part) => (compiler.isPropertyAssignment(part) && /^(data|create|update)$/.test(propertyName(compiler, part.name) ?? '') ? [part.initializer] : []));
  return wrapped.length > 0 ? wrapped : [inner];
}

/** Relations written inside `data`: the relation's name stands for its table. */
function nested(node: ts.Expression, env: Env, owner: string, database: 'tx' | 'bare', found: FoundWrite[]): void {
  const { ts: compiler } = env.project;
  const data = unwrap(compiler, node);
  if (compiler.isArrayLiteralExpression(data)) for (const one of data.elements) nested(one, env, owner, database, found);
  if (!compiler.isObjectLiteralExpression(data)) return;
  const schema = schemaOf(env.project);
  for (const part of data.properties) {
    if (!compiler.isPropertyAssignment(part)) continue;
    const field = propertyName(compiler, part.name);
    const known = field === undefined ? undefined : schema.relation(owner, field);
    const relation = known?.other ?? field;
    const value = unwrap(compiler, part.initializer);
    if (relation === undefined || !compiler.isObjectLiteralExpression(value)) continue;
    for (const inner of value.properties) {
      const name = propertyName(compiler, inner.name);
      if (name === undefined || !compiler.isPropertyAssignment(inner)) continue;
      // Which rows belong to which: in the other table, or in one between the two.
      if (known?.list && LINKS.test(name)) {
        found.push({ table: known.between ?? relation, operation: 'update', by: 'prisma', database, node: inner, nested: true });
      }
      if (!Object.hasOwn(NESTED, name)) continue;
      const operation = NESTED[name];
      if (operation === undefined) continue;
      found.push({
        table: relation,
        operation,
        by: 'prisma',
        database,
        node: inner,
        nested: true,
        note: `${relation} is written as a relation of ${owner}, in the same statement`,
      });
      for (const part of dataOf(inner.initializer, compiler)) nested(part, env, relation, database, found);
    }
  }
}
