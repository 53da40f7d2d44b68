/** Where a function's code is read: its arguments, the databases it holds, the way that led to it. */
import type ts from 'typescript';
import type { Bindings, FunctionNode, Project, Value } from '../../model.js';
import { propertyName } from './syntax.js';

/** What is known of a database, or of an object that holds some. */
export type Database =
  | { kind: 'bare' | 'tx'; strong: boolean }
  | { kind: 'record'; properties: ReadonlyMap<string, Database> }
  /** An optional argument that was not given. */
  | { kind: 'absent' };

/** An argument: the expression, and the place where its names have their meaning. */
export interface Bound {
  expression: ts.Expression | undefined;
  env: Env | undefined;
}

/** One run of a function's body. */
export interface Activation {
  readonly fn: ts.Node | undefined;
  /** Whether an argument's text was asked for: then what was found holds for these arguments alone. */
  consulted: boolean;
  /** Conditions that its arguments left open: what was found holds for all arguments that leave them open. */
  open?: Set<ts.Expression>;
}

export interface Env {
  readonly project: Project;
  readonly activation: Activation;
  /** The environment in which the function was made. */
  readonly outer: Env | undefined;
  readonly args: ReadonlyMap<ts.Node, Bound>;
  readonly databases: ReadonlyMap<ts.Node, Database>;
  readonly scope: Bindings;
  /** `ambient`: every statement counts as inside; `explicit`: those on the transaction's own object do. */
  readonly transaction: 'explicit' | 'ambient' | undefined;
  readonly inLoop: boolean;
  readonly conditions: readonly string[];
  readonly arms: readonly string[];
  /** `this` of a method: the `new` expression that made it. */
  readonly self: { made: ts.NewExpression; env: Env } | undefined;
  /** What the middlewares put into the context, outermost first. */
  readonly context: readonly Bound[];
}

export function rootEnv(project: Project, scope: Bindings = new Map()): Env {
  return {
    project,
    activation: { fn: undefined, consulted: false },
    outer: undefined,
    args: new Map(),
    databases: new Map(),
    scope,
    transaction: undefined,
    inLoop: false,
    conditions: [],
    arms: [],
    self: undefined,
    context: [],
  };
}

/** The environment of the function that `node` was declared in, as far as it is one of those around `env`. */
export function homeOf(env: Env, node: ts.Node): Env | undefined {
  const { ts: compiler } = env.project;
  let fn: ts.Node | undefined = node.parent;
  const holders = new Set<ts.Node>();
  while (fn !== undefined) {
    if (compiler.isFunctionLike(fn)) holders.add(fn);
    fn = fn.parent;
  }
  for (let at: Env | undefined = env; at !== undefined; at = at.outer) {
    if (at.activation.fn !== undefined && holders.has(at.activation.fn)) return at;
  }
  if (holders.size === 0) return undefined;
  // A factory around the procedure: nobody entered it, but its parameters are bound.
  for (let at: Env | undefined = env; at !== undefined; at = at.outer) {
    if (at.activation.fn === undefined && at.scope.size > 0) return at;
  }
  return undefined;
}

/** The environment of code that stands in no function. */
export function outOfFunctions(env: Env): Env {
  return rootEnv(env.project);
}

/** The bound argument of a parameter, looked up through closures; marks the activation as dependent on it. */
export function boundArgument(env: Env, parameter: ts.Node): Bound | undefined {
  for (let at: Env | undefined = env; at !== undefined; at = at.outer) {
    const found = at.args.get(parameter);
    if (found !== undefined) {
      at.activation.consulted = true;
      return found;
    }
  }
  const value = env.scope.get(parameter);
  return value === undefined ? undefined : boundValue(value, env.project);
}

/** A value that the project bound, as an argument: of a factory around the procedure. */
function boundValue(value: Value, project: Project): Bound | undefined {
  const { ts: compiler } = project;
  if (value.kind === 'expression') return { expression: value.expression, env: rootEnv(project, value.scope) };
  if (value.kind === 'function' && compiler.isExpression(value.function)) return { expression: value.function, env: rootEnv(project, value.scope) };
  if (value.kind === 'constant' && value.value === undefined) return { expression: undefined, env: undefined };
  if (value.kind === 'unknown' || value.kind === 'choice' || !compiler.isExpression(value.node)) return undefined;
  return { expression: value.node, env: rootEnv(project) };
}

