import type ts from 'typescript';
import type { Bindings, Value } from '../../model.js';
import { bindValues } from './bind.js';
import type { Reader } from './reader.js';
import { returnsOf } from './returns.js';
import { type FunctionValue, membersOf, object, opaque, textOf, unknown } from './values.js';

/** Calls of project functions within each other. */
const MAX_CALLS = 24;
/** Calls of one function within itself. */
const MAX_RECURSION = 3;

/** Calls a function with values at hand: a callback of `map`. */
export function apply(e: Reader, callee: FunctionValue, values: readonly Value[], node: ts.Expression, scope: Bindings): Value {
  return following(e, callee, node, scope, () => bindValues(e, callee.function.parameters, values, callee.scope));
}

/** Follows a call of a function of the project, as far as the bounds on calls within calls allow. */
export function following(e: Reader, callee: FunctionValue, node: ts.Expression, scope: Bindings, bind: () => Bindings): Value {
  const fn = callee.function;
  if (!fn.body || fn.asteriskToken) return opaque(node, scope);
  if (e.calls.length >= MAX_CALLS || e.calls.filter((one) => one === fn).length >= MAX_RECURSION) {
    e.cuts += 1;
    return unknown(node, 'it calls itself, or calls go too deep, to follow');
  }
  e.calls.push(fn);
  try {
    const inner = bind();
    const { cuts } = e;
    let value = e.remembered.ofCall(callee, inner);
    if (!value) {
      value = e.ts.isBlock(fn.body) ? returnsOf(e, fn.body, inner) : e.value(fn.body, inner);
      if (cuts === e.cuts && e.changing.size === 0) e.remembered.keepCall(callee, inner, value);
    }
    // What a helper makes is placed where it was asked for.
    return value.kind === 'expression' ? { ...value, node } : value;
  } finally {
    e.calls.pop();
  }
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
