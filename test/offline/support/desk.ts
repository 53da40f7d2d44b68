/**
 * A page with an outbox in a test's hand: what is kept, acked, refused and discarded is said by the test. QueryClient, binding and fence are the real ones, the
 * clock is a test's.
 */
import * as Core from '@tanstack/query-core';
import type { SyncClient } from '../../../lib/client/types.js';
import { INSIDE, type Inside, type Offline } from '../../../lib/offline/inside.js';
import { createBook } from '../../../lib/offline/outbox/book.js';
import type { Gone } from '../../../lib/offline/outbox/types.js';
import { overlayOf, type Overlay } from '../../../lib/offline/overlay/overlay.js';
import { bindOffline, type OfflineBinding } from '../../../lib/offline/overlay/queries.js';
import type { Change } from '../../../lib/offline/storage/types.js';
import type { EntityKey, OfflineMutation, OutboxEntry, Problem } from '../../../lib/offline/types.js';
import { Page } from '../../tanstack/support/page.js';

export const PAGES: Record<string, OfflineMutation> = {
  'pages.create': { entity: 'pages', kind: 'create', shows: { query: 'pages.getById', list: ['pages.getAll'] } },
  'pages.update': { entity: 'pages', kind: 'update', shows: { query: 'pages.getById', list: ['pages.getAll'] } },
  'pages.delete': { entity: 'pages', kind: 'delete', shows: { query: 'pages.getById', list: ['pages.getAll'] } },
};

type Listener<Given extends unknown[]> = (...given: Given) => void;

export class Desk {
  readonly page: Page;
  readonly offline: Offline;
  readonly inside: Inside;
  readonly problems: Problem[] = [];
  entries: readonly OutboxEntry[] = [];
  verified = true;
  binding: OfflineBinding | undefined;
  /** What was put into the outbox by a link. */
  readonly added: { path: string; input: unknown; resolve: (answer: unknown) => void; reject: (error: unknown) => void }[] = [];
  readonly learnt: unknown[] = [];
  readonly proofs: string[] = [];
  #seq = 0;
  /** Of the entry that is kept next. */
  get nextSeq(): number {
    return this.#seq + 1;
  }

  readonly #changed = new Set<Listener<[readonly Change[]]>>();
  readonly #acked = new Set<Listener<[OutboxEntry, unknown]>>();
  readonly #gone = new Set<Listener<[OutboxEntry, Gone, string?]>>();
  readonly #closes: (() => void)[] = [];
  #sync: SyncClient | undefined;
  readonly #syncs: ((sync: SyncClient) => void)[] = [];

