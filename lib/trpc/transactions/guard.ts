/** `ctx.tx` as a resolver has it: until the end of its transaction. What outlives that would write into whatever its connection does next. */
import { PathcastError } from '../../protocol/error.js';

export interface Guard {
  /** `tx`, whose methods and objects throw from `end()` on. */
  tx: object;
  end(): void;
}

type AnyFunction = (...args: unknown[]) => unknown;

export function guardOf(tx: object): Guard {
  let over = false;
  const check = (): void => {
    if (over) throw new PathcastError('INVALID_OPTION', 'ctx.tx was used after the end of its mutation: await all that is done with it before the mutation answers or fails');
  };
  // Clients keep private fields, which a proxy has not: their methods run on the client itself.
  const known = new WeakMap<object, AnyFunction>();
  const methodOf = (target: object, value: AnyFunction): AnyFunction => {
    let method = known.get(value);
    if (!method) {
      method = Object.assign((...args: unknown[]): unknown => (check(), Reflect.apply(value, target, args)), value);
      known.set(value, method);
    }
    return method;
  };
  const guarded = new Proxy(tx, {
    get: (target, key) => {
      const value: unknown = Reflect.get(target, key, target);
      if (typeof key === 'symbol' || key === 'constructor' || isFixed(target, key)) return value;
      if (typeof value === 'function') return methodOf(target, value as AnyFunction);
      if (typeof value === 'object' && value !== null) check();
      return value;
    },
    // Setters write private fields too.
    set: (target, key, value) => Reflect.set(target, key, value, target),
    // A client that is a function: postgres.js, Knex.
    apply: (target, self, args: unknown[]) => (check(), Reflect.apply(target as AnyFunction, self, args)),
  });
  return { tx: guarded, end: () => void (over = true) };
}

/** A proxy must give such a property as it is. */
function isFixed(target: object, key: PropertyKey): boolean {
  const own = Reflect.getOwnPropertyDescriptor(target, key);
  return own !== undefined && !own.configurable && !own.writable;
}
