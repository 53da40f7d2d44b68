import type ts from 'typescript';
import type { Bindings, Value } from '../../model.js';
import { apply, fromEntries } from './apply.js';
import type { Reader } from './reader.js';
import { anyElement, elementNamed } from './members.js';
import { array, choice, concatenate, constant, equal, membersOf, object, optionsOf, text, textOf, truth, unknown, whyOf } from './values.js';

/** Undefined: this method does not apply to the value, or its outcome is not known. */
type Method = (e: Reader, base: Value, node: ts.CallExpression, scope: Bindings) => Value | undefined;

/** `Object.freeze(x)` and the other functions of the language itself. Undefined where it is none of them. */
export function valueOfGlobalCall(e: Reader, callee: ts.PropertyAccessExpression, node: ts.CallExpression, scope: Bindings): Value | undefined {
  const { ts } = e;
  const holder = callee.expression;
  const [first] = node.arguments;
  if (!ts.isIdentifier(holder) || !first || e.names.declarationOf(e.names.symbolOf(holder))) return undefined;
  const name = `${holder.text}.${callee.name.text}`;
  const value = (): Value => e.value(first, scope);
  switch (name) {
    case 'Object.freeze':
    case 'Object.seal':
    case 'Promise.resolve':
    case 'structuredClone':
      return value();
    case 'Object.keys':
    case 'Object.values':
    case 'Object.entries': {
      const holds = value();
      if (holds.kind !== 'object') return undefined;
      const members = [...holds.properties].map(([key, one]) => {
        if (name === 'Object.values') return one;
        return name === 'Object.keys' ? text(one.node, key) : array(node, [text(one.node, key), one]);
      });
      return array(node, members, holds.complete);
    }
    case 'Object.fromEntries':
      return fromEntries(node, value());
    case 'Object.assign': {
      const properties = new Map<string, Value>();
      let complete = true;
      for (const one of node.arguments.map((argument) => e.value(argument, scope))) {
        if (one.kind !== 'object') return undefined;
        for (const [key, member] of one.properties) properties.set(key, member);
        complete &&= one.complete;
      }
      return object(node, properties, complete);
    }
    case 'Array.from': {
      const members = membersOf(value());
      const callback = node.arguments[1];
      if (!members) return undefined;
      return callback ? mapped(e, members.items, members.complete, callback, node, scope, false) : array(node, members.items, members.complete);
    }
    case 'Array.of':
      return array(node, node.arguments.map((argument) => e.value(argument, scope)));
    default:
      return undefined;
  }
}

function mapped(e: Reader, items: readonly Value[], complete: boolean, callback: ts.Expression, node: ts.CallExpression, scope: Bindings, flat: boolean): Value | undefined {
  const fn = e.value(callback, scope);
  if (fn.kind !== 'function') return undefined;
  const results = items.map((item, index) => apply(e, fn, [item, constant(node, index)], node, scope));
  return flat ? flattened(node, results, complete) : array(node, results, complete);
}

function flattened(node: ts.Node, values: readonly Value[], complete: boolean): Value {
  const items: Value[] = [];
  let all = complete;
  for (const value of values) {
    const members = value.kind === 'array' || value.kind === 'choice' ? membersOf(value) : undefined;
    if (members) {
      items.push(...members.items);
      all &&= members.complete;
    } else {
      items.push(value);
      all &&= value.kind !== 'unknown' && value.kind !== 'expression';
    }
  }
  return array(node, items, all);
}

/** Keeps what the callback keeps for certain, and what it may keep. */
function filtered(e: Reader, items: readonly Value[], callback: ts.Expression, node: ts.CallExpression, scope: Bindings): Value[] {
  const inner = e.unwrap(callback);
  const isBoolean = e.ts.isIdentifier(inner) && inner.text === 'Boolean';
  const fn = isBoolean ? undefined : e.value(callback, scope);
  return items.flatMap((item) => {
    const kept = optionsOf(item).filter((option) => {
      if (isBoolean) return truth(option) !== false;
      return fn?.kind !== 'function' || truth(apply(e, fn, [option], node, scope)) !== false;
    });
    return kept.length === 0 ? [] : [choice(item.node, kept)];
  });
}

const firstOf = (e: Reader, node: ts.CallExpression, scope: Bindings): Value | undefined => (node.arguments[0] ? e.value(node.arguments[0], scope) : undefined);

const onArray =
  (method: (e: Reader, base: Extract<Value, { kind: 'array' }>, node: ts.CallExpression, scope: Bindings) => Value | undefined): Method =>
  (e, base, node, scope) =>
    base.kind === 'array' ? method(e, base, node, scope) : undefined;

const onText =
  (change: (value: string) => string): Method =>
  (_e, base, node) =>
    base.kind === 'string' ? text(node, change(base.text)) : undefined;

const compared =
  (compare: (value: string, other: string) => boolean): Method =>
  (e, base, node, scope) => {
    const other = firstOf(e, node, scope);
    return base.kind === 'string' && other?.kind === 'string' ? constant(node, compare(base.text, other.text)) : undefined;
  };

