import type ts from 'typescript';
import type { Bindings, FunctionNode, Value } from '../../model.js';

export type StringValue = Extract<Value, { kind: 'string' }>;
export type ConstantValue = Extract<Value, { kind: 'constant' }>;
export type ArrayValue = Extract<Value, { kind: 'array' }>;
export type ObjectValue = Extract<Value, { kind: 'object' }>;
export type FunctionValue = Extract<Value, { kind: 'function' }>;

export const EMPTY: Bindings = new Map();
/** More possibilities than these are no answer: the value is unknown. */
const MAX_OPTIONS = 64;
const MAX_MEMBERS = 4096;
/** Characters; a longer text is unknown. */
const MAX_TEXT = 65_536;
/** Longer arrays are not compared. */
const MAX_COMPARED = 64;

export const text = (node: ts.Node, value: string): StringValue => ({ kind: 'string', text: value, node });
export const constant = (node: ts.Node, value: ConstantValue['value']): ConstantValue => ({ kind: 'constant', value, node });

/** Beyond MAX_MEMBERS the rest is one unknown member. */
export function array(node: ts.Node, items: readonly Value[], complete = true): ArrayValue {
  if (items.length <= MAX_MEMBERS) return { kind: 'array', items: [...items], complete, node };
  const rest = unknown(node, `only ${MAX_MEMBERS} of its members are read`);
  return { kind: 'array', items: [...items.slice(0, MAX_MEMBERS), rest], complete: false, node };
}

export const object = (node: ts.Node, properties: Map<string, Value>, complete = true): ObjectValue => ({ kind: 'object', properties, complete, node });
export const opaque = (expression: ts.Expression, scope: Bindings, node: ts.Node = expression): Value => ({ kind: 'expression', expression, scope, node });
export const unknown = (node: ts.Node, why: string): Value => ({ kind: 'unknown', why, node });
export const functionValue = (fn: FunctionNode, scope: Bindings): FunctionValue => ({ kind: 'function', function: fn, scope, node: fn });

const isSame = (a: Value, b: Value): boolean =>
  a === b ||
  (a.kind === 'string' && b.kind === 'string' && a.text === b.text) ||
  (a.kind === 'constant' && b.kind === 'constant' && a.value === b.value) ||
  (a.kind === 'array' &&
    b.kind === 'array' &&
    a.complete === b.complete &&
    a.items.length === b.items.length &&
    a.items.length <= MAX_COMPARED &&
    a.items.every((item, index) => isSame(item, b.items[index] ?? item))) ||
  (a.kind === b.kind && a.node === b.node && (a.kind === 'unknown' || (a.kind === 'expression' && b.kind === 'expression' && a.scope === b.scope)));

/** One of several; equal ones count once, and one alone is no choice. */
export function choice(node: ts.Node, options: readonly Value[]): Value {
  const flat: Value[] = [];
  for (const option of options) {
    for (const one of option.kind === 'choice' ? option.options : [option]) if (!flat.some((other) => isSame(other, one))) flat.push(one);
  }
  const [first] = flat;
  if (!first) return unknown(node, 'no branch of it gives a value');
  if (flat.length === 1) return first;
  if (flat.length > MAX_OPTIONS) return unknown(node, `it has more than ${MAX_OPTIONS} possible values`);
  return { kind: 'choice', options: flat, node };
}

export const optionsOf = (value: Value): readonly Value[] => (value.kind === 'choice' ? value.options : [value]);

/** Whether a value counts as true; undefined where that is not known. */
export function truth(value: Value): boolean | undefined {
  switch (value.kind) {
    case 'string':
      return value.text !== '';
    case 'constant':
      return Boolean(value.value);
    case 'array':
    case 'object':
    case 'function':
      return true;
    case 'choice': {
      const [first, ...rest] = value.options.map(truth);
      return rest.every((one) => one === first) ? first : undefined;
    }
    default:
      return undefined;
  }
}

export const isNullish = (value: Value): boolean => value.kind === 'constant' && (value.value === null || value.value === undefined);
const isDefinite = (value: Value): boolean => value.kind !== 'unknown' && value.kind !== 'expression' && value.kind !== 'choice';

/** Whether two values are equal by `===`; undefined where that is not known. */
export function equal(a: Value, b: Value): boolean | undefined {
  if (a.kind === 'string' && b.kind === 'string') return a.text === b.text;
  if (a.kind === 'constant' && b.kind === 'constant') return a.value === b.value;
  return isDefinite(a) && isDefinite(b) && a.kind !== b.kind ? false : undefined;
}

/** What JavaScript makes of a known value inside a template; undefined where it is not known. */
export function textOf(value: Value): string | undefined {
  if (value.kind === 'string') return value.text;
  return value.kind === 'constant' ? String(value.value) : undefined;
}

/** The members that a spread of the value adds: those of each option, and nothing for `false`, `null` and `undefined`. */
export function membersOf(value: Value): ArrayValue | undefined {
  if (value.kind === 'array') return value;
  if (value.kind === 'constant' && !value.value) return array(value.node, []);
  if (value.kind !== 'choice') return undefined;
  const items: Value[] = [];
  let complete = true;
  for (const option of value.options) {
    const members = membersOf(option);
    if (!members) {
      complete = false;
      items.push(unknown(option.node, whyOf(option)));
      continue;
    }
    complete &&= members.complete;
    for (const item of members.items) if (!items.some((other) => isSame(other, item))) items.push(item);
  }
  return array(value.node, items, complete);
}

/** Why a value cannot be taken apart, for a reader. */
export function whyOf(value: Value): string {
  if (value.kind === 'unknown') return value.why;
  if (value.kind === 'expression') return 'it is computed when the program runs';
  return `it is a ${value.kind}, which is not what belongs here`;
}

const PART = 'a part of the text is not known: ';

/** Joins known texts; possible texts multiply. Undefined parts of the text make it unknown. */
export function concatenate(node: ts.Node, parts: readonly Value[]): Value {
  let texts: string[] = [''];
  for (const part of parts) {
    const known: string[] = [];
    for (const option of optionsOf(part)) {
      const one = textOf(option);
      if (one === undefined) return unknown(node, `${PART}${whyOf(option).replace(PART, '')}`);
      known.push(one);
    }
    texts = texts.flatMap((before) => known.map((after) => before + after));
    if (texts.some((one) => one.length > MAX_TEXT)) return unknown(node, `the text is longer than ${MAX_TEXT} characters`);
    if (texts.length > MAX_OPTIONS) return unknown(node, `it has more than ${MAX_OPTIONS} possible values`);
  }
  return choice(node, texts.map((one) => text(node, one)));
}
