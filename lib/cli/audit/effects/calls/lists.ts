/** The items of lists, as far as the text names them: a list of steps that a loop or a callback of `map` runs one by one. */
import type ts from 'typescript';
import { boundArgument, homeOf, outOfFunctions, restArguments, type Env } from '../code/environment.js';
import { propertyName, returnsOf, unwrap } from '../code/syntax.js';
import type { Maker, Source } from './sources.js';

export interface Item {
  node: ts.Expression | ts.MethodDeclaration;
  env: Env;
}

export interface Items {
  items: readonly Item[];
  /** The list has more, which the text does not name. */
  open: boolean;
  /** Each item of the list is `[key, item]`. */
  pairs?: true;
}

/** Items of one list; a longer one is open. */
const MAX_ITEMS = 64;
const MAX_STEPS = 8;
const OPEN: Items = { items: [], open: true };

/** Methods that run their callback for each item, and which of its parameters the item is. */
const ITEM_PARAMETER: ReadonlyMap<string, number> = new Map([
  ...['map', 'forEach', 'filter', 'some', 'every', 'find', 'findIndex', 'findLast', 'findLastIndex', 'flatMap'].map((name): [string, number] => [name, 0]),
  ['reduce', 1],
  ['reduceRight', 1],
]);
/** Methods that give the same items again, or some of them. */
const SAME_ITEMS = /^(filter|slice|sort|toSorted|reverse|toReversed|values|splice|with)$/;
/** Methods that give one of the items. */
export const PICKS = /^(shift|pop|at|find|findLast|get)$/;

export class Lists {
  constructor(
    private readonly sourceOf: (node: ts.Expression, env: Env, steps: number) => Source | undefined,
    private readonly makersOf: (callee: ts.Expression, env: Env, steps: number) => readonly Maker[],
  ) {}

  /** The items of the list that a loop's variable, or a callback's parameter, is given from; undefined where it is none such. */
  givenTo(declaration: ts.Declaration, env: Env, steps = MAX_STEPS): Items | undefined {
    const list = listOf(declaration, env.project.ts);
    return list && this.itemsOf(list, homeOf(env, list) ?? outOfFunctions(env), steps);
  }

  /** What the list `node` holds. */
  itemsOf(node: ts.Expression, env: Env, steps = MAX_STEPS): Items {
    const { project } = env;
    const { ts: compiler } = project;
    const inner = unwrap(compiler, node);
    if (steps <= 0 || !project.budget.step()) return OPEN;
    if (compiler.isArrayLiteralExpression(inner)) return this.#ofLiteral(inner, env, steps);
    if (compiler.isConditionalExpression(inner)) return joined(this.itemsOf(inner.whenTrue, env, steps - 1), this.itemsOf(inner.whenFalse, env, steps - 1));
    if (compiler.isBinaryExpression(inner)) return joined(this.itemsOf(inner.left, env, steps - 1), this.itemsOf(inner.right, env, steps - 1));
    if (compiler.isCallExpression(inner)) return this.#ofCall(inner, env, steps);
    if (compiler.isNewExpression(inner)) return this.#ofNew(inner, env, steps);
    if (compiler.isIdentifier(inner)) return this.#ofName(inner, env, steps);
    return this.#behind(inner, env, steps);
  }

