/** What the evaluator found under bindings: the same expression in one run of a function, the same call in two places. */
import type ts from 'typescript';
import type { Bindings, Value } from '../../model.js';
import type { FunctionValue } from './values.js';

/** Calls of one function that are remembered; further ones are read anew. */
const MAX_CALLS = 2_000;
/** Longer arrays and choices, and longer texts, are told apart by what they are, not by what they hold. */
const MAX_COMPARED = 8;
const MAX_TEXT = 256;

export class Remembered {
  readonly #scopes = new WeakMap<Bindings, Map<ts.Node, Value>>();
  readonly #calls = new WeakMap<ts.Node, Map<string, Value>>();
  readonly #numbers = new WeakMap<object, number>();
  #last = 0;

  under(scope: Bindings, node: ts.Node): Value | undefined {
    return this.#scopes.get(scope)?.get(node);
  }

  keep(scope: Bindings, node: ts.Node, value: Value): void {
    let known = this.#scopes.get(scope);
    if (!known) this.#scopes.set(scope, (known = new Map<ts.Node, Value>()));
    known.set(node, value);
  }

  /** What a call gave whose parameters are bound alike. */
  ofCall(callee: FunctionValue, inner: Bindings): Value | undefined {
    const known = this.#calls.get(callee.function);
    return known?.get(this.#keyOf(callee, inner));
  }

  keepCall(callee: FunctionValue, inner: Bindings, value: Value): void {
    let known = this.#calls.get(callee.function);
    if (!known) this.#calls.set(callee.function, (known = new Map<string, Value>()));
    if (known.size < MAX_CALLS) known.set(this.#keyOf(callee, inner), value);
  }

  #keyOf({ function: fn, scope }: FunctionValue, inner: Bindings): string {
    const parts = fn.parameters.map((parameter) => {
      const value = inner.get(parameter);
      return value ? this.#idOf(value) : '-';
    });
    return `${scope.size === 0 ? 0 : this.#number(scope)}|${parts.join('|')}`;
  }

  #idOf(value: Value, depth = 2): string {
    switch (value.kind) {
      case 'string':
        // The place counts too: what comes of it says where it stands.
        return value.text.length <= MAX_TEXT ? `${JSON.stringify(value.text)}@${this.#number(value.node)}` : `#${this.#number(value)}`;
      case 'constant':
        return `c${String(value.value)}`;
      case 'unknown':
        return `u${this.#number(value.node)}`;
      case 'expression':
        return `e${this.#number(value.expression)}.${this.#number(value.node)}.${this.#number(value.scope)}`;
      case 'array':
        return depth > 0 && value.items.length <= MAX_COMPARED ? `[${value.complete ? '' : '~'}${this.#number(value.node)}:${value.items.map((item) => this.#idOf(item, depth - 1)).join()}]` : `#${this.#number(value)}`;
      case 'choice':
        return depth > 0 && value.options.length <= MAX_COMPARED ? `(${value.options.map((option) => this.#idOf(option, depth - 1)).join()})` : `#${this.#number(value)}`;
      default:
        return `#${this.#number(value)}`;
    }
  }

  #number(of: object): number {
    let number = this.#numbers.get(of);
    if (number === undefined) this.#numbers.set(of, (number = ++this.#last));
    return number;
  }
}
