/** `db.select().from(guests)`, `db.query.guests.findMany({ with: … })`, `db.$count(guests)` */
import type ts from 'typescript';
import type { Env } from '../../code/environment.js';
import { literalOf } from '../../code/literals.js';
import { calleeName, chainBefore, enclosingFunction, propertyName, rootOf, unwrap, visitAll } from '../../code/syntax.js';
import { plainDatabase } from '../../databases/database.js';
import type { FoundRead } from '../orm.js';
import { schemaOf } from '../schema/index.js';
import { TABLE_MAKER, tablesOf } from '../tables.js';
import { columnsOf } from './columns.js';

const FROM = new Set(['from', 'leftJoin', 'innerJoin', 'rightJoin', 'fullJoin', 'crossJoin', 'leftJoinLateral', 'innerJoinLateral', 'crossJoinLateral']);
const SELECTS = new Set(['select', 'selectDistinct', 'selectDistinctOn', 'update', 'delete']);
const FINDS = /^find(Many|First)$/;
const AT_RUN_TIME = 'which table it reads is decided at run time';

export function readsOfDrizzle(call: ts.CallExpression, callee: ts.Expression, env: Env): FoundRead[] | undefined {
  const { ts: compiler } = env.project;
  if (!compiler.isPropertyAccessExpression(callee)) return undefined;
  const method = callee.name.text;
  const [first] = call.arguments;
  if (FINDS.test(method)) return ofRelational(call, callee, env);
  if (first === undefined) return undefined;
  if (method === '$count') return plainDatabase(callee.expression, env) && ofTable(first, call, env, { along: false });
  if (!FROM.has(method)) return undefined;
  const before = chainBefore(compiler, callee.expression);
  const names = before.map((one) => calleeName(compiler, one.expression) ?? '');
  if (!names.some((name) => SELECTS.has(name))) return undefined;
  return ofTable(first, call, env, { along: method !== 'from', before });
}

/** A subquery, a common table and a view made in the code are read where they stand. */
function ofTable(node: ts.Expression, call: ts.CallExpression, env: Env, { along, before }: { along: boolean; before?: readonly ts.CallExpression[] }): FoundRead[] | undefined {
  const { ts: compiler } = env.project;
  const argument = unwrap(compiler, node);
  if (compiler.isCallExpression(argument) && calleeName(compiler, argument.expression) !== 'alias') return [];
  if (compiler.isStringLiteralLike(argument) || compiler.isTaggedTemplateExpression(argument)) return undefined;
  if (isQuery(argument, env)) return [];
  return tablesOf(argument, env).flatMap(({ name: guessed, isTable }): FoundRead[] => {
    if (isTable === 'no') return [];
    const name = isTable === 'maybe' && isGiven(argument, env) && !schemaOf(env.project).isTable(guessed) ? '?' : guessed;
    const columns = before && name !== '?' ? columnsOf(call, before, argument, env) : undefined;
    return [
      {
        table: name,
        by: 'drizzle',
        node: call,
        ...(name === '?' ? { why: AT_RUN_TIME } : {}),
        ...(columns === undefined ? {} : { columns }),
        ...(along ? { along: true as const } : {}),
      },
    ];
  });
}

/** `input.table`: the name of a part of what somebody gives says nothing. */
function isGiven(node: ts.Expression, env: Env): boolean {
  const { ts: compiler } = env.project;
  if (!compiler.isPropertyAccessExpression(node)) return false;
  const root = rootOf(compiler, node);
  const declaration = compiler.isIdentifier(root) ? env.project.declarationOf(root) : undefined;
  return declaration !== undefined && (compiler.isParameter(declaration) || compiler.isBindingElement(declaration));
}

/** `const recent = db.select()….as('recent')`, `db.$with('recent').as(…)`, a view that is written out. */
function isQuery(node: ts.Expression, env: Env): boolean {
  const { project } = env;
  const { ts: compiler } = project;
  const declaration = compiler.isIdentifier(node) || compiler.isPropertyAccessExpression(node) ? project.declarationOf(compiler.isIdentifier(node) ? node : node.name) : undefined;
  if (declaration === undefined || !compiler.isVariableDeclaration(declaration)) return false;
  if (declaration.initializer) return makesQuery(declaration.initializer, compiler);
  const set = setsOf(declaration, env);
  return set.length > 0 && set.every((one) => makesQuery(one, compiler));
}

