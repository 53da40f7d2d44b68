/** SQL in strings and templates, and prepared statements. */
import type ts from 'typescript';
import type { Value } from '../../../model.js';
import { plainDatabase } from '../../databases/database.js';
import { boundArgument, homeOf, type Env } from '../../code/environment.js';
import type { FoundWrite } from '../orm.js';
import { hole, writesInSql } from '../sql-text.js';
import { calleeName, propertyName, unwrap } from '../../code/syntax.js';
import { stringsOf } from '../../code/strings.js';
import { schemaOf } from '../schema/index.js';
import { tablesOf } from '../tables.js';

export const RUNS_SQL = /^(query|command|execute|exec|run|unsafe|raw|all|get|none|one|any|many|oneOrNone|manyOrNone|\$executeRaw|\$executeRawUnsafe|\$queryRaw|\$queryRawUnsafe|executeSql|executeRaw|queryRaw|values)$/;
export const RUNS_STATEMENT = /^(run|all|get|iterate|execute|values)$/;

/** `insert.run(row)` of a statement prepared elsewhere; undefined where the receiver is no statement. */
export function ofStatement(call: ts.CallExpression, callee: ts.PropertyAccessExpression, env: Env): FoundWrite[] | undefined {
  if (!RUNS_STATEMENT.test(callee.name.text)) return undefined;
  const prepared = preparation(callee.expression, env, 6);
  const [text] = prepared?.arguments ?? [];
  if (prepared === undefined || text === undefined) return undefined;
  const sql = sqlText(text, env);
  if (sql === undefined) return [];
  const receiver = unwrap(env.project.ts, prepared.expression);
  const database = env.project.ts.isPropertyAccessExpression(receiver) ? plainDatabase(receiver.expression, env) : undefined;
  return tablesWritten(sql, env).map((write) => ({
    ...write,
    by: 'sql' as const,
    database: database?.kind ?? 'bare',
    shared: true,
    node: call,
  }));
}

/** The `db.prepare(…)` call behind an expression. */
export function preparation(node: ts.Expression, env: Env, steps: number): ts.CallExpression | undefined {
  const { ts: compiler } = env.project;
  const inner = unwrap(compiler, node);
  if (steps === 0) return undefined;
  if (compiler.isCallExpression(inner)) {
    const name = calleeName(compiler, inner.expression);
    if (name === 'prepare' && inner.arguments.length > 0) return inner;
    const access = unwrap(compiler, inner.expression);
    return compiler.isPropertyAccessExpression(access) && /^(bind|pluck|raw|expand)$/.test(name ?? '') ? preparation(access.expression, env, steps - 1) : undefined;
  }
  const named = compiler.isPropertyAccessExpression(inner) ? inner.name : compiler.isIdentifier(inner) ? inner : undefined;
  const declaration = named && env.project.declarationOf(named);
  if (declaration === undefined) return undefined;
  const holds = compiler.isVariableDeclaration(declaration) || compiler.isPropertyAssignment(declaration) || compiler.isPropertyDeclaration(declaration);
  return holds && declaration.initializer ? preparation(declaration.initializer, env, steps - 1) : undefined;
}

/** `client.query('UPDATE …')`, `db.execute(sql\`…\`)`; undefined where the call runs no SQL. */
export function ofRawSql(call: ts.CallExpression, callee: ts.PropertyAccessExpression, env: Env): FoundWrite[] | undefined {
  const { ts: compiler } = env.project;
  const method = callee.name.text;
  if (!RUNS_SQL.test(method)) return undefined;
  const receiver = unwrap(compiler, callee.expression);
  // Kysely: sql`…`.execute(db)
  const [first] = compiler.isTaggedTemplateExpression(receiver) ? [receiver] : call.arguments;
  if (first === undefined || receiver.kind === compiler.SyntaxKind.RegularExpressionLiteral) return undefined;
  const held = compiler.isTaggedTemplateExpression(receiver) ? call.arguments[0] : callee.expression;
  const database = held === undefined ? undefined : plainDatabase(held, env);
  // `Promise.all(rows)`, `cache.get(key)`: what is no database is read only where the text stands there.
  if (database === undefined && !isWritten(unwrap(compiler, first), compiler)) return undefined;
  // What nobody calls a database is not worth interpreting a program for.
  const sql = sqlText(first, env, database === undefined ? 'written' : 'any');
  if (sql === undefined) {
    const raw = method === '$executeRaw' || method === '$executeRawUnsafe';
    return raw && database ? [{ table: '?', operation: 'execute', by: 'sql', database: database.kind, node: call }] : undefined;
  }
  const writes = tablesWritten(sql, env);
  if (writes.length === 0) return undefined;
  return writes.map((write) => ({
    ...write,
    by: 'sql' as const,
    database: database?.kind ?? 'bare',
    node: call,
  }));
}