  constructor(core: Pick<typeof Core, 'QueryClient' | 'QueryObserver'> = Core, mutations: Record<string, OfflineMutation> = PAGES) {
    this.page = new Page(core);
    const { clock, reports } = this.page;
    const add = <Given extends unknown[]>(all: Set<Listener<Given>>, one: Listener<Given>): (() => void) => {
      all.add(one);
      return () => void all.delete(one);
    };
    const desk = this; // eslint-disable-line @typescript-eslint/no-this-alias -- its getters are asked later
    this.inside = {
      environment: {
        now: () => clock.now,
        setTimeout: (run: () => void, ms: number) => clock.after(ms, run),
        clearTimeout: (task: { run?: unknown } | undefined) => task && (task.run = undefined),
        report: (thrown: unknown) => void reports.push(thrown),
      },
      mutations,
      versionsOf: { 'pages.getById': (answer: { id: string; versions?: Record<string, string> } | null) => answer?.versions && [{ entity: 'pages', id: answer.id, fields: answer.versions }] },
      outbox: {
        get entries() {
          return desk.entries;
        },
        get book() {
          return createBook(desk.entries);
        },
        onChanges: (listener: Listener<[readonly Change[]]>) => add(this.#changed, listener),
        onAck: (listener: Listener<[OutboxEntry, unknown]>) => add(this.#acked, listener),
        onGone: (listener: Listener<[OutboxEntry, Gone, string?]>) => add(this.#gone, listener),
      },
      versions: { learn: (...given: unknown[]) => void this.learnt.push(given) },
      network: {
        get status() {
          return { verified: desk.verified };
        },
        prove: () => void this.proofs.push('proved'),
        doubt: () => void this.proofs.push('doubted'),
      },
      get sync() {
        return desk.#sync;
      },
      seen: new Set(),
      problem: (problem: Problem) => void this.problems.push(problem),
      say(listener: (value: unknown) => void, value: unknown) {
        listener(value);
      },
      onSync: (run: (sync: SyncClient) => void) => void (this.#sync ? run(this.#sync) : this.#syncs.push(run)),
      onClose: (run: () => void) => void this.#closes.push(run),
    } as unknown as Inside;
    this.offline = {
      [INSIDE]: this.inside,
      add: (path: string, input: unknown) => {
        const answer = new Promise((resolve, reject) => this.added.push({ path, input, resolve, reject }));
        answer.catch(() => undefined);
        return Promise.resolve({ id: `added-${this.added.length}`, answer });
      },
    } as unknown as Offline;
  }

  get overlay(): Overlay {
    return overlayOf(this.inside);
  }

  bind(): OfflineBinding {
    return (this.binding = bindOffline(this.page.queries, this.offline));
  }

  /** The stream's client is known. */
  start(): void {
    this.#sync = this.page.client();
    for (const run of this.#syncs.splice(0)) run(this.#sync);
  }

  end(): void {
    for (const run of this.#closes.splice(0)) run();
    this.page.end();
  }

  #tell(entries: readonly OutboxEntry[]): void {
    const before = createBook(this.entries);
    const now = createBook(entries);
    const seqs = new Set([...before.entries, ...now.entries].map(({ seq }) => seq));
    const changes = [...seqs].map((seq): Change => [before.at(seq), now.at(seq)]).filter(([one, other]) => one !== other);
    this.entries = now.entries;
    for (const listener of [...this.#changed]) listener(changes);
  }

  keep<Input extends { id: unknown }>(path: string, input: Input, more: Partial<OutboxEntry> = {}): OutboxEntry {
    const { id, ...fields } = input;
    const declared = this.inside.mutations[path]!;
    const seq = (this.#seq += 1);
    const entry = {
      id: `e${seq}`, squashed: [], seq, path, input, kind: declared.kind, ...(declared.entity && { entity: declared.entity }), entityId: String(id), lane: String(id), after: [],
      fields: declared.kind === 'delete' ? {} : fields, base: {}, state: 'queued', attempts: 0, failures: 0, notBefore: 0, createdAt: this.page.clock.now, version: 1, ...more,
    } as OutboxEntry;
    this.#tell([...this.entries, entry]);
    return entry;
  }

  /** An entry is another one now. */
  change({ seq }: OutboxEntry, to: Partial<OutboxEntry>): OutboxEntry {
    const changed = { ...this.entries.find((entry) => entry.seq === seq)!, ...to };
    this.#tell(this.entries.map((entry) => (entry.seq === seq ? changed : entry)));
    return changed;
  }

  ack({ seq }: OutboxEntry, answer?: unknown): void {
    const acked = { ...this.entries.find((entry) => entry.seq === seq)!, state: 'acked' as const, ackedAt: this.page.clock.now };
    for (const listener of [...this.#acked]) listener(acked, answer);
    this.#tell(this.entries.map((entry) => (entry.seq === seq ? acked : entry)));
  }

  /** It is kept no more. */
  drop({ seq }: OutboxEntry, gone: Gone = 'discarded', into?: string): void {
    const entry = this.entries.find((one) => one.seq === seq)!;
    for (const listener of [...this.#gone]) listener(entry, gone, into);
    this.#tell(this.entries.filter((one) => one !== entry));
  }

  seen(key: EntityKey, field: string): { value: unknown } | undefined {
    return [...this.inside.seen].map((look) => look(key, field)).find(Boolean);
  }
}