/** What order it has afterwards is of no interest here, which members it has is. */
const same = onArray((_e, base) => base);
const reversed = onArray((_e, base, node) => array(node, [...base.items].reverse(), base.complete));

const includes: Method = (e, base, node, scope) => {
  const wanted = firstOf(e, node, scope);
  if (base.kind === 'string') return wanted?.kind === 'string' ? constant(node, base.text.includes(wanted.text)) : undefined;
  if (base.kind === 'object') {
    const key = wanted && textOf(wanted);
    if (key === undefined) return undefined;
    if (base.properties.has(key)) return constant(node, true);
    return base.complete ? constant(node, false) : undefined;
  }
  if (base.kind !== 'array' || !wanted) return undefined;
  const results = base.items.map((item) => equal(item, wanted));
  if (results.includes(true)) return constant(node, true);
  return base.complete && !results.includes(undefined) ? constant(node, false) : undefined;
};

const map =
  (flat: boolean): Method =>
  (e, base, node, scope) => {
    const [callback] = node.arguments;
    return base.kind === 'array' && callback ? mapped(e, base.items, base.complete, callback, node, scope, flat) : undefined;
  };

export const METHODS: ReadonlyMap<string, Method> = new Map<string, Method>([
  ['map', map(false)],
  ['flatMap', map(true)],
  ['filter', onArray((e, base, node, scope) => (node.arguments[0] ? array(node, filtered(e, base.items, node.arguments[0], node, scope), base.complete) : undefined))],
  ['flat', onArray((_e, base, node) => flattened(node, base.items, base.complete))],
  ['find', onArray((e, base, node, scope) => {
    if (!node.arguments[0] || !base.complete) return undefined;
    return choice(node, [...filtered(e, base.items, node.arguments[0], node, scope), constant(node, undefined)]);
  })],
  ['reverse', reversed],
  ['toReversed', reversed],
  ['sort', same],
  ['toSorted', same],
  ['slice', onArray((e, base, node, scope) => {
    const bounds = node.arguments.map((argument) => e.value(argument, scope));
    const known = bounds.every((bound) => bound.kind === 'constant') && base.complete;
    return known ? array(node, base.items.slice(...bounds.map((bound) => Number(textOf(bound))))) : base;
  })],
  ['values', onArray((_e, base) => base)],
  ['keys', (_e, base, node) => (base.kind === 'object' && base.complete ? array(node, [...base.properties].map(([key, one]) => text(one.node, key))) : undefined)],
  ['includes', includes],
  ['has', includes],
  ['at', onArray((_e, base, node, scope) => {
    const index = node.arguments[0] && textOf(_e.value(node.arguments[0], scope));
    return index === undefined || !base.complete ? undefined : (base.items.at(Number(index)) ?? constant(node, undefined));
  })],
  ['get', (e, base, node, scope) => {
    const key = firstOf(e, node, scope);
    if (base.kind !== 'object' || !key) return undefined;
    const keys = optionsOf(key).map(textOf);
    return keys.every((one) => one !== undefined) ? choice(node, keys.map((one) => elementNamed(e, base, one, node, scope))) : anyElement(base, node, scope);
  }],
  ['join', onArray((e, base, node, scope) => {
    const between = firstOf(e, node, scope) ?? text(node, ',');
    if (!base.complete) return unknown(node, 'the array may hold more than what is known of it');
    return concatenate(node, base.items.flatMap((item, index) => (index === 0 ? [item] : [between, item])));
  })],
  ['concat', (e, base, node, scope) => {
    const values = node.arguments.map((argument) => e.value(argument, scope));
    if (base.kind === 'string') return concatenate(node, [base, ...values]);
    if (base.kind !== 'array') return undefined;
    const items = [...base.items];
    let { complete } = base;
    for (const value of values) {
      const members = value.kind === 'array' || value.kind === 'choice' ? membersOf(value) : undefined;
      if (members) items.push(...members.items);
      else items.push(value.kind === 'string' || value.kind === 'constant' ? value : unknown(value.node, whyOf(value)));
      complete &&= members?.complete ?? (value.kind === 'string' || value.kind === 'constant');
    }
    return array(node, items, complete);
  }],
  ['split', (e, base, node, scope) => {
    const at = firstOf(e, node, scope);
    return base.kind === 'string' && at?.kind === 'string' ? array(node, base.text.split(at.text).map((part) => text(node, part))) : undefined;
  }],
  ['replace', (e, base, node, scope) => {
    const [from, to] = node.arguments.map((argument) => e.value(argument, scope));
    return base.kind === 'string' && from?.kind === 'string' && to?.kind === 'string' ? text(node, base.text.replace(from.text, () => to.text)) : undefined;
  }],
  ['startsWith', compared((value, other) => value.startsWith(other))],
  ['endsWith', compared((value, other) => value.endsWith(other))],
  ['toLowerCase', onText((value) => value.toLowerCase())],
  ['toUpperCase', onText((value) => value.toUpperCase())],
  ['trim', onText((value) => value.trim())],
  ['toString', onText((value) => value)],
]);