/** ClickHouse: `client.insert({ table: 'events', values })`. */
export function ofRows(call: ts.CallExpression, callee: ts.PropertyAccessExpression, env: Env): FoundWrite[] | undefined {
  const { project } = env;
  const { ts: compiler } = project;
  const [first] = call.arguments;
  const given = first && unwrap(compiler, first);
  if (callee.name.text !== 'insert' || given === undefined || !compiler.isObjectLiteralExpression(given)) return undefined;
  const part = (name: string): ts.ObjectLiteralElementLike | undefined => given.properties.find((one) => propertyName(compiler, one.name) === name);
  const table = part('table');
  if (table === undefined || part('values') === undefined) return undefined;
  // A function of the project is followed.
  if (project.functionOf(call.expression) !== undefined) return undefined;
  const value = compiler.isPropertyAssignment(table) ? project.evaluate(table.initializer, env.scope) : compiler.isShorthandPropertyAssignment(table) ? project.evaluate(table.name, env.scope) : undefined;
  const names = (value && stringsOf(value)) ?? ['?'];
  return names.map((name) => ({ table: schemaOf(project).named(name), operation: 'insert' as const, by: 'sql' as const, database: plainDatabase(callee.expression, env)?.kind ?? 'bare', node: call }));
}

export const isWritten = (node: ts.Expression, compiler: typeof ts): boolean =>
  compiler.isStringLiteralLike(node) || compiler.isTemplateExpression(node) || compiler.isTaggedTemplateExpression(node) || compiler.isObjectLiteralExpression(node) || compiler.isIdentifier(node);

/** sql`…` that runs by being awaited (postgres.js, Vercel, Neon), prisma.$executeRaw`…`. Fragments of query builders do not. */
export function ofTag(tag: ts.TaggedTemplateExpression, env: Env): FoundWrite[] {
  const { ts: compiler } = env.project;
  const name = calleeName(compiler, tag.tag);
  if (name === undefined || name === 'gql' || name === 'html' || name === 'css') return [];
  const callee = unwrap(compiler, tag.tag);
  let database = compiler.isPropertyAccessExpression(callee) ? plainDatabase(callee.expression, env) : plainDatabase(callee, env);
  if (name === 'raw' && database === undefined) return [];
  const root = compiler.isPropertyAccessExpression(callee) ? unwrap(compiler, callee.expression) : callee;
  if (compiler.isIdentifier(root) && ((isFragment(root, env) && (root === callee || database === undefined)) || isFragmentPlace(tag, compiler))) return [];
  const sql = sqlText(tag, env);
  if (sql === undefined) return [];
  database ??= { kind: 'bare', strong: false };
  const { kind } = database;
  return tablesWritten(sql, env).map((write) => ({
    ...write,
    by: 'sql' as const,
    database: kind,
    node: tag,
  }));
}

/** The `sql` of a query builder makes text, it runs nothing. */
export function isFragment(tag: ts.Identifier, env: Env): boolean {
  const { ts: compiler } = env.project;
  for (const statement of tag.getSourceFile().statements) {
    if (!compiler.isImportDeclaration(statement) || !compiler.isStringLiteral(statement.moduleSpecifier)) continue;
    if (!/^(drizzle-orm|kysely|@prisma\/client|slonik|sql-template|sql-template-strings|sql-template-tag|pg-template-tag)/.test(statement.moduleSpecifier.text)) continue;
    const bindings = statement.importClause?.namedBindings;
    if (bindings && compiler.isNamedImports(bindings) && bindings.elements.some((element) => element.name.text === tag.text)) return true;
    if (statement.importClause?.name?.text === tag.text) return true;
  }
  return false;
}

/** As an argument, or as the receiver of `.execute(db)`, the call around it counts. */
function isFragmentPlace(tag: ts.TaggedTemplateExpression, compiler: typeof ts): boolean {
  const { parent } = tag;
  if (compiler.isPropertyAccessExpression(parent)) return parent.name.text === 'execute';
  return compiler.isCallExpression(parent) && parent.arguments.includes(tag) && RUNS_SQL.test(calleeName(compiler, parent.expression) ?? '');
}

export interface SqlText {
  text: string;
  /** The table that a name in the text stands for; several where one of them is chosen at run time. */
  named(table: string): string[];
  /** Names that parts of the text give to what they select: `WITH ${latest} SELECT …`. They are no tables. */
  commons?: ReadonlySet<string>;
}

