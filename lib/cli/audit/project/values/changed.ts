import type ts from 'typescript';
import type { Bindings, Value } from '../../model.js';
import type { Reader } from './reader.js';
import type { Mutation } from './mutations.js';
import { array, choice, isNullish, membersOf, object, optionsOf, textOf, unknown, whyOf } from './values.js';

/** Functions within functions that change what they are given. */
const MAX_PASSES = 4;

/**
 * What a variable holds after everything that the text does to it. Under which condition, and whether before or after the
 * place that asks, is not looked at: what it may hold is what counts.
 */
export function changed(e: Reader, initial: Value, variable: ts.Declaration, mutations: readonly Mutation[], scope: Bindings, passes = 0): Value {
  if (mutations.length === 0 || e.changing.has(variable)) return initial;
  e.changing.add(variable);
  try {
    return changeAll(e, initial, variable, mutations, scope, passes);
  } finally {
    e.changing.delete(variable);
  }
}

function changeAll(e: Reader, initial: Value, variable: ts.Declaration, mutations: readonly Mutation[], scope: Bindings, passes: number): Value {
  let value = initial;
  for (const mutation of mutations) {
    // The right side may speak of the variable itself: it means what is there so far.
    const isReading = scope.size === 0 && e.reading.has(variable);
    if (isReading) e.reading.set(variable, value);
    const inner = scope.size > 0 ? new Map(scope).set(variable, value) : scope;
    value = apply(e, value, mutation, variable, inner, passes);
  }
  return value;
}

function apply(e: Reader, value: Value, mutation: Mutation, variable: ts.Declaration, scope: Bindings, passes: number): Value {
  switch (mutation.kind) {
    case 'assign': {
      const next = mutation.value ? e.value(mutation.value, scope) : unknown(variable, 'it is computed when the program runs');
      return isNullish(value) ? next : choice(variable, [value, next]);
    }
    case 'append':
      return append(e, value, mutation.values, scope);
    case 'append-member': {
      const { key, values } = mutation;
      return onMembers(value, key, (member) => append(e, member, values, scope));
    }
    case 'member': {
      const keys = typeof mutation.key === 'string' ? [mutation.key] : optionsOf(e.value(mutation.key, scope)).map(textOf);
      return withMembers(value, keys, e.value(mutation.value, scope));
    }
    case 'merge':
      return mutation.values.reduce((merged, one) => merge(merged, e.value(one, scope)), value);
    case 'passed':
      return passes < MAX_PASSES ? afterCall(e, value, mutation.call, mutation.index, scope, passes) : value;
  }
}

/** What a function of the project does to a parameter is done to what it was given. */
function afterCall(e: Reader, value: Value, call: ts.CallExpression, index: number, scope: Bindings, passes: number): Value {
  const { ts } = e;
  if (!optionsOf(value).some(({ kind }) => kind === 'array' || kind === 'object')) return value;
  const fn = e.functionOf(call.expression, scope);
  const parameter = fn?.parameters[index];
  if (!fn?.body || !parameter || !ts.isIdentifier(parameter.name)) return value;
  // A parameter that is given another value no longer is what was passed.
  const mutations = e.mutations.of(parameter, parameter.name.text).filter(({ kind }) => kind !== 'assign');
  if (mutations.length === 0) return value;
  const bound = e.bind(fn.parameters, call.arguments, scope, scope);
  return changed(e, value, parameter, mutations, bound, passes + 1);
}

function append(e: Reader, value: Value, added: readonly ts.Expression[], scope: Bindings): Value {
  if (value.kind === 'choice') return choice(value.node, value.options.map((option) => append(e, option, added, scope)));
  if (value.kind !== 'array') return value;
  const items = [...value.items];
  let complete = value.complete;
  for (const one of added) {
    if (!e.ts.isSpreadElement(one)) {
      items.push(e.value(one, scope));
      continue;
    }
    const spread = e.value(one.expression, scope);
    const members = membersOf(spread);
    complete &&= members?.complete ?? false;
    items.push(...(members?.items ?? [unknown(one, `what is added here is not known: ${whyOf(spread)}`)]));
  }
  return array(value.node, items, complete);
}

function onMembers(value: Value, key: string, change: (member: Value) => Value): Value {
  if (value.kind === 'choice') return choice(value.node, value.options.map((option) => onMembers(option, key, change)));
  const member = value.kind === 'object' ? value.properties.get(key) : undefined;
  return value.kind === 'object' && member ? object(value.node, new Map(value.properties).set(key, change(member)), value.complete) : value;
}

function withMembers(value: Value, keys: readonly (string | undefined)[], member: Value): Value {
  if (value.kind === 'choice') return choice(value.node, value.options.map((option) => withMembers(option, keys, member)));
  if (value.kind === 'array') return { ...value, complete: false };
  if (value.kind !== 'object') return value;
  const properties = new Map(value.properties);
  let complete = value.complete;
  for (const key of keys) {
    if (key === undefined) complete = false;
    else properties.set(key, properties.has(key) ? choice(member.node, [properties.get(key) ?? member, member]) : member);
  }
  return object(value.node, properties, complete);
}

function merge(value: Value, more: Value): Value {
  if (value.kind !== 'object') return value;
  if (more.kind !== 'object') return { ...value, complete: false };
  const merged = [...more.properties].reduce<Value>((all, [key, member]) => withMembers(all, [key], member), value);
  return merged.kind === 'object' && !more.complete ? { ...merged, complete: false } : merged;
}
