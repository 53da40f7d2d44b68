/** Mongoose models and MongoDB collections. */
import type ts from 'typescript';
import type { Env } from '../../code/environment.js';
import { propertyName, unwrap, visitAll } from '../../code/syntax.js';
import type { FoundRead } from '../orm.js';
import { collectionsOf } from './writes.js';

const METHODS = /^(find|findOne|findById|countDocuments|estimatedDocumentCount|count|distinct|exists|aggregate)$/;

export function readsOfDocument(call: ts.CallExpression, callee: ts.Expression, env: Env): FoundRead[] | undefined {
  const { ts: compiler } = env.project;
  if (!compiler.isPropertyAccessExpression(callee) || !METHODS.test(callee.name.text)) return undefined;
  const tables = collectionsOf(callee.expression, env);
  if (tables === undefined) return undefined;
  const found: FoundRead[] = tables.map((table) => ({ table, by: 'other', node: call }));
  // { $lookup: { from: 'hotels' } }, { $unionWith: { coll: 'guests' } }
  for (const argument of call.arguments) {
    visitAll(compiler, argument, (node) => {
      if (!compiler.isPropertyAssignment(node) || !/^(\$lookup|\$graphLookup|\$unionWith)$/.test(propertyName(compiler, node.name) ?? '')) return undefined;
      const stage = unwrap(compiler, node.initializer);
      const source = compiler.isObjectLiteralExpression(stage) ? stage.properties.find((part) => /^(from|coll)$/.test(propertyName(compiler, part.name) ?? '')) : undefined;
      const name = source && compiler.isPropertyAssignment(source) ? unwrap(compiler, source.initializer) : stage;
      if (compiler.isStringLiteralLike(name)) found.push({ table: name.text, by: 'other', node: call, along: true });
      else found.push({ table: '?', why: 'which collection it looks into is computed', by: 'other', node });
      return undefined;
    });
  }
  return found;
}