export function databaseBinding(env: Env, declaration: ts.Node): Database | undefined {
  for (let at: Env | undefined = env; at !== undefined; at = at.outer) {
    const found = at.databases.get(declaration);
    if (found !== undefined) return found;
  }
  return undefined;
}

/**
 * Bindings that evaluate an argument when it is asked for, so that a call costs nothing for the arguments that no path
 * or table depends on.
 */
export class ArgumentBindings extends Map<ts.Node, Value> {
  readonly #env: () => Env;
  readonly #outer: Bindings;
  readonly #own: ReadonlyMap<ts.Node, Bound>;
  readonly #rest: RestArguments | undefined;
  readonly #busy = new Set<ts.Node>();

  constructor(own: ReadonlyMap<ts.Node, Bound>, rest: RestArguments | undefined, outer: Bindings, env: () => Env) {
    super();
    this.#own = own;
    this.#rest = rest;
    this.#outer = outer;
    this.#env = env;
  }

  get rest(): RestArguments | undefined {
    return this.#rest;
  }

  /** Whether an argument is bound to it, without evaluating any. */
  binds(node: ts.Node): boolean {
    if (this.#own.has(node) || this.#rest?.parameter === node) return true;
    if (this.#env().project.ts.isBindingElement(node) && this.#holds(node)) return true;
    return isBound(this.#outer, node);
  }

  override has(node: ts.Node): boolean {
    return this.get(node) !== undefined;
  }

  override get(node: ts.Node): Value | undefined {
    const known = super.get(node);
    if (known !== undefined) {
      this.#env().activation.consulted = true;
      return known;
    }
    const { ts: compiler } = this.#env().project;
    if (this.#own.has(node)) return this.#keep(node, () => this.#argument(node));
    const rest = this.#rest;
    if (rest?.parameter === node) return this.#keep(node, () => restOf(rest));
    if (compiler.isBindingElement(node) && this.#holds(node)) return this.#keep(node, () => this.#element(node));
    return this.#outer.get(node);
  }

  override get size(): number {
    return this.#own.size + this.#outer.size;
  }

  override *entries(): MapIterator<[ts.Node, Value]> {
    const own = new Map<ts.Node, Value>(this.#outer);
    for (const node of [...this.#own.keys(), ...(this.#rest ? [this.#rest.parameter] : [])]) {
      const value = this.get(node);
      if (value !== undefined) own.set(node, value);
    }
    yield* own;
  }

  override *keys(): MapIterator<ts.Node> {
    for (const [node] of this.entries()) yield node;
  }

  override *values(): MapIterator<Value> {
    for (const [, value] of this.entries()) yield value;
  }

  override forEach(each: (value: Value, node: ts.Node, map: Map<ts.Node, Value>) => void): void {
    for (const [node, value] of this.entries()) each(value, node, this);
  }

  override [Symbol.iterator](): MapIterator<[ts.Node, Value]> {
    return this.entries();
  }

  #holds(element: ts.BindingElement): boolean {
    let at: ts.Node = element;
    const { ts: compiler } = this.#env().project;
    while (compiler.isBindingElement(at) || compiler.isObjectBindingPattern(at) || compiler.isArrayBindingPattern(at)) at = at.parent;
    return this.#own.has(at) || this.#rest?.parameter === at;
  }

  #keep(node: ts.Node, make: () => Value | undefined): Value | undefined {
    this.#env().activation.consulted = true;
    if (this.#busy.has(node)) return { kind: 'unknown', why: 'depends on itself', node };
    this.#busy.add(node);
    try {
      const value = make();
      if (value !== undefined) super.set(node, value);
      return value;
    } finally {
      this.#busy.delete(node);
    }
  }

  #argument(node: ts.Node): Value | undefined {
    const bound = this.#own.get(node);
    const { project } = this.#env();
    const { ts: compiler } = project;
    if (bound?.expression === undefined) {
      if (compiler.isParameter(node) && node.initializer) return project.evaluate(node.initializer, this.#outer);
      return { kind: 'constant', value: undefined, node };
    }
    return project.evaluate(bound.expression, bound.env?.scope);
  }

  #element(element: ts.BindingElement): Value | undefined {
    const { project } = this.#env();
    const holder = element.parent.parent;
    const value = this.get(holder);
    const name = propertyName(project.ts, element.propertyName ?? element.name);
    if (value === undefined || name === undefined) return undefined;
    const part = memberOf(value, name);
    if (element.initializer && (part === undefined || (part.kind === 'constant' && part.value === undefined))) {
      return project.evaluate(element.initializer, this.#outer);
    }
    return part ?? { kind: 'unknown', why: 'the argument is computed', node: element };
  }
}

/** The arguments that a rest parameter takes, looked up through closures. */
export function restArguments(env: Env, parameter: ts.Node): { args: readonly ts.Expression[]; caller: Env } | undefined {
  for (let at: Env | undefined = env; at !== undefined; at = at.outer) {
    const rest = at.scope instanceof ArgumentBindings ? at.scope.rest : undefined;
    if (rest?.parameter !== parameter) continue;
    at.activation.consulted = true;
    return { args: rest.args.slice(rest.index), caller: rest.caller };
  }
  return undefined;
}

export const isBound = (scope: Bindings, node: ts.Node): boolean => (scope instanceof ArgumentBindings ? scope.binds(node) : scope.has(node));

/** `...names`, and all arguments of the call. */
interface RestArguments {
  parameter: ts.ParameterDeclaration;
  index: number;
  args: readonly ts.Expression[];
  caller: Env;
}

/** What a rest parameter holds: the arguments from its place on, spread ones taken apart. */
function restOf({ parameter, index, args, caller }: RestArguments): Value {
  const { project } = caller;
  const items: Value[] = [];
  for (const argument of args) {
    if (!project.ts.isSpreadElement(argument)) {
      items.push(project.evaluate(argument, caller.scope));
      continue;
    }
    const spread = project.evaluate(argument.expression, caller.scope);
    if (spread.kind === 'array') items.push(...spread.items);
    if (spread.kind === 'array' && spread.complete) continue;
    // How many there are is not known, nor which of them come before the parameter.
    return { kind: 'array', items: items.length > index ? items.slice(index) : [], complete: false, node: parameter };
  }
  return { kind: 'array', items: items.slice(index), complete: true, node: parameter };
}

/** A property of a value; undefined where nothing tells. */
export function memberOf(value: Value, name: string): Value | undefined {
  if (value.kind === 'object') {
    const found = value.properties.get(name);
    if (found !== undefined) return found;
    return value.complete ? { kind: 'constant', value: undefined, node: value.node } : undefined;
  }
  if (value.kind === 'choice') {
    const options = value.options.map((option) => memberOf(option, name)).filter((option) => option !== undefined);
    return options.length === 0 ? undefined : { kind: 'choice', options, node: value.node };
  }
  return undefined;
}

/** The environment of a call of `fn`: parameters bound, the way to it forgotten. */
export function enter(
  fn: FunctionNode,
  args: readonly ts.Expression[],
  caller: Env,
  made: { outer: Env | undefined; databases: ReadonlyMap<ts.Node, Database>; scope?: Bindings; self?: Env['self'] },
): Env {
  const { ts: compiler } = caller.project;
  const own = new Map<ts.Node, Bound>();
  let rest: RestArguments | undefined;
  const spread = args.findIndex((argument) => compiler.isSpreadElement(argument));
  fn.parameters.forEach((parameter, index) => {
    if (parameter.dotDotDotToken) rest = { parameter, index, args, caller };
    if (parameter.dotDotDotToken || (spread >= 0 && index >= spread)) return;
    own.set(parameter, { expression: args[index], env: caller });
  });
  const holder: { env: Env | undefined } = { env: undefined };
  const outerScope = made.scope ?? made.outer?.scope ?? new Map<ts.Node, Value>();
  const env: Env = {
    ...rootEnv(caller.project),
    activation: { fn, consulted: false },
    outer: made.outer,
    args: own,
    databases: made.databases,
    scope: new ArgumentBindings(own, rest, outerScope, () => holder.env ?? env),
    self: made.self ?? made.outer?.self,
    context: made.outer?.context ?? [],
  };
  holder.env = env;
  return env;
}
