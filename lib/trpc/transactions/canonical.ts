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
  const writer = new Writer();
  writer.write(value, 0, false);
  return writer.parts.join('');
}

/** Values that are written again, as what holds them stands at more places than one. A transformer makes such of a few bytes, 2^100 of them in one input. */
const MAX_REPEATED = 100_000;

class Writer {
  readonly parts: string[] = [];
  readonly #seen = new Set<object>();
  #repeated = 0;

  write(value: unknown, depth: number, repeats: boolean): void {
    if (depth > MAX_DEPTH) throw new Unequal(`it is more than ${MAX_DEPTH} deep`);
    if (repeats && ++this.#repeated > MAX_REPEATED) throw new Unequal(`one thing stands at several places of it, and holds more than ${MAX_REPEATED} values in all`);
    switch (typeof value) {
      case 'string':
        this.parts.push(JSON.stringify(value));
        return;
      case 'number':
      case 'boolean':
      case 'undefined':
        this.parts.push(String(value));
        return;
      case 'bigint':
        this.parts.push(`${value}n`);
        return;
      case 'object':
        if (value === null) this.parts.push('null');
        else this.#object(value, depth, repeats || this.#seen.has(value));
        return;
      default:
        throw new Unequal(`it holds a ${typeof value}`);
    }
  }

  #object(value: object, depth: number, repeats: boolean): void {
    const { parts } = this;
    this.#seen.add(value);
    if (Array.isArray(value)) this.#list('[', value, ']', depth, repeats);
    else if (types.isDate(value)) parts.push(`Date(${value.getTime()})`);
    else if (types.isSet(value)) this.#list('Set(', [...value], ')', depth, repeats);
    else if (types.isMap(value)) this.#list('Map(', [...value], ')', depth, repeats);
    else if (types.isRegExp(value) || value instanceof URL) parts.push(`${types.isRegExp(value) ? 'RegExp' : 'URL'}(${JSON.stringify(String(value))})`);
    else if (ArrayBuffer.isView(value)) parts.push(`Bytes(${createHash('sha256').update(new Uint8Array(value.buffer, value.byteOffset, value.byteLength)).digest('hex')})`);
    else if (isPlain(value)) {
      parts.push('{');
      for (const key of Object.keys(value).sort()) {
        const each = (value as Record<string, unknown>)[key];
        if (each === undefined) continue;
        parts.push(JSON.stringify(key), ':');
        this.write(each, depth + 1, repeats);
        parts.push(',');
      }
      parts.push('}');
    } else throw new Unequal('it holds an object of a class');
  }

  #list(open: string, values: readonly unknown[], close: string, depth: number, repeats: boolean): void {
    this.parts.push(open);
    for (const each of values) {
      this.write(each, depth + 1, repeats);
      this.parts.push(',');
    }
    this.parts.push(close);
  }
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** `value` with its keys in order, what it repeats still the same thing: for a transformer whose text no JSON reader can put in order. */
export function inOrder(value: unknown): unknown {
  const copies = new Map<object, object>();
  const copy = (each: unknown): unknown => {
    if (typeof each !== 'object' || each === null || !(Array.isArray(each) || isPlain(each))) return each;
    const known = copies.get(each);
    if (known) return known;
    const own: object = Array.isArray(each) ? [] : {};
    copies.set(each, own);
    // Defined, not set: a key may be `__proto__`.
    for (const key of Object.keys(each).sort()) Object.defineProperty(own, key, { value: copy((each as Record<string, unknown>)[key]), enumerable: true, writable: true, configurable: true });
    return own;
  };
  return copy(value);
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