function makesQuery(node: ts.Expression, compiler: typeof ts): boolean {
  const made = unwrap(compiler, node);
  if (compiler.isConditionalExpression(made)) return makesQuery(made.whenTrue, compiler) && makesQuery(made.whenFalse, compiler);
  if (!compiler.isCallExpression(made)) return false;
  const names = chainBefore(compiler, made).map((one) => calleeName(compiler, one.expression) ?? '');
  if (names.some((name) => TABLE_MAKER.test(name)) || names.includes('existing') || names.some((name) => /MaterializedView$/.test(name))) return false;
  return names.at(-1) === 'as' || names.includes('$with') || names.some((name) => SELECTS.has(name));
}

/** What a variable that began with nothing is set to: `let recent; if (…) recent = db.$with(…).as(…);` */
function setsOf(declaration: ts.VariableDeclaration, env: Env): ts.Expression[] {
  const { project } = env;
  const { ts: compiler } = project;
  const around = enclosingFunction(compiler, declaration) ?? declaration.getSourceFile();
  const found: ts.Expression[] = [];
  visitAll(compiler, around, (node) => {
    if (!compiler.isBinaryExpression(node) || node.operatorToken.kind !== compiler.SyntaxKind.EqualsToken) return undefined;
    if (compiler.isIdentifier(node.left) && project.declarationOf(node.left) === declaration) found.push(node.right);
    return undefined;
  });
  return found;
}

/** `db.query.guests.findMany({ with: { items: true } })` */
function ofRelational(call: ts.CallExpression, callee: ts.PropertyAccessExpression, env: Env): FoundRead[] | undefined {
  const { ts: compiler } = env.project;
  const table = unwrap(compiler, callee.expression);
  if (!compiler.isPropertyAccessExpression(table)) return undefined;
  const query = unwrap(compiler, table.expression);
  if (!compiler.isPropertyAccessExpression(query) || query.name.text !== 'query') return undefined;
  const name = table.name.text;
  const found: FoundRead[] = [{ table: name, by: 'drizzle', node: call }];
  const [given] = call.arguments;
  if (given) along(given, name, call, env, found);
  return found;
}

/** Relations that `with` asks for, and those that a filter goes through. */
function along(node: ts.Expression, owner: string, call: ts.CallExpression, env: Env, found: FoundRead[]): void {
  const { ts: compiler } = env.project;
  const literal = literalOf(node, env);
  const cannotSee = (at: ts.Node): void => void found.push({ table: '?', why: 'which relations it reads along is computed', by: 'drizzle', node: at });
  if (literal === undefined) return cannotSee(node);
  for (const part of literal.properties) {
    if (compiler.isSpreadAssignment(part)) {
      along(part.expression, owner, call, env, found);
      continue;
    }
    const name = propertyName(compiler, part.name);
    if (name !== 'with' && name !== 'where') continue;
    const value = compiler.isPropertyAssignment(part) ? part.initializer : compiler.isShorthandPropertyAssignment(part) ? part.name : undefined;
    if (value === undefined) continue;
    const relations = literalOf(value, env);
    if (relations === undefined) {
      if (name === 'with') cannotSee(value);
      continue;
    }
    for (const relation of relations.properties) {
      const field = propertyName(compiler, relation.name);
      if (field === undefined) {
        if (name === 'with') cannotSee(relation);
        continue;
      }
      const inner = compiler.isPropertyAssignment(relation) ? unwrap(compiler, relation.initializer) : undefined;
      if (inner?.kind === compiler.SyntaxKind.FalseKeyword) continue;
      const known = schemaOf(env.project).relation(owner, field);
      if (known === undefined) {
        if (name === 'with') found.push({ table: '?', why: `which table the relation ${field} of ${owner} is was not seen`, by: 'drizzle', node: relation });
        continue;
      }
      found.push({ table: known.other, by: 'drizzle', node: call, along: true });
      if (known.between !== undefined) found.push({ table: known.between, by: 'drizzle', node: call, along: true });
      if (inner && inner.kind !== compiler.SyntaxKind.TrueKeyword && name === 'with') along(inner, known.other, call, env, found);
    }
  }
}
