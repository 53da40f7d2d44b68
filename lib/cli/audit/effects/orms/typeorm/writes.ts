/** TypeORM's repositories. */
import type ts from 'typescript';
import type { Write } from '../../../report.js';
import type { Env } from '../../code/environment.js';
import { calleeName, unwrap } from '../../code/syntax.js';
import { plainDatabase } from '../../databases/database.js';
import type { FoundWrite } from '../orm.js';
import { tablesOf } from '../tables.js';

const REPOSITORY: Readonly<Record<string, Write['operation']>> = {
  save: 'upsert', insert: 'insert', update: 'update', upsert: 'upsert', delete: 'delete', remove: 'delete', softDelete: 'update', softRemove: 'update', restore: 'update', increment: 'update', decrement: 'update', clear: 'delete',
};

/** TypeORM's repositories: `dataSource.getRepository(Guest).save(row)`, `this.guestRepository.delete(id)`. */
export function ofRepository(call: ts.CallExpression, callee: ts.PropertyAccessExpression, env: Env): FoundWrite[] | undefined {
  const method = callee.name.text;
  const operation = Object.hasOwn(REPOSITORY, method) ? REPOSITORY[method] : undefined;
  if (operation === undefined) return undefined;
  const found = repositoryOf(callee.expression, env);
  return found && [{ table: found.table, operation, by: 'other', database: found.database, node: call }];
}

export function repositoryOf(node: ts.Expression, env: Env): { table: string; database: 'tx' | 'bare' } | undefined {
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