/** The text of SQL as far as it stands in the code, or also where it is made; interpolated parts become holes. */
export function sqlText(node: ts.Expression, env: Env, how: 'written' | 'any' = 'any', steps = 6): SqlText | undefined {
  const { ts: compiler } = env.project;
  const inner = unwrap(compiler, node);
  if (steps === 0) return undefined;
  if (compiler.isStringLiteralLike(inner)) return plainSql(inner.text);
  if (compiler.isTaggedTemplateExpression(inner)) return templateSql(inner.template, env);
  if (compiler.isTemplateExpression(inner)) return templateSql(inner, env);
  if (compiler.isCallExpression(inner)) {
    // sql.raw('…'), Prisma.raw('…'), { sql: … } left aside
    const [first] = inner.arguments;
    return first !== undefined && /^(raw|sql|text)$/.test(calleeName(compiler, inner.expression) ?? '') ? sqlText(first, env, how, steps - 1) : undefined;
  }
  if (compiler.isObjectLiteralExpression(inner)) {
    for (const part of inner.properties) {
      if (!/^(sql|text|query)$/.test(propertyName(compiler, part.name) ?? '')) continue;
      if (compiler.isPropertyAssignment(part)) return sqlText(part.initializer, env, how, steps - 1);
      if (compiler.isShorthandPropertyAssignment(part)) return sqlText(part.name, env, how, steps - 1);
    }
    return undefined;
  }
  if (compiler.isIdentifier(inner)) {
    const declaration = env.project.declarationOf(inner);
    // What a helper was given: `run(text)` over `client.query(text)`.
    const bound = declaration && (compiler.isParameter(declaration) || compiler.isBindingElement(declaration)) ? boundArgument(env, declaration) : undefined;
    if (bound?.expression && bound.env) return sqlText(bound.expression, bound.env, how, steps - 1);
    if (declaration && compiler.isVariableDeclaration(declaration) && declaration.initializer) {
      return sqlText(declaration.initializer, homeOf(env, declaration) ?? env, how, steps - 1);
    }
  }
  // What a call answers is text where its name says so; following each of them would take long.
  const made = compiler.isCallExpression(inner) && !/sql|query|statement|text/i.test(calleeName(compiler, inner.expression) ?? '');
  if (how === 'written' || made || compiler.isArrayLiteralExpression(inner) || compiler.isNewExpression(inner)) return undefined;
  const text = textOf(env.project.evaluate(inner, env.scope));
  return text === undefined ? undefined : plainSql(text);
}

/** Each table that the text writes; where a name stands for one of several, those after the first are in its place. */
function tablesWritten(sql: SqlText, env: Env): Pick<FoundWrite, 'table' | 'operation' | 'nested'>[] {
  return writesInSql(sql.text).flatMap((write) =>
    sql.named(write.table).map((table, index) => ({
      table: table === write.table ? schemaOf(env.project).named(write.full) : schemaOf(env.project).named(table),
      operation: write.operation,
      ...(write.nested || index > 0 ? { nested: true as const } : {}),
    })),
  );
}

/** `latest AS (SELECT …)` in a part that was made apart. */
function commonsIn(part: ts.Expression, env: Env): string[] {
  const { ts: compiler } = env.project;
  const made = compiler.isIdentifier(part) ? env.project.declarationOf(part) : undefined;
  const text = made && compiler.isVariableDeclaration(made) ? sqlText(part, env, 'written', 2)?.text : undefined;
  if (text === undefined || !/^\s*"?\w+"?\s*(?:\([^)]*\)\s*)?\bas\b/i.test(text)) return [];
  return [...text.matchAll(/(?:^|,)\s*"?(\w+)"?\s*(?:\([^()]*\)\s*)?\bas\s+(?:not\s+)?(?:materialized\s*)?\(/gi)].map(([, name = '']) => name.toLowerCase());
}

function plainSql(text: string): SqlText {
  return { text, named: (table) => [table] };
}

function textOf(value: Value): string | undefined {
  return value.kind === 'string' ? value.text : undefined;
}

function templateSql(template: ts.TemplateLiteral, env: Env): SqlText {
  const { ts: compiler } = env.project;
  if (compiler.isNoSubstitutionTemplateLiteral(template)) return plainSql(template.text);
  let text = template.head.text;
  const commons = new Set<string>();
  template.templateSpans.forEach((span, index) => {
    const inner = unwrap(compiler, span.expression);
    if (/(?:\bwith(?:\s+recursive)?|,)\s*$/i.test(text)) for (const name of commonsIn(inner, env)) commons.add(name);
    const known = compiler.isStringLiteralLike(inner) ? inner.text : undefined;
    text += (known ?? hole(index)) + span.literal.text;
  });
  return {
    text,
    commons,
    named: (table) => {
      const match = /\u0001(\d+)/.exec(table);
      if (match === null) return [table];
      const part = template.templateSpans[Number(match[1])]?.expression;
      if (part === undefined) return ['?'];
      const inner = unwrap(compiler, part);
      // `"${table.name}"`: the table's own name.
      if (compiler.isPropertyAccessExpression(inner) && /^(_?name|tableName)$/.test(inner.name.text)) {
        const owners = tablesOf(inner.expression, env);
        const made = owners.filter((owner) => owner.isTable === 'yes');
        if (made.length > 0) return made.map((owner) => owner.name);
        const text = textOf(env.project.evaluate(inner, env.scope));
        return text === undefined && owners.length > 1 ? owners.map((owner) => owner.name) : [text ?? '?'];
      }
      if (compiler.isCallExpression(inner)) {
        const [first] = inner.arguments;
        return [(first && textOf(env.project.evaluate(first, env.scope))) ?? '?'];
      }
      const strings = textOf(env.project.evaluate(inner, env.scope));
      if (strings !== undefined) return [strings];
      const names = tablesOf(inner, env).map((owner) => owner.name);
      return names.length > 0 ? names : ['?'];
    },
  };
}
