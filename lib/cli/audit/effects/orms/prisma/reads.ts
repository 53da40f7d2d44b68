/** `prisma.guest.findMany({ include: … })`, and the models that are read along with it. */
import type ts from 'typescript';
import type { Env } from '../../code/environment.js';
import { literalOf } from '../../code/literals.js';
import { propertyName, returnsOf, unwrap } from '../../code/syntax.js';
import type { FoundRead } from '../orm.js';
import { schemaOf, type Schema } from '../schema/index.js';
import { modelOf } from './writes.js';

const METHODS = /^(find(Many|First|Unique)(OrThrow)?|count|aggregate|groupBy|findRaw|aggregateRaw)$/;
/** Hold relations by their names, or what stands on them. */
const WITHIN = new Set(['include', 'select', 'where', 'orderBy', 'having', 'cursor', 'AND', 'OR', 'NOT', 'some', 'every', 'none', 'is', 'isNot']);
/** Say of a field that it is a relation, where no schema does. */
const OF_RELATION = new Set(['include', 'select', 'some', 'every', 'none', 'is', 'isNot']);

export function readsOfPrisma(call: ts.CallExpression, callee: ts.Expression, env: Env): FoundRead[] | undefined {
  const { ts: compiler } = env.project;
  if (!compiler.isPropertyAccessExpression(callee) || !METHODS.test(callee.name.text)) return undefined;
  const held = modelOf(callee.expression, env, call);
  if (held === undefined) return undefined;
  const found: FoundRead[] = [{ table: held.model, by: 'prisma', node: call, ...(held.model === '?' ? { why: 'which model it reads is decided at run time' } : {}) }];
  const [given] = call.arguments;
  if (given) {
    const walk = new Walk(call, env, found);
    walk.within(given, held.model);
    const columns = walk.isPlain ? scalarColumns(given, env) : undefined;
    if (columns && found[0]) found[0].columns = columns;
  }
  return found;
}

class Walk {
  readonly #schema: Schema;
  readonly #running = new Set<ts.Node>();
  isPlain = true;

  constructor(
    readonly call: ts.CallExpression,
    readonly env: Env,
    readonly found: FoundRead[],
  ) {
    this.#schema = schemaOf(env.project);
  }

  /** Every relation of `model` that the object names, and those behind it. */
  within(node: ts.Expression, model: string, key = ''): void {
    const { ts: compiler } = this.env.project;
    const inner = unwrap(compiler, node);
    if (compiler.isArrayLiteralExpression(inner)) {
      for (const element of inner.elements) this.within(compiler.isSpreadElement(element) ? element.expression : element, model, key);
      return;
    }
    if (compiler.isConditionalExpression(inner)) {
      for (const way of [inner.whenTrue, inner.whenFalse]) this.within(way, model, key);
      return;
    }
    if (compiler.isBinaryExpression(inner)) {
      for (const way of [inner.left, inner.right]) if (!compiler.isIdentifier(way) || way !== inner.left) this.within(way, model, key);
      return;
    }
    if (compiler.isIdentifier(inner) && inner.text === 'undefined') return;
    const literal = literalOf(inner, this.env);
    if (literal === undefined && compiler.isCallExpression(inner) && this.#answers(inner, model, key)) return;
    if (literal === undefined) return this.#computed(inner, model, key);
    for (const part of literal.properties) {
      if (compiler.isSpreadAssignment(part)) this.within(part.expression, model, key);
      else this.#part(part, model, key);
    }
  }

  /** `where: visibleTo(user)`: what a function of the project answers. False where its code is not there. */
  #answers(call: ts.CallExpression, model: string, key: string): boolean {
    const { project, scope } = this.env;
    const fn = project.functionOf(call.expression, scope);
    const answers = fn && !this.#running.has(fn) ? returnsOf(project.ts, fn) : [];
    if (fn === undefined || answers.length === 0) return false;
    this.isPlain = false;
    this.#running.add(fn);
    for (const answer of answers) this.within(answer, model, key);
    this.#running.delete(fn);
    return true;
  }

