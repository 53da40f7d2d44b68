/** TypeORM's repositories, and its manager. */
import type ts from 'typescript';
import type { Env } from '../../code/environment.js';
import { literalOf } from '../../code/literals.js';
import { propertyName } from '../../code/syntax.js';
import { plainDatabase } from '../../databases/database.js';
import type { FoundRead } from '../orm.js';
import { tablesOf } from '../tables.js';
import { repositoryOf } from './writes.js';

const METHODS = /^(find|findBy|findOne|findOneBy|findOneOrFail|findOneByOrFail|findAndCount|findAndCountBy|count|countBy|exists|existsBy|exist|sum|average|minimum|maximum|createQueryBuilder)$/;
const JOINS = /^(left|inner)Join(AndSelect|AndMapOne|AndMapMany)?$/;

export function readsOfRepository(call: ts.CallExpression, callee: ts.Expression, env: Env): FoundRead[] | undefined {
  const { ts: compiler } = env.project;
  if (!compiler.isPropertyAccessExpression(callee) || !METHODS.test(callee.name.text)) return undefined;
  const found = repositoryOf(callee.expression, env);
  const [first] = call.arguments;
  let tables = found && [found.table];
  let options = first;
  if (tables === undefined && first && plainDatabase(callee.expression, env)) {
    tables = tablesOf(first, env).flatMap(({ name, isTable, by }) => (isTable === 'yes' && by === 'other' ? [name] : []));
    options = call.arguments[1];
  }
  if (tables === undefined || tables.length === 0) return undefined;
  const reads: FoundRead[] = tables.map((table) => ({ table, by: 'other', node: call, ...(table === '?' ? { why: 'which entity it reads is decided at run time' } : {}) }));
  // Which entity a relation leads to stands in decorators, which are not read.
  const relations = options && literalOf(options, env)?.properties.some((part) => propertyName(compiler, part.name) === 'relations');
  const joins = callee.name.text === 'createQueryBuilder' && joinsAfter(call, compiler);
  if (relations || joins) reads.push({ table: '?', why: 'which entities its relations are is not read', by: 'other', node: call });
  return reads;
}

function joinsAfter(call: ts.CallExpression, compiler: typeof ts): boolean {
  for (let at: ts.Node = call.parent; compiler.isPropertyAccessExpression(at) || compiler.isCallExpression(at); at = at.parent) {
    if (compiler.isPropertyAccessExpression(at) && JOINS.test(at.name.text)) return true;
  }
  return false;
}
