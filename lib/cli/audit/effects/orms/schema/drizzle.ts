/** Drizzle's tables and views, their foreign keys and relations, out of the code. */
import type ts from 'typescript';
import type { Project } from '../../../model.js';
import { calleeName, propertyName, unwrap } from '../../code/syntax.js';
import { actionOf, noFacts, type SchemaFacts } from './facts.js';
import { TABLE_MAKER } from '../tables.js';

export function drizzleFacts(project: Project): SchemaFacts {
  const { ts: compiler } = project;
  const facts = noFacts();
  const visit = (node: ts.Node): void => {
    if (compiler.isVariableDeclaration(node) && node.initializer && compiler.isIdentifier(node.name)) {
      const made = tableCall(unwrap(compiler, node.initializer), compiler);
      if (made) {
        facts.tables.push({ name: node.name.text, sql: sqlName(made, project) });
        keysIn(made, node.name.text, project, facts);
        return;
      }
      relationsIn(unwrap(compiler, node.initializer), project, facts);
    }
    if (!compiler.isFunctionLike(node)) compiler.forEachChild(node, visit);
  };
  for (const file of project.files) if (/[tT]able(?:Creator)?(?:WithSchema)?\s*\(|View\s*\(|\b(?:defineR|r)elations\s*\(/.test(file.text)) visit(file);
  return facts;
}

/** `relations(guests, ({ one, many }) => ({ items: many(items) }))`, `defineRelations(schema, (r) => ({ guests: { items: r.many.items() } }))` */
function relationsIn(made: ts.Expression, project: Project, facts: SchemaFacts): void {
  const { ts: compiler } = project;
  if (!compiler.isCallExpression(made)) return;
  const maker = calleeName(compiler, made.expression);
  const [first, given] = made.arguments;
  const work = given && unwrap(compiler, given);
  if (first === undefined || work === undefined || !compiler.isArrowFunction(work) || !/^(relations|defineRelations)$/.test(maker ?? '')) return;
  const answer = compiler.isBlock(work.body) ? undefined : unwrap(compiler, work.body);
  if (answer === undefined || !compiler.isObjectLiteralExpression(answer)) return;
  const ofTable = (model: string, fields: ts.ObjectLiteralExpression): void => {
    for (const part of fields.properties) {
      const field = propertyName(compiler, part.name);
      const call = compiler.isPropertyAssignment(part) ? unwrap(compiler, part.initializer) : undefined;
      if (field === undefined || call === undefined || !compiler.isCallExpression(call)) continue;
      const callee = unwrap(compiler, call.expression);
      const [table] = call.arguments;
      // `many(items)` names the constant, `r.many.items()` the key of the schema.
      const older = table && compiler.isIdentifier(callee) ? nameOf(table, project) : undefined;
      const other = older ?? (compiler.isPropertyAccessExpression(callee) ? callee.name.text : undefined);
      if (other === undefined) continue;
      const list = (compiler.isIdentifier(callee) ? callee.text : calleeName(compiler, compiler.isPropertyAccessExpression(callee) ? callee.expression : callee)) === 'many';
      const between = /\.through\s*\(\s*\w+\.(\w+)\./.exec(call.getText())?.[1];
      facts.relations.push({ model, field, other, list, ...(between === undefined ? {} : { between }) });
    }
  };
  if (maker === 'relations') {
    const model = nameOf(first, project);
    if (model !== undefined) ofTable(model, answer);
    return;
  }
  for (const part of answer.properties) {
    const model = propertyName(compiler, part.name);
    const fields = compiler.isPropertyAssignment(part) ? unwrap(compiler, part.initializer) : undefined;
    if (model !== undefined && fields && compiler.isObjectLiteralExpression(fields)) ofTable(model, fields);
  }
}

/** The constant that an expression names, whatever it was imported as. */
function nameOf(node: ts.Expression, project: Project): string | undefined {
  const { ts: compiler } = project;
  const inner = unwrap(compiler, node);
  const name = compiler.isIdentifier(inner) ? inner : compiler.isPropertyAccessExpression(inner) ? inner.name : undefined;
  if (name === undefined) return undefined;
  const declaration = project.declarationOf(name);
  return (declaration && compiler.isVariableDeclaration(declaration) ? propertyName(compiler, declaration.name) : undefined) ?? name.text;
}

const VIEW_MAKER = /^(pg|mysql|sqlite|singlestore)?(Materialized)?View$|^(v|materializedV)iew$/;

/** `pgTable('item', …)`, `pgTable('item', …).enableRLS()`, `pgView('recent').as(…)` */
function tableCall(node: ts.Expression, compiler: typeof ts): ts.CallExpression | undefined {
  if (!compiler.isCallExpression(node)) return undefined;
  const [first] = node.arguments;
  const maker = calleeName(compiler, node.expression) ?? '';
  if ((TABLE_MAKER.test(maker) || VIEW_MAKER.test(maker)) && first && compiler.isStringLiteralLike(unwrap(compiler, first))) return node;
  const callee = unwrap(compiler, node.expression);
  return compiler.isPropertyAccessExpression(callee) ? tableCall(unwrap(compiler, callee.expression), compiler) : undefined;
}

/** The first argument, with what `pgSchema('auth').table` and `pgTableCreator((name) => …)` make of it. */
function sqlName(call: ts.CallExpression, project: Project): string {
  const { ts: compiler } = project;
  const [first] = call.arguments;
  const text = first && unwrap(compiler, first);
  const given = text && compiler.isStringLiteralLike(text) ? text.text : '?';
  const callee = unwrap(compiler, call.expression);
  if (compiler.isPropertyAccessExpression(callee)) {
    const schema = schemaName(callee.expression, project);
    return schema === undefined ? given : `${schema}.${given}`;
  }
  const declaration = compiler.isIdentifier(callee) ? project.declarationOf(callee) : undefined;
  const maker = declaration && compiler.isVariableDeclaration(declaration) && declaration.initializer ? unwrap(compiler, declaration.initializer) : undefined;
  if (maker === undefined || !compiler.isCallExpression(maker) || text === undefined) return given;
  const [customize] = maker.arguments;
  const fn = customize && unwrap(compiler, customize);
  if (fn === undefined || !compiler.isArrowFunction(fn) || compiler.isBlock(fn.body) || !fn.parameters[0]) return given;
  const value = project.evaluate(fn.body, new Map([[fn.parameters[0], { kind: 'string', text: given, node: text }]]));
  return value.kind === 'string' ? value.text : given;
}

function schemaName(node: ts.Expression, project: Project): string | undefined {
  const { ts: compiler } = project;
  const inner = unwrap(compiler, node);
  const declaration = compiler.isIdentifier(inner) ? project.declarationOf(inner) : undefined;
  const made = declaration && compiler.isVariableDeclaration(declaration) && declaration.initializer ? unwrap(compiler, declaration.initializer) : inner;
  if (!compiler.isCallExpression(made) || !/Schema$/.test(calleeName(compiler, made.expression) ?? '')) return undefined;
  const [first] = made.arguments;
  return first && compiler.isStringLiteralLike(first) ? first.text : undefined;
}

/** `.references(() => users.id, { onDelete: 'cascade' })`, `foreignKey({ foreignColumns: [users.id] }).onDelete('cascade')` */
function keysIn(table: ts.CallExpression, from: string, project: Project, facts: SchemaFacts): void {
  const { ts: compiler } = project;
  const add = (column: ts.Expression | undefined, action: ts.Expression | undefined): void => {
    const access = column && unwrap(compiler, column);
    if (!access || !compiler.isPropertyAccessExpression(access) || !action) return;
    const text = unwrap(compiler, action);
    const onDelete = actionOf(compiler.isStringLiteralLike(text) ? text.text : undefined);
    const to = nameOf(access.expression, project);
    if (onDelete !== undefined && to !== undefined) facts.keys.push({ from, to, onDelete });
  };
  const visit = (node: ts.Node): void => {
    if (compiler.isCallExpression(node)) {
      const name = calleeName(compiler, node.expression);
      const [first, second] = node.arguments;
      if (name === 'references' && first) {
        const fn = unwrap(compiler, first);
        const options = second && unwrap(compiler, second);
        if (compiler.isArrowFunction(fn) && !compiler.isBlock(fn.body) && options) add(fn.body, property(options, 'onDelete', compiler));
      } else if (name === 'onDelete' && first) {
        const key = foreignKeyUnder(node.expression, compiler);
        const columns = key && property(key, 'foreignColumns', compiler);
        const list = columns && unwrap(compiler, columns);
        if (list && compiler.isArrayLiteralExpression(list)) add(list.elements[0], first);
      }
    }
    compiler.forEachChild(node, visit);
  };
  visit(table);
}

function property(node: ts.Expression, name: string, compiler: typeof ts): ts.Expression | undefined {
  if (!compiler.isObjectLiteralExpression(node)) return undefined;
  const part = node.properties.find((one) => propertyName(compiler, one.name) === name);
  return part && compiler.isPropertyAssignment(part) ? part.initializer : undefined;
}

/** The options of the `foreignKey({…})` that a chain begins with. */
function foreignKeyUnder(callee: ts.Expression, compiler: typeof ts): ts.Expression | undefined {
  for (let at = unwrap(compiler, callee); ; ) {
    if (compiler.isPropertyAccessExpression(at)) at = unwrap(compiler, at.expression);
    else if (!compiler.isCallExpression(at)) return undefined;
    else if (calleeName(compiler, at.expression) === 'foreignKey') return at.arguments[0] && unwrap(compiler, at.arguments[0]);
    else at = unwrap(compiler, at.expression);
  }
}
