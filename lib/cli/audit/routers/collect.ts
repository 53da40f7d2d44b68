import type ts from 'typescript';
import type { Bindings, Procedure, Value } from '../model.js';
import type { Unseen } from '../report.js';
import type { OpenedProject } from '../project/index.js';
import { apply } from '../project/values/apply.js';
import { EMPTY, type ObjectValue, isNullish, optionsOf, whyOf } from '../project/values/values.js';
import { type Made, whatIsMade } from './made.js';
import { procedureOf } from './procedure.js';

/** Routers within routers. */
const MAX_DEPTH = 40;

export interface Collected {
  procedures: Procedure[];
  unseen: Unseen[];
  /** Calls that make the routers mounted in it, and where they are asked for. */
  mounted: Set<ts.Node>;
}

/** Every procedure of a router, with its path, and what could not be followed. */
export function collect(project: OpenedProject, value: Value): Collected {
  const collector = new Collector(project);
  collector.router(value, '', value.node, 0, true);
  const seen = new Set<string>();
  const unseen = collector.unseen.filter((one) => {
    const key = JSON.stringify(one);
    return seen.has(key) ? false : seen.add(key);
  });
  return { procedures: [...collector.procedures.values()], unseen, mounted: collector.mounted };
}

class Collector {
  readonly procedures = new Map<string, Procedure>();
  readonly unseen: Unseen[] = [];
  readonly mounted = new Set<ts.Node>();

  constructor(private readonly project: OpenedProject) {}

  /** A router, or a plain object of procedures and routers. `at` is where the text mounts it. */
  router(value: Value, prefix: string, at: ts.Node, depth: number, isRoot = false, scope: Bindings = EMPTY): void {
    if (depth > MAX_DEPTH) {
      this.note(at, prefix, 'routers within routers go too deep to follow; it may contain itself');
      return;
    }
    if (value.kind === 'choice') {
      this.options(value, prefix, at, (option) => this.router(option, prefix, at, depth + 1, isRoot, scope));
    } else if (value.kind === 'object') {
      this.members(value, prefix, at, depth, scope);
    } else if (value.kind === 'expression') {
      const made = whatIsMade(this.project, value);
      if (!isRoot) this.mount(value, made);
      this.made(made, value, prefix, at, depth);
    } else if (!isNullish(value)) {
      this.note(at, prefix, `it could not be followed: ${whyOf(value)}`);
    }
  }

  private made(made: Made, value: Extract<Value, { kind: 'expression' }>, prefix: string, at: ts.Node, depth: number): void {
    const { evaluator } = this.project;
    switch (made.kind) {
      case 'router':
        if (made.byShape) this.note(made.node, prefix, `taken for a router by its shape: ${made.byShape}`);
        this.record(made.record, made.scope, prefix, depth);
        break;
      case 'merge':
        for (const one of made.routers) {
          if (this.project.ts.isSpreadElement(one)) {
            const list = evaluator.evaluate(one.expression, made.scope);
            if (list.kind !== 'array') this.note(one, prefix, `the routers that are merged here are not known: ${whyOf(list)}`);
            else for (const item of list.items) this.router(item, prefix, one, depth + 1);
          } else {
            this.router(evaluator.evaluate(one, made.scope), prefix, one, depth + 1);
          }
        }
        break;
      case 'lazy':
        this.lazy(made, prefix, depth);
        break;
      case 'procedure':
        this.procedure(made, value, prefix);
        break;
      case 'old':
        this.note(made.node, prefix, "this is a router of tRPC 9 (`.query('name', { resolve })`), which the audit does not read");
        break;
      case 'other':
        this.wrapped(made, value, prefix, at, depth);
    }
  }

  private record(record: ts.Expression, scope: Bindings, prefix: string, depth: number): void {
    const value = this.project.evaluator.evaluate(record, scope);
    this.router(value, prefix, record, value.kind === 'object' ? depth : depth + 1, false, scope);
  }

  /** Notes the spreads and computed names of a record that are not known, or known only in part. */
  private inexact(value: ObjectValue, literal: ts.ObjectLiteralExpression, scope: Bindings, prefix: string, depth: number): void {
    const { evaluator, ts } = this.project;
    for (const member of literal.properties) {
      if (ts.isSpreadAssignment(member)) {
        const spread = evaluator.evaluate(member.expression, scope);
        for (const option of value.complete ? [] : optionsOf(spread)) {
          if (option.kind === 'object' && !option.complete) this.note(member, prefix, 'what is spread here is known only in part');
          else if (option.kind === 'expression' && this.spreadRouter(option, prefix, member, depth)) continue;
          else if (option.kind !== 'object' && option.kind !== 'constant') this.note(member, prefix, `what is spread here is not known: ${whyOf(option)}`);
        }
        if (spread.kind === 'choice' && spread.options.every(({ kind }) => kind === 'object' || kind === 'constant')) {
          this.note(member, prefix, 'a condition decides what is spread here; all of it is taken');
        }
      } else if (ts.isComputedPropertyName(member.name)) {
        const key = evaluator.evaluate(member.name.expression, scope);
        if (key.kind === 'choice') this.note(member, prefix, 'the name of the member is one of several; each is taken');
        else if (key.kind !== 'string' && !value.complete) this.note(member, prefix, `the name of the member is not known: ${whyOf(key)}`);
      }
    }
  }

