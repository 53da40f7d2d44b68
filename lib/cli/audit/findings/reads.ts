/** Which tables a query reads: what it makes stale is known then, whatever the table is called. */
import type ts from 'typescript';
import type { FunctionNode, Project } from '../model.js';

const FROM = new Set(['from', 'leftJoin', 'innerJoin', 'rightJoin', 'fullJoin', 'crossJoin', 'selectFrom']);
const FINDS =
  /^(?:findMany|findFirst|findUnique|findFirstOrThrow|findUniqueOrThrow|count|aggregate|groupBy|find|findOne|findById|countDocuments)$/;
const SQL_READ = /\b(?:from|join)\s+(?:"?[\w$]+"?\.)?["'`]?([A-Za-z_][\w$]*)["'`]?/gi;
/** Functions that a query calls are followed this deep. */
const DEPTH = 4;

export class Reads {
  readonly #known = new Map<FunctionNode, ReadonlySet<string>>();
  readonly #running = new Set<FunctionNode>();

  constructor(readonly project: Project) {}

  /** As the code names them, in order of appearance. */
  of(fn: FunctionNode | undefined, depth = DEPTH): ReadonlySet<string> {
    if (!fn?.body || depth === 0 || this.#running.has(fn) || this.project.budget.spent !== undefined) return new Set();
    const known = this.#known.get(fn);
    if (known) return known;
    const tables = new Set<string>();
    this.#running.add(fn);
    this.#visit(fn.body, tables, depth);
    this.#running.delete(fn);
    // What was cut off by the depth is asked again from nearer by.
    if (depth === DEPTH && this.project.budget.spent === undefined) this.#known.set(fn, tables);
    return tables;
  }

  #visit(node: ts.Node, tables: Set<string>, depth: number): void {
    const { ts: compiler } = this.project;
    if (compiler.isCallExpression(node)) this.#call(node, tables, depth);
    else if (compiler.isTaggedTemplateExpression(node)) this.#sql(node, tables);
    compiler.forEachChild(node, (child) => this.#visit(child, tables, depth));
  }

  #call(call: ts.CallExpression, tables: Set<string>, depth: number): void {
    const { ts: compiler } = this.project;
    const callee = call.expression;
    const [first] = call.arguments;
    if (compiler.isPropertyAccessExpression(callee)) {
      const name = callee.name.text;
      if (FROM.has(name) && first) {
        const table = this.#name(first);
        if (table !== undefined) tables.add(table);
        return;
      }
      if (FINDS.test(name) && compiler.isPropertyAccessExpression(callee.expression)) {
        tables.add(callee.expression.name.text);
        return;
      }
    }
    if (compiler.isIdentifier(callee) || compiler.isPropertyAccessExpression(callee)) {
      const called = this.project.functionOf(callee);
      if (called) for (const table of this.of(called, depth - 1)) tables.add(table);
    }
  }

  #name(node: ts.Expression): string | undefined {
    const { ts: compiler } = this.project;
    if (compiler.isIdentifier(node)) return node.text;
    if (compiler.isPropertyAccessExpression(node)) return node.name.text;
    return compiler.isStringLiteralLike(node) ? node.text : undefined;
  }

  #sql(node: ts.TaggedTemplateExpression, tables: Set<string>): void {
    const { ts: compiler } = this.project;
    const { template } = node;
    if (compiler.isNoSubstitutionTemplateLiteral(template)) {
      for (const [, table] of template.text.matchAll(SQL_READ)) if (table !== undefined) tables.add(table);
      return;
    }
    let before = template.head.text;
    for (const [, table] of before.matchAll(SQL_READ)) if (table !== undefined) tables.add(table);
    for (const { expression, literal } of template.templateSpans) {
      if (/\b(?:from|join)\s+$/i.test(before)) {
        const table = this.#name(expression);
        if (table !== undefined) tables.add(table);
      }
      before = literal.text;
      for (const [, table] of before.matchAll(SQL_READ)) if (table !== undefined) tables.add(table);
    }
  }
}
