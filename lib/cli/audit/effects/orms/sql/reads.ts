/** SQL in strings and templates, and prepared statements: what it reads. */
import type ts from 'typescript';
import { plainDatabase } from '../../databases/database.js';
import type { Env } from '../../code/environment.js';
import { calleeName, propertyName, unwrap } from '../../code/syntax.js';
import { originOf } from '../../code/origin.js';
import type { FoundRead } from '../orm.js';
import { schemaOf } from '../schema/index.js';
import { readsInSql, type SqlRead } from '../sql-reads.js';
import { isWritten, preparation, RUNS_SQL, RUNS_STATEMENT, sqlText, type SqlText } from './writes.js';

const AT_RUN_TIME = 'which table it reads is decided at run time';
const COMPUTED = 'its SQL is computed';

export function readsOfStatement(call: ts.CallExpression, callee: ts.Expression, env: Env): FoundRead[] | undefined {
  if (!env.project.ts.isPropertyAccessExpression(callee) || !RUNS_STATEMENT.test(callee.name.text)) return undefined;
  const [text] = preparation(callee.expression, env, 6)?.arguments ?? [];
  if (text === undefined) return undefined;
  const sql = sqlText(text, env);
  return sql === undefined ? [{ table: '?', why: COMPUTED, mayWrite: true, by: 'sql', node: call }] : tablesRead(sql, call, env);
}

export function readsOfRawSql(call: ts.CallExpression, callee: ts.Expression, env: Env): FoundRead[] | undefined {
  const { ts: compiler } = env.project;
  if (!compiler.isPropertyAccessExpression(callee) || !RUNS_SQL.test(callee.name.text)) return undefined;
  const receiver = unwrap(compiler, callee.expression);
  const [first] = call.arguments;
  // A tag is read where it stands, that of `sql\`…\`.execute(db)` too.
  if (first === undefined || compiler.isTaggedTemplateExpression(receiver) || receiver.kind === compiler.SyntaxKind.RegularExpressionLiteral) return undefined;
  const given = unwrap(compiler, first);
  const database = plainDatabase(callee.expression, env);
  // `sql.raw(text)` is a part of a statement.
  const isPart = callee.name.text === 'raw' && compiler.isIdentifier(receiver) && /^(sql|Prisma)$/.test(receiver.text);
  if (database === undefined && !isPart && !isWritten(given, compiler)) return undefined;
  if (compiler.isTaggedTemplateExpression(given)) return database === undefined ? undefined : [];
  const sql = sqlText(first, env, database === undefined && !isPart && !isOfClient(given, callee.expression, env) ? 'written' : 'any');
  // Nothing yet: what is to run is put together elsewhere.
  if (sql !== undefined && sql.text.trim() !== '') {
    const reads = [...tablesRead(sql, call, env), ...inParts(given, call, env)];
    return reads.length > 0 || database !== undefined ? reads : undefined;
  }
  if (database === undefined && !isPart && !isOfClient(given, callee.expression, env)) return undefined;
  // A statement that was made elsewhere as a tag was read there.
  const isSeen = compiler.isIdentifier(given) && madeOfTag(given, env);
  // `client.query({ queryKey })` is a cache's; a text that somebody gives to a client named so is a statement.
  const isText = database?.strong === true || isPart || isOfClient(given, callee.expression, env) || (/^(query|unsafe|queryRaw|\$queryRaw\w*)$/.test(callee.name.text) && !compiler.isObjectLiteralExpression(given));
  // What `$executeRaw` runs is a write already, of a table that is not known.
  const mayWrite = callee.name.text.startsWith('$execute') ? {} : { mayWrite: true as const };
  return isSeen || !isText ? [] : [{ table: '?', why: COMPUTED, ...mayWrite, by: 'sql', node: call }];
}

/** ClickHouse: `client.query({ query, query_params, format })`. */
function isOfClient(given: ts.Expression, receiver: ts.Expression, env: Env): boolean {
  const { ts: compiler } = env.project;
  if (!compiler.isObjectLiteralExpression(given)) return false;
  const keys = given.properties.map((part) => propertyName(compiler, part.name));
  if (!keys.includes('query')) return false;
  return keys.some((key) => key !== undefined && /^(query_params|format|clickhouse_settings)$/.test(key)) || /click_?house|^ch$/i.test(calleeName(compiler, receiver) ?? '') || originOf(receiver, env.project)?.module.startsWith('@clickhouse/') === true;
}

/** sql`…`, whether it runs or is a part of a query. */
export function readsOfTag(tag: ts.TaggedTemplateExpression, env: Env): FoundRead[] {
  const name = calleeName(env.project.ts, tag.tag);
  if (name === undefined || /^(gql|graphql|html|css|md|dedent|styled|String)$/.test(name)) return [];
  const { ts: compiler } = env.project;
  const texts = compiler.isNoSubstitutionTemplateLiteral(tag.template) ? [tag.template.text] : [tag.template.head.text, ...tag.template.templateSpans.map((span) => span.literal.text)];
  if (!texts.some((text) => /\b(?:from|join|using|table)\b/i.test(text))) return [];
  const sql = sqlText(tag, env);
  return sql === undefined ? [] : tablesRead(sql, tag, env);
}

/** A value stands there, or a table's name, which is asked for by itself. */
const NO_CLAUSE = /(?:[=<>,('"`.+/-]|\b(?:from|join|into|update|limit|offset|like|ilike|between|and|or|in|by|interval|values))\s*$/i;

/** Parts of a text in which more tables may stand: `SELECT * ${clauses}`. */
function inParts(given: ts.Expression, call: ts.CallExpression, env: Env): FoundRead[] {
  const { ts: compiler } = env.project;
  if (!compiler.isTemplateExpression(given)) return [];
  let before = given.head.text;
  return given.templateSpans.flatMap(({ expression, literal }): FoundRead[] => {
    const isClause = !NO_CLAUSE.test(before);
    before = literal.text;
    if (!isClause) return [];
    const value = env.project.evaluate(expression, env.scope);
    if (value.kind === 'constant') return [];
    if (value.kind !== 'string') return [{ table: '?', why: 'a part of its SQL is computed', by: 'sql', node: call }];
    return readsInSql(value.text).map((read) => (read.isFunction ? ofFunction(read, call) : { table: schemaOf(env.project).named(read.full), by: 'sql' as const, node: call, along: true as const }));
  });
}

function madeOfTag(name: ts.Identifier, env: Env): boolean {
  const { ts: compiler } = env.project;
  const declaration = env.project.declarationOf(name);
  if (declaration === undefined) return false;
  if (compiler.isParameter(declaration)) return true;
  return compiler.isVariableDeclaration(declaration) && declaration.initializer !== undefined && compiler.isTaggedTemplateExpression(unwrap(compiler, declaration.initializer));
}

function tablesRead(sql: SqlText, node: ts.Node, env: Env): FoundRead[] {
  const schema = schemaOf(env.project);
  return readsInSql(sql.text).filter(({ table }) => sql.commons?.has(table.toLowerCase()) !== true).flatMap((read, index) => {
    if (read.isFunction) return [ofFunction(read, node)];
    return sql.named(read.table).map((table): FoundRead => {
      const name = table === read.table ? schema.named(read.full) : schema.named(table);
      return { table: name, by: 'sql', node, ...(name === '?' ? { why: AT_RUN_TIME } : {}), ...(index > 0 ? { along: true as const } : {}) };
    });
  });
}

const ofFunction = ({ full }: SqlRead, node: ts.Node): FoundRead => ({ table: '?', why: `what the database's function ${full} reads was not seen`, by: 'sql', node });