  /** `...guestsRouter._def.procedures`: the members of a router. */
  private spreadRouter({ expression, scope }: Extract<Value, { kind: 'expression' }>, prefix: string, at: ts.Node, depth: number): boolean {
    const { evaluator, ts } = this.project;
    const last = evaluator.unwrap(expression);
    if (!ts.isPropertyAccessExpression(last) || !/^(procedures|record)$/.test(last.name.text)) return false;
    const definition = evaluator.unwrap(last.expression);
    if (!ts.isPropertyAccessExpression(definition) || definition.name.text !== '_def') return false;
    this.router(evaluator.evaluate(definition.expression, scope), prefix, at, depth + 1);
    return true;
  }

  private members(value: ObjectValue, prefix: string, at: ts.Node, depth: number, scope: Bindings): void {
    if (this.project.ts.isObjectLiteralExpression(value.node)) this.inexact(value, value.node, scope, prefix, depth);
    else if (!value.complete) this.note(at, prefix, 'some of its members could not be read');
    for (const [key, member] of value.properties) this.router(member, prefix === '' ? key : `${prefix}.${key}`, member.node, depth + 1, false, scope);
  }

  private lazy(made: Extract<Made, { kind: 'lazy' }>, prefix: string, depth: number): void {
    const { evaluator } = this.project;
    const loader = evaluator.evaluate(made.loader, made.scope);
    if (loader.kind !== 'function') {
      this.note(made.node, prefix, `the lazy router could not be followed: ${whyOf(loader)}`);
      return;
    }
    const loaded = apply(evaluator, loader, [], made.node, made.scope);
    if (loaded.kind !== 'object') {
      this.router(loaded, prefix, made.node, depth + 1);
      return;
    }
    // A module as a whole: tRPC takes the one router that it exports.
    const routers = [...loaded.properties].filter(([, member]) => {
      if (member.kind !== 'expression') return false;
      const { kind } = whatIsMade(this.project, member);
      return kind === 'router' || kind === 'merge' || kind === 'lazy';
    });
    const distinct = new Map(routers.map(([name, member]) => [member.node, [name, member] as const]));
    const [first] = [...distinct.values()].sort(([a], [b]) => Number(b === 'default') - Number(a === 'default'));
    if (!first) this.note(made.node, prefix, 'no router was found among the exports of the module that is loaded');
    else {
      if (distinct.size > 1) this.note(made.node, prefix, `the module exports ${distinct.size} routers; \`${first[0]}\` is taken`);
      this.router(first[1], prefix, made.node, depth + 1);
    }
  }

  private procedure(made: Extract<Made, { kind: 'procedure' }>, value: Extract<Value, { kind: 'expression' }>, path: string): void {
    const { procedure, unseen } = procedureOf(this.project, made, value, path);
    this.unseen.push(...unseen);
    const before = this.procedures.get(path);
    if (!before) this.procedures.set(path, procedure);
    else if (before.node !== procedure.node) this.note(procedure.node, path, 'there is another procedure of this path, which is the one that is read');
  }

  /** A call that is not tRPC's own: a router may be among its arguments. */
  private wrapped(made: Extract<Made, { kind: 'other' }>, value: Extract<Value, { kind: 'expression' }>, prefix: string, at: ts.Node, depth: number): void {
    const { evaluator } = this.project;
    const tip = made.chain.links.at(-1);
    for (const argument of tip?.args ?? []) {
      const inner = evaluator.evaluate(argument, tip?.scope);
      if (inner.kind !== 'expression') continue;
      const { kind } = whatIsMade(this.project, inner);
      if (kind === 'other') continue;
      this.note(at, prefix, `it is wrapped in a call that could not be followed (\`${clip(value.expression.getText())}\`); what is inside is taken`);
      this.router(inner, prefix, at, depth + 1);
      return;
    }
    const origin = made.chain.from ? `; it comes from '${made.chain.from.module}', which is not among the sources` : '';
    this.note(at, prefix, `\`${clip(textOf(value))}\` could not be followed to a router or a procedure${origin}`);
  }

  private options(value: Extract<Value, { kind: 'choice' }>, prefix: string, at: ts.Node, each: (option: Value) => void): void {
    const options = value.options.filter((option) => !isNullish(option) && !(option.kind === 'constant' && option.value === false));
    this.note(at, prefix, options.length > 1 ? `a condition decides which of ${options.length} it is; all of them are taken` : 'a condition decides whether it is there; it is taken');
    for (const option of options) each(option);
  }

  private mount(value: Value, made: Made): void {
    this.mounted.add(value.node);
    if ('node' in made) this.mounted.add(made.node);
  }

  private note(node: ts.Node, path: string, why: string): void {
    const what = path === '' ? 'the router' : `\`${path}\``;
    this.unseen.push({ ...this.project.placeOf(node), what, why, ...(path === '' ? {} : { subject: path }) });
  }
}

const textOf = (value: Value): string => {
  const source = value.node.getSourceFile();
  return source.text.slice(value.node.getStart(source), value.node.end);
};

export const clip = (text: string): string => {
  const line = text.replaceAll(/\s+/g, ' ');
  return line.length > 60 ? `${line.slice(0, 57)}…` : line;
};
