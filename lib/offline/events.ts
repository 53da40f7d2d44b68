/** Who listens to one thing. They are called on a snapshot, and whoever has ended meanwhile is not called any more. */

/** Calls a listener; what it throws is reported. */
export type Say = <Value>(listener: (value: Value) => void, value: Value) => void;

type Listener<Given extends unknown[]> = (...given: Given) => void;

/** `on` gives back what ends it; the same function may listen twice. */
export function createEvent<Given extends unknown[]>(say: Say): [on: (listener: Listener<Given>) => () => void, tell: Listener<Given>, all: Set<Listener<Given>>] {
  const all = new Set<Listener<Given>>();
  const on = (listener: Listener<Given>): (() => void) => {
    const own: Listener<Given> = (...given) => listener(...given);
    all.add(own);
    return () => void all.delete(own);
  };
  const tell: Listener<Given> = (...given) => {
    for (const own of [...all]) if (all.has(own)) say(() => own(...given), undefined);
  };
  return [on, tell, all];
}
