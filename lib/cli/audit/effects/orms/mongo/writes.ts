/** Mongoose models and MongoDB collections. */
import type ts from 'typescript';
import type { Write } from '../../../report.js';
import type { Env } from '../../code/environment.js';
import { calleeName, unwrap } from '../../code/syntax.js';
import type { FoundWrite } from '../orm.js';
import { stringsOf } from '../../code/strings.js';

const DOCUMENT: Readonly<Record<string, Write['operation']>> = {
  insertOne: 'insert', insertMany: 'insert', updateOne: 'update', updateMany: 'update', replaceOne: 'update', deleteOne: 'delete', deleteMany: 'delete', bulkWrite: 'execute',
  findByIdAndUpdate: 'update', findByIdAndDelete: 'delete', findOneAndUpdate: 'update', findOneAndDelete: 'delete', findOneAndReplace: 'update', create: 'insert',
};

/** Mongoose models and MongoDB collections. */
export function ofDocument(call: ts.CallExpression, callee: ts.PropertyAccessExpression, env: Env): FoundWrite[] | undefined {
  const method = callee.name.text;
  const operation = Object.hasOwn(DOCUMENT, method) ? DOCUMENT[method] : undefined;
  if (operation === undefined) return undefined;
  return collectionsOf(callee.expression, env)?.map((table) => ({ table, operation, by: 'other' as const, database: 'bare' as const, node: call }));
}

/** `db.collection('guests')`, a constant that holds one, a model. */
export function collectionsOf(node: ts.Expression, env: Env): string[] | undefined {
  const { ts: compiler } = env.project;
  const receiver = unwrap(compiler, node);
  if (compiler.isCallExpression(receiver) && calleeName(compiler, receiver.expression) === 'collection' && receiver.arguments[0]) {
    return stringsOf(env.project.evaluate(receiver.arguments[0], env.scope)) ?? ['?'];
  }
  if (!compiler.isIdentifier(receiver)) return undefined;
  const declaration = env.project.declarationOf(receiver);
  if (declaration === undefined || !compiler.isVariableDeclaration(declaration) || !declaration.initializer) return undefined;
  const made = unwrap(compiler, declaration.initializer);
  let maker: ts.Expression = made;
  if (compiler.isBinaryExpression(made)) maker = unwrap(compiler, made.right);
  if (!compiler.isCallExpression(maker) || !/^(model|collection)$/.test(calleeName(compiler, maker.expression) ?? '')) return undefined;
  return [receiver.text];
}
