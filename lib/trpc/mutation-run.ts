/**
 * One mutation that runs under the middleware, and what it leaves behind: an offer for each company, which the outermost
 * mutation sends (SPEC §10). No I/O, no time: what is sent goes through `RunHost`.
 */
import type { SyncAction, SyncActionInput } from '../protocol/events.js';
import { restrictionAt, type Where } from '../protocol/where.js';
import type { Commit } from './after-commit.js';
import {
  currentMutation,
  isInOpenTransaction,
  outsideMutation,
  pathsTold,
  runInMutation,
  type MutationRecord,
  type MutationScope,
} from '../server/mutation-scope.js';
import type { BroadcastResult } from '../server/results.js';
import type { GivenRow } from './rows.js';

/** The action of one mutation, before it is known which other paths join it. */
export interface Offer {
  /** Of the mutation. */
  name: string;
  action: Omit<SyncActionInput, 'queryPaths'>;
  /** Of the map. */
  paths: readonly string[];
  where?: Where | undefined;
  /** What the action holds if it is this mutation's alone. */
  row: GivenRow | undefined;
  /** Of the transaction around the mutation, if one was open when it succeeded. */
  commit: Commit | undefined;
}

/** What a successful mutation and those inside it have for one company. */
export interface Bundle {
  companyId: string;
  /** The outermost first. Empty where all that was done was broadcast by hand by a mutation without an offer. */
  offers: readonly Offer[];
  /** What was broadcast by hand, and told somebody. */
  byHand: readonly ByHand[];
}

export interface ByHand {
  companyId: string;
  /** Undefined: it reached those who look at any client. */
  clientId: string | undefined;
  paths: readonly string[];
}

type Send = () => void;

export interface RunHost {
  /** Tells by-hand broadcasts of this sync's hub from those of another one. */
  isOwnHub(hub: object): boolean;
  /** A broadcast by hand in the mutation of this path. */
  noted(path: string, action: SyncAction): void;
  send(bundle: Bundle): void;
}

export class MutationRun implements MutationScope {
  readonly path: string;
  readonly #host: RunHost;
  readonly #parent: MutationRun | undefined;
  /** The scope of somebody else around this one: it hears what this one hears. */
  readonly #outer: MutationScope | undefined;
  /** Undefined: it told nobody. */
  readonly #byHand: Promise<ByHand | undefined>[] = [];
  /** Of mutations inside this one that succeeded, in the order of their success. */
  readonly #inside: Promise<readonly Bundle[]>[] = [];
  #sends: Send[] = [];
  #ended: 'succeeded' | 'failed' | undefined;
  /** Known transactions inside this mutation, by their end. */
  readonly transactions = { committed: 0, rolledBack: 0 };
  /** Of `sync.transaction()`; undefined where the mutation does not go through it. */
  record: MutationRecord | undefined;
  /** What it leaves behind is settled: work that outlives it, a timer say, adds nothing more. */
  #closed = false;

  constructor(path: string, parent: MutationRun | undefined, host: RunHost) {
    this.path = path;
    this.#host = host;
    this.#parent = MutationRun.running(parent);
    let around = currentMutation();
    while (around instanceof MutationRun && around.#ended) around = around.#parent ?? around.#outer;
    this.#outer = around === this.#parent ? undefined : around;
  }

  /** The nearest mutation that still runs: of the others nobody waits for what comes now. */
  static running(run: MutationRun | undefined): MutationRun | undefined {
    let found = run;
    while (found && found.#ended) found = found.#parent;
    return found;
  }

  noteBroadcast(action: SyncAction, hub: object, outcome: Promise<BroadcastResult>): void {
    this.#outer?.noteBroadcast(action, hub, outcome);
    if (!this.#host.isOwnHub(hub)) return;
    this.#host.noted(this.path, action);
    if (this.#closed) return;
    // Who reads again now finds what was there before, and after a rollback there is nothing to find.
    if (isInOpenTransaction()) return;
    const { companyId, clientId } = action;
    this.#byHand.push(
      outcome.then((result) => {
        // Narrowed it told only some of those who have it.
        const paths = pathsTold(action, result)?.filter((path) => !restrictionAt(action.where, path));
        return paths && { companyId, clientId, paths };
      }),
    );
  }

  noteTransaction(end: 'committed' | 'rolledBack'): void {
    this.transactions[end] += 1;
    this.#outer?.noteTransaction?.(end);
  }

  noteRecord(record: MutationRecord): void {
    this.record = record;
  }

  afterSuccess(send: Send): void {
    if (this.#ended === undefined) this.#sends.push(send);
    else if (this.#ended === 'succeeded') send();
  }

  /** Runs `fn` with what the hub does in it noted by the scope around this mutation alone. */
  outside<T>(fn: () => T): T {
    return this.#outer ? runInMutation(this.#outer, fn) : outsideMutation(fn);
  }

  /** The mutation succeeded. `offer` is worked out without the mutation waiting for it; the end of an outer one does. */
  succeeded(offer: Promise<Offer | undefined>): Promise<void> {
    this.#ended = 'succeeded';
    const sends = this.#sends;
    this.#sends = [];
    for (const send of sends) runInMutation(this, send);
    return this.#leave([this.#bundles(offer)]);
  }

  /** The mutation failed: those inside it that succeeded are on their own. With an offer it counts as one that succeeded. */
  failed(offer?: Promise<Offer | undefined>): Promise<void> {
    if (offer) return this.succeeded(offer);
    this.#ended = 'failed';
    this.#sends = [];
    const inside = [...this.#inside];
    this.#close();
    return this.#leave(inside);
  }

  async #bundles(offer: Promise<Offer | undefined>): Promise<readonly Bundle[]> {
    const own = await offer;
    const inside = (await Promise.all(this.#inside)).flat();
    const byHand = (await Promise.all(this.#byHand)).filter((told) => told !== undefined);
    const merged = merge(own, inside, byHand);
    this.#close();
    return merged;
  }

  async #leave(bundles: readonly Promise<readonly Bundle[]>[]): Promise<void> {
    const parent = MutationRun.running(this.#parent);
    if (!parent) return this.#sendAll(bundles);
    parent.#inside.push(...bundles);
    await Promise.all(bundles);
  }

  #close(): void {
    this.#closed = true;
    this.#byHand.length = 0;
    this.#inside.length = 0;
  }

  async #sendAll(lists: readonly Promise<readonly Bundle[]>[]): Promise<void> {
    for (const bundle of (await Promise.all(lists)).flat()) this.outside(() => this.#host.send(bundle));
  }
}

/** One bundle for each company; the mutation's own offer leads the one of its company. */
function merge(own: Offer | undefined, inside: readonly Bundle[], byHand: readonly ByHand[]): Bundle[] {
  const companies = new Map<string, { offers: Offer[]; byHand: ByHand[] }>();
  const of = (companyId: string): { offers: Offer[]; byHand: ByHand[] } => {
    let found = companies.get(companyId);
    if (!found) companies.set(companyId, (found = { offers: [], byHand: [] }));
    return found;
  };
  if (own) of(own.action.companyId).offers.push(own);
  for (const bundle of inside) {
    const all = of(bundle.companyId);
    all.offers.push(...bundle.offers);
    all.byHand.push(...bundle.byHand);
  }
  for (const one of byHand) of(one.companyId).byHand.push(one);
  return [...companies].map(([companyId, all]) => ({ companyId, ...all }));
}
