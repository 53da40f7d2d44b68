/** What a condition says of a database: `if ('rollback' in db)` is a transaction's own from there on. */
import type ts from 'typescript';
import type { Database, Env } from '../code/environment.js';
import { calleeName, unwrap } from '../code/syntax.js';

/** What a transaction's own object has and the database around it has not, and the other way round. */
const OF_TRANSACTION = /^(?:rollback|commit|nestedIndex|isCompleted|setTransaction|savepoint)$/;
const OF_DATABASE = /^(?:\$transaction|\$connect|\$disconnect|\$client|\$on|\$use|end|destroy)$/;
const ASKS = /^is_?(?:in_?)?(?:a_?)?(?:db_?)?(?:transaction|tx|trx)(?:al|client|object)?$/i;

/** `env` where the condition holds, or where it does not. */
export function narrowed(condition: ts.Expression, env: Env, holds: boolean): Env {
  const found = new Map<ts.Node, Database>();
  look(condition, env, holds, found);
  return found.size === 0 ? env : { ...env, databases: new Map([...env.databases, ...found]) };
}

function look(node: ts.Expression, env: Env, holds: boolean, found: Map<ts.Node, Database>): void {
  const { ts: compiler } = env.project;
  const { SyntaxKind } = compiler;
  const inner = unwrap(compiler, node);
  const says = (subject: ts.Expression, isTransaction: boolean): void => {
    const at = unwrap(compiler, subject);
    const declaration = compiler.isIdentifier(at) ? env.project.declarationOf(at) : undefined;
    if (declaration !== undefined) found.set(declaration, { kind: isTransaction === holds ? 'tx' : 'bare', strong: true });
  };
  const byKey = (key: string, subject: ts.Expression): void => {
    if (OF_TRANSACTION.test(key)) says(subject, true);
    else if (OF_DATABASE.test(key)) says(subject, false);
  };
  if (compiler.isPrefixUnaryExpression(inner) && inner.operator === SyntaxKind.ExclamationToken) return look(inner.operand, env, !holds, found);
  if (compiler.isPropertyAccessExpression(inner)) {
    if (ASKS.test(inner.name.text)) says(inner.expression, true);
    else byKey(inner.name.text, inner.expression);
    return;
  }
  if (compiler.isCallExpression(inner)) {
    const [first] = inner.arguments;
    if (!ASKS.test(calleeName(compiler, inner.expression) ?? '')) return;
    const callee = unwrap(compiler, inner.expression);
    if (first) says(first, true);
    else if (compiler.isPropertyAccessExpression(callee)) says(callee.expression, true);
    return;
  }
  if (!compiler.isBinaryExpression(inner)) return;
  const { left, right, operatorToken } = inner;
  switch (operatorToken.kind) {
    case SyntaxKind.InKeyword: {
      const key = unwrap(compiler, left);
      if (compiler.isStringLiteralLike(key)) byKey(key.text, right);
      return;
    }
    case SyntaxKind.InstanceOfKeyword:
      if (/Transaction(?:Client)?$|Tx$|Trx$/.test(calleeName(compiler, right) ?? '')) says(left, true);
      return;
    case SyntaxKind.AmpersandAmpersandToken:
      if (holds) for (const part of [left, right]) look(part, env, true, found);
      return;
    case SyntaxKind.BarBarToken:
      if (!holds) for (const part of [left, right]) look(part, env, false, found);
      return;
    case SyntaxKind.EqualsEqualsEqualsToken:
    case SyntaxKind.EqualsEqualsToken:
    case SyntaxKind.ExclamationEqualsEqualsToken:
    case SyntaxKind.ExclamationEqualsToken: {
      // typeof db.rollback === 'function'
      const asked = unwrap(compiler, left);
      const wanted = unwrap(compiler, right);
      if (!compiler.isTypeOfExpression(asked) || !compiler.isStringLiteralLike(wanted)) return;
      const negative = [SyntaxKind.ExclamationEqualsEqualsToken, SyntaxKind.ExclamationEqualsToken].includes(operatorToken.kind);
      const present = (wanted.text !== 'undefined') !== negative;
      return look(asked.expression, env, present === holds, found);
    }
    default:
  }
}