  #ofName(name: ts.Identifier, env: Env, steps: number): Items {
    const { project } = env;
    const { ts: compiler } = project;
    const declaration = project.declarationOf(name);
    if (declaration === undefined) return OPEN;
    if (compiler.isVariableDeclaration(declaration) && declaration.initializer) return this.itemsOf(declaration.initializer, homeOf(env, declaration) ?? outOfFunctions(env), steps - 1);
    if (compiler.isParameter(declaration)) {
      const bound = boundArgument(env, declaration);
      if (bound !== undefined) return bound.expression && bound.env ? this.itemsOf(bound.expression, bound.env, steps - 1) : OPEN;
      const rest = restArguments(env, declaration);
      if (rest !== undefined) return this.#all(rest.args, rest.caller, steps);
    }
    // A list of lists.
    const outer = this.givenTo(declaration, env, steps - 1);
    if (outer !== undefined) {
      return outer.items.map((item) => (compiler.isMethodDeclaration(item.node) ? OPEN : this.itemsOf(item.node, item.env, steps - 1))).reduce(joined, { items: [], open: outer.open });
    }
    return this.#behind(name, env, steps);
  }

  /** A property, a part of an argument, what a function of the project gives. */
  #behind(node: ts.Expression, env: Env, steps: number): Items {
    const source = this.sourceOf(node, env, steps);
    const lists = (source?.kind === 'ways' ? source.of : [source]).map((way) =>
      way?.kind === 'value' && way.node !== node && !env.project.ts.isObjectLiteralExpression(way.node) ? this.itemsOf(way.node, way.env, steps - 1) : OPEN,
    );
    return lists.reduce(joined);
  }

  #ofLiteral(list: ts.ArrayLiteralExpression, env: Env, steps: number): Items {
    return this.#all(list.elements, env, steps);
  }

  #all(elements: readonly ts.Expression[], env: Env, steps: number): Items {
    const { ts: compiler } = env.project;
    let all: Items = { items: [], open: false };
    for (const element of elements) {
      if (all.items.length >= MAX_ITEMS) return { ...all, open: true };
      if (compiler.isSpreadElement(element)) all = joined(all, this.itemsOf(element.expression, env, steps - 1));
      else if (!compiler.isOmittedExpression(element)) all = joined(all, { items: [{ node: element, env }], open: false });
    }
    return all;
  }

  /** `new Set(list)`, `new Map([[key, item]])` */
  #ofNew(made: ts.NewExpression, env: Env, steps: number): Items {
    const { ts: compiler } = env.project;
    const [list] = made.arguments ?? [];
    if (list === undefined || !compiler.isIdentifier(made.expression)) return OPEN;
    if (made.expression.text === 'Set') return this.itemsOf(list, env, steps - 1);
    if (made.expression.text !== 'Map') return OPEN;
    const pairs = this.itemsOf(list, env, steps - 1);
    if (pairs.pairs) return pairs;
    const items = pairs.items.flatMap((item): Item[] => {
      const pair = compiler.isMethodDeclaration(item.node) ? undefined : unwrap(compiler, item.node);
      const value = pair && compiler.isArrayLiteralExpression(pair) ? pair.elements[1] : undefined;
      return value ? [{ node: value, env: item.env }] : [];
    });
    return { items, open: pairs.open || items.length < pairs.items.length, pairs: true };
  }

  #ofCall(call: ts.CallExpression, env: Env, steps: number): Items {
    const { ts: compiler } = env.project;
    const callee = unwrap(compiler, call.expression);
    const [first] = call.arguments;
    if (!compiler.isPropertyAccessExpression(callee)) return this.#behind(call, env, steps);
    const name = callee.name.text;
    const holder = unwrap(compiler, callee.expression);
    if (compiler.isIdentifier(holder) && holder.text === 'Object' && first) {
      if (name === 'values') return this.#ofObject(first, env, steps);
      return name === 'entries' ? { ...this.#ofObject(first, env, steps), pairs: true } : name === 'freeze' ? this.itemsOf(first, env, steps - 1) : OPEN;
    }
    if (compiler.isIdentifier(holder) && holder.text === 'Array') return name === 'from' && first && call.arguments.length === 1 ? this.itemsOf(first, env, steps - 1) : name === 'of' ? this.#all(call.arguments, env, steps) : OPEN;
    if (name === 'map' || name === 'flatMap') return this.#mapped(call, name, env, steps);
    if (name === 'concat') return joined(this.itemsOf(holder, env, steps - 1), this.#all(call.arguments.map((given) => given), env, steps));
    if (name === 'entries') return { ...this.itemsOf(holder, env, steps - 1), pairs: true };
    if (SAME_ITEMS.test(name)) {
      const { items, open } = this.itemsOf(holder, env, steps - 1);
      return { items, open };
    }
    return this.#behind(call, env, steps);
  }

  /** `ids.map((id) => () => remove(id))`: what the callback gives is an item. */
  #mapped(call: ts.CallExpression, name: string, env: Env, steps: number): Items {
    const { ts: compiler } = env.project;
    const [callback] = call.arguments;
    if (callback === undefined) return OPEN;
    let all: Items = { items: [], open: false };
    for (const maker of this.makersOf(callback, env, steps - 1)) {
      const at = maker.asCallback();
      for (const result of returnsOf(compiler, maker.fn)) {
        all = joined(all, name === 'flatMap' ? this.itemsOf(result, at, steps - 1) : { items: [{ node: result, env: at }], open: false });
      }
    }
    return all.items.length === 0 ? OPEN : all;
  }

  #ofObject(object: ts.Expression, env: Env, steps: number): Items {
    const { ts: compiler } = env.project;
    const source = this.sourceOf(object, env, steps - 1);
    if (source?.kind !== 'value' || !compiler.isObjectLiteralExpression(source.node)) return OPEN;
    let all: Items = { items: [], open: false };
    for (const part of source.node.properties) {
      if (compiler.isSpreadAssignment(part)) all = joined(all, this.#ofObject(part.expression, source.env, steps - 1));
      else if (compiler.isPropertyAssignment(part)) all = joined(all, { items: [{ node: part.initializer, env: source.env }], open: false });
      else if (compiler.isMethodDeclaration(part)) all = joined(all, { items: [{ node: part, env: source.env }], open: false });
      else if (compiler.isShorthandPropertyAssignment(part)) all = joined(all, { items: [{ node: part.name, env: source.env }], open: false });
    }
    return all;
  }
}

