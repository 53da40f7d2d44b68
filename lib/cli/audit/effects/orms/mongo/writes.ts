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
