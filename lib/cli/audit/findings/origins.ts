/** Which broadcasts of the code base carry a clientId or userId: where most do, the rest probably forgot it. */
import type { Place } from '../report.js';
import { placeKey } from './fingerprint.js';

type Field = 'clientId' | 'userId';
type Carrier = Place & Record<Field, 'yes' | 'no' | 'unknown'> & { mutation?: string; tool?: string };

export class OriginFields {
  /** By place: a broadcast in a shared function counts once. */
  readonly #carriers = new Map<string, Carrier>();

  constructor(broadcasts: Iterable<Carrier>) {
    for (const broadcast of broadcasts) {
      // Those of the invalidation map get theirs from rules declared once.
      if (broadcast.mutation === undefined && broadcast.tool === undefined)
        this.#carriers.set(placeKey(broadcast), broadcast);
    }
  }

  /** Of the other broadcasts of which it is known: how many there are, and how many carry the field. */
  besides(broadcast: Place, field: Field): { others: number; carry: number } {
    let others = 0;
    let carry = 0;
    for (const [key, one] of this.#carriers) {
      if (key === placeKey(broadcast) || one[field] === 'unknown') continue;
      others++;
      if (one[field] === 'yes') carry++;
    }
    return { others, carry };
  }
}
