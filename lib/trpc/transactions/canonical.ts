/** One text for equal values: the hash of an input, and whether two people have made the same of a field. */
import { createHash } from 'node:crypto';
import { types } from 'node:util';

/** What is deeper no input needs. */
const MAX_DEPTH = 200;

/** It holds what has no text: a file, a stream, a function, a cycle. */
export class Unequal extends TypeError {}

/**
 * Keys in order, dates, bigints, maps and sets told from their texts. A key without a value is none: JSON does not send it. Throws Unequal.
 */
export function canonical(value: unknown): string {
  const parts: string[] = [];
  write(value, parts, 0);
  return parts.join('');
}

function write(value: unknown, parts: string[], depth: number): void {
  if (depth > MAX_DEPTH) throw new Unequal(`it is more than ${MAX_DEPTH} deep`);
  switch (typeof value) {
    case 'string':
      parts.push(JSON.stringify(value));
      return;
    case 'number':
    case 'boolean':
    case 'undefined':
      parts.push(String(value));
      return;
    case 'bigint':
      parts.push(`${value}n`);
      return;
    case 'object':
      if (value === null) parts.push('null');
      else writeObject(value, parts, depth);
      return;
    default:
      throw new Unequal(`it holds a ${typeof value}`);
  }
}

function writeObject(value: object, parts: string[], depth: number): void {
  if (Array.isArray(value)) list('[', value, ']', parts, depth);
  else if (types.isDate(value)) parts.push(`Date(${value.getTime()})`);
  else if (types.isSet(value)) list('Set(', [...value], ')', parts, depth);
  else if (types.isMap(value)) list('Map(', [...value], ')', parts, depth);
  else if (types.isRegExp(value) || value instanceof URL) parts.push(`${types.isRegExp(value) ? 'RegExp' : 'URL'}(${JSON.stringify(String(value))})`);
  else if (ArrayBuffer.isView(value)) parts.push(`Bytes(${createHash('sha256').update(new Uint8Array(value.buffer, value.byteOffset, value.byteLength)).digest('hex')})`);
  else if (isPlain(value)) {
    parts.push('{');
    for (const key of Object.keys(value).sort()) {
      const each = (value as Record<string, unknown>)[key];
      if (each === undefined) continue;
      parts.push(JSON.stringify(key), ':');
      write(each, parts, depth + 1);
      parts.push(',');
    }
    parts.push('}');
  } else throw new Unequal('it holds an object of a class');
}

function list(open: string, values: readonly unknown[], close: string, parts: string[], depth: number): void {
  parts.push(open);
  for (const each of values) {
    write(each, parts, depth + 1);
    parts.push(',');
  }
  parts.push(close);
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/**
 * Of an input without its `tx`: a try that comes from another tab, or knows newer versions, is the same mutation. The id is a part of it, so
 * that nobody who has read the table can look for an input by its hash. Throws Unequal.
 */
export function inputHash(companyId: string, transactionId: string, input: unknown): string {
  let rest = input;
  if (typeof input === 'object' && input !== null && isPlain(input)) {
    const { tx: _tx, ...own } = input as Record<string, unknown>;
    rest = own;
  }
  return createHash('sha256').update(JSON.stringify([companyId, transactionId])).update(canonical(rest)).digest('hex');
}