  #part(part: ts.ObjectLiteralElementLike, model: string, key: string): void {
    const { ts: compiler } = this.env.project;
    const name = propertyName(compiler, part.name);
    const value = compiler.isPropertyAssignment(part) ? unwrap(compiler, part.initializer) : compiler.isShorthandPropertyAssignment(part) ? part.name : undefined;
    if (name === undefined) {
      if (OF_RELATION.has(key)) this.#unseen(part);
      return;
    }
    if (value === undefined || value.kind === compiler.SyntaxKind.FalseKeyword) return;
    const isWhole = value.kind === compiler.SyntaxKind.TrueKeyword;
    if (name === '_count') {
      if (isWhole && (key === 'include' || key === 'select')) for (const relation of this.#schema.relationsOf(model)) if (relation.list) this.#read(relation.other, relation.between);
      if (!isWhole) this.within(value, model, 'select');
      return;
    }
    const relation = this.#schema.relation(model, name);
    if (relation) {
      this.#read(relation.other, relation.between);
      if (!isWhole) this.within(value, relation.other, name);
      return;
    }
    if (WITHIN.has(name)) {
      if (!isWhole) this.within(value, model, name);
      return;
    }
    // Without a schema the field's name stands for its table, where it can be nothing else.
    if (this.#schema.knows(model)) return;
    const isNested = compiler.isObjectLiteralExpression(value) && value.properties.some((one) => OF_RELATION.has(propertyName(compiler, one.name) ?? ''));
    if (key === 'include' || isNested) {
      this.#read(name, undefined);
      if (!isWhole) this.within(value, name, name);
    }
  }

  /** What is asked of scalars may be anything; what may name relations is told of. */
  #computed(node: ts.Expression, model: string, key: string): void {
    const { ts: compiler } = this.env.project;
    if (key !== '' && !WITHIN.has(key)) return;
    this.isPlain = false;
    if (compiler.isStringLiteralLike(node) || compiler.isNumericLiteral(node)) return;
    // A model without relations has nothing to read along.
    if (this.#schema.knows(model) && this.#schema.relationsOf(model).length === 0) return;
    this.#unseen(node);
  }

  #unseen(node: ts.Node): void {
    this.isPlain = false;
    this.found.push({ table: '?', why: 'which relations it reads along is computed', by: 'prisma', node });
  }

  #read(table: string, between: string | undefined): void {
    this.isPlain = false;
    this.found.push({ table, by: 'prisma', node: this.call, along: true });
    if (between !== undefined) this.found.push({ table: between, by: 'prisma', node: this.call, along: true });
  }
}

/** `select: { id: true }`, with the fields that conditions and order ask of. */
function scalarColumns(given: ts.Expression, env: Env): string[] | undefined {
  const { ts: compiler } = env.project;
  const literal = literalOf(given, env);
  const select = literal?.properties.find((part) => propertyName(compiler, part.name) === 'select');
  if (literal === undefined || select === undefined) return undefined;
  const columns = new Set<string>();
  let plain = true;
  const keys = (node: ts.Expression): void => {
    const inner = unwrap(compiler, node);
    if (compiler.isArrayLiteralExpression(inner)) return inner.elements.forEach(keys);
    if (!compiler.isObjectLiteralExpression(inner)) return void (plain = false);
    for (const part of inner.properties) {
      const name = propertyName(compiler, part.name);
      if (name === undefined || compiler.isSpreadAssignment(part)) plain = false;
      else if (/^(AND|OR|NOT)$/.test(name)) keys(compiler.isPropertyAssignment(part) ? part.initializer : part.name as ts.Expression);
      else columns.add(name);
    }
  };
  for (const part of literal.properties) {
    const name = propertyName(compiler, part.name);
    if (name !== undefined && /^(take|skip)$/.test(name)) continue;
    if (name === undefined || !/^(select|where|orderBy|distinct)$/.test(name) || !compiler.isPropertyAssignment(part) || name === 'distinct') return undefined;
    keys(part.initializer);
  }
  return plain ? [...columns] : undefined;
}
