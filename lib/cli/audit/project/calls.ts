import type ts from 'typescript';
import type { Bindings, Value } from '../model.js';
import { bindParameters, bindValues } from './bind.js';
import { METHODS, valueOfGlobalCall } from './builtins.js';
import { valueOfModule } from './declared.js';
import type { Evaluator } from './evaluate.js';
import { memberOf, valueOfLeft } from './members.js';
import { returnsOf } from './returns.js';
import { type FunctionValue, array, choice, constant, isNullish, membersOf, object, opaque, optionsOf, textOf, unknown } from './values.js';

/** Calls of project functions within each other. */
const MAX_CALLS = 24;
/** Calls of one function within itself. */
const MAX_RECURSION = 3;

/** What a call gives. One that leaves the sources, or that makes something, stands for itself. */
export function valueOfCall(e: Evaluator, node: ts.CallExpression, scope: Bindings): Value {
  const { ts } = e;
  const callee = e.unwrap(node.expression);
  const [first] = node.arguments;
  if (callee.kind === ts.SyntaxKind.ImportKeyword || isRequire(e, callee)) {
    const module = first && e.names.moduleOf(first);
    return module ? valueOfModule(e, module) : opaque(node, scope);
  }
  if (!ts.isPropertyAccessExpression(callee)) return applyAll(e, e.value(callee, scope), node, scope);

  const name = callee.name.text;
  const known = valueOfGlobalCall(e, callee, node, scope);
  if (known) return known;
  const base = valueOfLeft(e, callee.expression, name, scope);
  if (name === 'then' && first && base.kind !== 'unknown' && base.kind !== 'expression') {
    const callback = e.value(first, scope);
    if (callback.kind === 'function') return apply(e, callback, [base], node, scope);
  }
  if ((name === 'catch' || name === 'finally') && base.kind !== 'unknown' && base.kind !== 'expression') return base;
  if (callee.questionDotToken && optionsOf(base).every(isNullish)) return constant(node, undefined);
  const options = optionsOf(base);
  if (options.every(({ kind }) => kind === 'string' || kind === 'array' || kind === 'object')) {
    const method = METHODS.get(name);
    // A member of the object's own comes before the method of its kind.
    const applies = options.map((option) =>
      option.kind === 'object' && option.properties.has(name) ? undefined : method?.(e, option, node, scope),
    );
    if (applies.length > 0 && applies.every((one) => one !== undefined)) return choice(node, applies);
  }
  if (options.every((option) => option.kind === 'function') && (name === 'call' || name === 'apply' || name === 'bind')) {
    if (name === 'bind') return base;
    return name === 'call' ? applyAll(e, base, node, scope, node.arguments.slice(1)) : opaque(node, scope);
  }
  return applyAll(e, memberOf(e, base, name, callee, scope), node, scope);
}

function isRequire(e: Evaluator, callee: ts.Expression): boolean {
  return e.ts.isIdentifier(callee) && callee.text === 'require' && !e.names.declarationOf(e.names.symbolOf(callee));
}

function applyAll(e: Evaluator, callee: Value, node: ts.CallExpression, scope: Bindings, args: readonly ts.Expression[] = node.arguments): Value {
  const options = optionsOf(callee);
  if (!options.some((option) => option.kind === 'function')) return opaque(node, scope);
  return choice(
    node,
    options.map((option) => {
      if (option.kind !== 'function') return opaque(node, scope);
      return guarded(e, option, node, scope, () => bindParameters(e, option.function.parameters, args, scope, option.scope));
    }),
  );
}

/** Calls a function with values at hand: a callback of `map`. */
export function apply(e: Evaluator, callee: FunctionValue, values: readonly Value[], node: ts.Expression, scope: Bindings): Value {
  return guarded(e, callee, node, scope, () => bindValues(e, callee.function.parameters, values, callee.scope));
}

function guarded(e: Evaluator, callee: FunctionValue, node: ts.Expression, scope: Bindings, bind: () => Bindings): Value {
  const fn = callee.function;
  if (!fn.body || fn.asteriskToken) return opaque(node, scope);
  if (e.calls.length >= MAX_CALLS || e.calls.filter((one) => one === fn).length >= MAX_RECURSION) {
    e.cuts += 1;
    return unknown(node, 'it calls itself, or calls go too deep, to follow');
  }
  e.calls.push(fn);
  try {
    const inner = bind();
    const value = e.ts.isBlock(fn.body) ? returnsOf(e, fn.body, inner) : e.value(fn.body, inner);
    // What a helper makes is placed where it was asked for.
    return value.kind === 'expression' ? { ...value, node } : value;
  } finally {
    e.calls.pop();
  }
}

/** `new Set([…])` is its members, `new Map([[…]])` its entries; anything else stands for itself. */
export function valueOfNew(e: Evaluator, node: ts.NewExpression, scope: Bindings): Value {
  const { ts } = e;
  const [first] = node.arguments ?? [];
  const isGlobal = ts.isIdentifier(node.expression) && !e.names.declarationOf(e.names.symbolOf(node.expression));
  const name = isGlobal && ts.isIdentifier(node.expression) ? node.expression.text : '';
  if (name === 'Set') {
    if (!first) return array(node, []);
    const members = membersOf(e.value(first, scope));
    if (!members) return opaque(node, scope);
    const items: Value[] = [];
    for (const item of members.items) if (textOf(item) === undefined || !items.some((other) => textOf(other) === textOf(item))) items.push(item);
    return array(node, items, members.complete);
  }
  if (name === 'Map') return first ? (fromEntries(node, e.value(first, scope)) ?? opaque(node, scope)) : object(node, new Map());
  if (name === 'Array' && (node.arguments ?? []).length === 0) return array(node, []);
  return opaque(node, scope);
}

/** An object out of `[key, value]` pairs. */
export function fromEntries(node: ts.Node, pairs: Value): Value | undefined {
  const members = membersOf(pairs);
  if (!members) return undefined;
  const properties = new Map<string, Value>();
  let complete = members.complete;
  for (const pair of members.items) {
    const [key, value] = pair.kind === 'array' ? pair.items : [];
    const name = key && textOf(key);
    if (name === undefined || !value) complete = false;
    else properties.set(name, value);
  }
  return object(node, properties, complete);
}
