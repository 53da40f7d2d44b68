/**
 * Which action stands where in a company's log, as all clients and publishers together know it, and which epoch goes on with which.
 * The servers say the latter by what they do: a stream that goes from one epoch to another without a `resync` claims that both agree
 * up to where it is.
 */
import { isNowhere, type ClientLog, type Position, type Publish } from './history.js';

interface Crossing {
  from: string;
  to: string;
  /** Both agree up to this seq. */
  upTo: number;
}

export class Places {
  /** What contradicts itself, in words. */
  readonly conflicts: { at: number; text: string; claim?: true }[] = [];
  readonly #at = new Map<string, Map<number, string>>();
  readonly #of = new Map<string, Position[]>();
  readonly #crossings = new Map<string, Crossing>();
  readonly #seen = new Map<string, { first: number; last: number }>();

  constructor(clients: readonly ClientLog[], publishes: readonly Publish[]) {
    for (const { action, answer } of publishes) {
      if (answer?.ok && 'place' in answer) this.#note(answer.place, action, answer.at);
    }
    for (const client of clients) this.#walk(client);
    this.#close();
    this.#inherit();
  }

  #walk({ steps }: ClientLog): void {
    let here: Position | undefined;
    let asked: Position | undefined;
    for (const step of steps) {
      switch (step.kind) {
        case 'open':
          asked = step.from;
          break;
        case 'hello':
          this.#see(step.cursor.epoch, step.at);
          if (!step.recovered) here = step.reason === 'fresh' ? step.cursor : undefined;
          else if (asked && !isNowhere(asked)) {
            here = this.#cross(asked, step.cursor.epoch);
          }
          break;
        case 'resync':
          here = step.id;
          this.#see(step.id.epoch, step.at);
          break;
        case 'action':
          this.#note(step.id, step.action, step.at);
          if (here) this.#cross(here, step.id.epoch);
          here = step.id;
          break;
        case 'invalidate':
          this.#see(step.id.epoch, step.at);
          if (here) this.#cross(here, step.id.epoch);
          here = step.id;
          break;
        case 'ping':
        case 'told':
          if (!step.id || isNowhere(step.id)) break;
          this.#see(step.id.epoch, step.at);
          if (here) here = { epoch: step.id.epoch, seq: Math.max(step.id.seq, this.#cross(here, step.id.epoch).seq) };
          break;
        case 'end':
          break;
      }
    }
  }

  #note(place: Position, action: string, at: number): void {
    this.#see(place.epoch, at);
    const epoch = this.#epoch(place.epoch);
    const there = epoch.get(place.seq);
    if (there === action) return;
    if (there !== undefined) {
      this.conflicts.push({ at, text: `${place.epoch}.${place.seq} was given to ${there} and to ${action}` });
      return;
    }
    epoch.set(place.seq, action);
    const places = this.#of.get(action) ?? [];
    const twice = places.find((other) => other.epoch === place.epoch);
    if (twice) this.conflicts.push({ at, text: `${action} stands at ${place.epoch}.${twice.seq} and at ${place.epoch}.${place.seq}` });
    places.push(place);
    this.#of.set(action, places);
  }

  #see(epoch: string, at: number): void {
    const seen = this.#seen.get(epoch);
    if (!seen) this.#seen.set(epoch, { first: at, last: at });
    else {
      seen.first = Math.min(seen.first, at);
      seen.last = Math.max(seen.last, at);
    }
  }

  #epoch(name: string): Map<number, string> {
    let epoch = this.#at.get(name);
    if (!epoch) this.#at.set(name, (epoch = new Map<number, string>()));
    return epoch;
  }

  #cross(here: Position, to: string): Position {
    if (here.epoch !== to) this.#claim({ from: here.epoch, to, upTo: here.seq });
    return here;
  }

  #claim(crossing: Crossing): boolean {
    const key = `${crossing.from} ${crossing.to}`;
    const known = this.#crossings.get(key);
    if (known && known.upTo >= crossing.upTo) return false;
    this.#crossings.set(key, crossing);
    return true;
  }

  /** What goes on with what goes on goes on. */
  #close(): void {
    for (let grew = true; grew; ) {
      grew = false;
      for (const first of [...this.#crossings.values()]) {
        for (const second of [...this.#crossings.values()]) {
          if (first.to !== second.from || first.from === second.to) continue;
          if (this.#claim({ from: first.from, to: second.to, upTo: Math.min(first.upTo, second.upTo) })) grew = true;
        }
      }
    }
  }

  #inherit(): void {
    for (const { from, to, upTo } of this.#crossings.values()) {
      const [older, newer] = [this.#epoch(from), this.#epoch(to)];
      for (const [seq, action] of [...older, ...newer]) {
        if (seq > upTo) continue;
        for (const [name, epoch] of [[from, older], [to, newer]] as const) {
          const there = epoch.get(seq);
          if (there === undefined) {
            epoch.set(seq, action);
            this.#of.get(action)!.push({ epoch: name, seq });
          } else if (there !== action) {
            const text = `${to} goes on with ${from} up to ${upTo}, but ${seq} is ${older.get(seq)} in one and ${newer.get(seq)} in the other`;
            this.conflicts.push({ at: this.#seen.get(to)?.first ?? 0, text, claim: true });
            return;
          }
        }
      }
    }
  }

  /** Which action stands there; undefined: nobody knows. */
  actionAt(epoch: string, seq: number): string | undefined {
    return this.#at.get(epoch)?.get(seq);
  }

  placesOf(action: string): readonly Position[] {
    return this.#of.get(action) ?? [];
  }

  /** Up to which seq the one goes on with the other, as some stream had it; -1: none had. */
  extent(from: string, to: string): number {
    return from === to ? Infinity : (this.#crossings.get(`${from} ${to}`)?.upTo ?? -1);
  }

  /** When somebody heard of the epoch for the first time. */
  firstSeen(epoch: string): number {
    return this.#seen.get(epoch)?.first ?? Infinity;
  }

  /** When epochs began that go on with none before them, the first one left out. */
  get breaks(): { epoch: string; at: number }[] {
    const continued = new Set([...this.#crossings.values()].map(({ to }) => to));
    const all = [...this.#seen].map(([epoch, { first }]) => ({ epoch, at: first })).sort((a, b) => a.at - b.at);
    return all.filter(({ epoch }, i) => i > 0 && !continued.has(epoch));
  }
}