function joined(first: Items, second: Items): Items {
  const items = [...first.items, ...second.items];
  const pairs = first.pairs ?? second.pairs;
  return { items: items.slice(0, MAX_ITEMS), open: first.open || second.open || items.length > MAX_ITEMS, ...(pairs ? { pairs } : {}) };
}

/** `steps` of `for (const step of steps)`, `steps.map((step) => …)`, `pMap(steps, (step) => …)`. */
export function listOf(declaration: ts.Declaration, compiler: typeof ts): ts.Expression | undefined {
  if (compiler.isVariableDeclaration(declaration)) {
    const loop = declaration.parent.parent;
    return compiler.isForOfStatement(loop) ? loop.expression : undefined;
  }
  if (!compiler.isParameter(declaration)) return undefined;
  const fn = declaration.parent;
  if (!compiler.isArrowFunction(fn) && !compiler.isFunctionExpression(fn)) return undefined;
  let given: ts.Node = fn;
  while (compiler.isParenthesizedExpression(given.parent) || compiler.isAsExpression(given.parent)) given = given.parent;
  const call = given.parent;
  if (!compiler.isCallExpression(call) || call.expression === given) return undefined;
  const index = fn.parameters.indexOf(declaration);
  const callee = unwrap(compiler, call.expression);
  const method = compiler.isPropertyAccessExpression(callee) ? callee.name.text : undefined;
  if (compiler.isPropertyAccessExpression(callee) && call.arguments[0] === given && ITEM_PARAMETER.get(method ?? '') === index) return callee.expression;
  // A library's function: the list stands before the callback.
  return index === 0 && call.arguments[0] !== given ? call.arguments[0] : undefined;
}

/** Lists in which somebody leaves functions to be told: `for (const send of this.spectators) send(text)`. */
const TOLD = /^this\.|listen|subscri|observ|watch|clients?$|sockets?$|connections?$|sinks?$|senders?$/i;

export function isToldOf(declaration: ts.Declaration, compiler: typeof ts): boolean {
  const list = listOf(declaration, compiler);
  return list !== undefined && TOLD.test(list.getText());
}

/** The name under which a pattern takes a part of an item: `run` of `({ run })`, the second of `[name, run]`. */
export function partOfItem(element: ts.BindingElement, compiler: typeof ts): string | number | undefined {
  if (compiler.isArrayBindingPattern(element.parent)) return element.parent.elements.indexOf(element);
  return propertyName(compiler, element.propertyName ?? element.name);
}
