/**
 * What is promised of `pathcast/offline` (SPEC §24), said of a whole schedule: by what people did, what the server did, and what each page showed.
 *
 * | name       | invariant                                                                                                                   |
 * |------------|-----------------------------------------------------------------------------------------------------------------------------|
 * | once       | Nothing that a person did once is done twice.                                                                               |
 * | bound      | An id is never sent with something else than before.                                                                        |
 * | order      | What was done to a field after something else is not overtaken by it.                                                       |
 * | kept       | What was said to be kept is done, or covered by what was done later, or waits in the list of entries, or a person took it back. |
 * | told       | What the browser has thrown away, and nobody could keep anew, was told, with its number.                                    |
 * | sent       | All being well, everything is sent but what waits for a person, and what is behind that.                                    |
 * | upstream   | Nothing is sent while what was missed is still coming; 10 s at most.                                                        |
 * | known      | What the stream has said to be in conflict with something that waited is not sent.                                          |
 * | dropped    | What a person took back is not sent from then on.                                                                           |
 * | unseen     | Nobody writes over what he cannot have seen, where he said what he has seen.                                                |
 * | true       | A conflict says what was wanted, and what somebody has really made of it.                                                   |
 * | laid       | What is kept and not refused is what a page shows.                                                                          |
 * | flicker    | A value that another one has replaced on a page is not shown there again, unless that one was taken back.                   |
 * | settled    | All being well, a page shows what the server has, and over it what waits.                                                   |
 */
import type { OutboxEntry } from '../../../lib/offline/types.js';
import type { ModelServer } from '../support/model-server.js';
import type { ShownRow, SimulatedPage, View } from './page.js';

export const FIELDS = ['title', 'body'];

/** What a person did, and what came of it as far as the tab has said. */
export interface Intent {
  nth: number;
  path: string;
  row: string;
  tab: string;
  input: Record<string, unknown>;
  at: number;
  /** `unknown`: its tab died before it said. `direct`: there was no room, and the server was asked at once. */
  said: 'kept' | 'direct' | 'refused' | 'unknown';
  id: string | undefined;
  keptAt: number;
  /** It lived in its tab alone, and that was told. */
  volatile: boolean;
  discarded: boolean;
  /** A person has decided about something of its row. */
  decided: boolean;
}

const STANDS = ['conflicted', 'rejected', 'dead'];
const LAID = ['queued', 'sending', 'conflicted'];
const nthOf = (value: unknown): number | undefined => {
  const nth = /^v(\d+)$/.exec(String(value))?.[1];
  return nth === undefined ? undefined : Number(nth);
};

export const rowOf = ({ entity, entityId }: OutboxEntry): string => `${entity} ${entityId}`;

export class Checker {
  readonly intents: Intent[] = [];
  /** The first promise that was broken. */
  broken: Error | undefined;
  /** Values, and rows, that a person or the server has taken back. */
  readonly #takenBack = new Set<string>();
  readonly #refused = new WeakSet<OutboxEntry>();
  /** Ids that a person has discarded. */
  readonly dropped = new Set<string>();
  /** By row: when a person has decided about it last. */
  readonly decidedAt = new Map<string, number>();
  /** What ids have carried in requests. */
  readonly #sent = new Map<string, string>();
  /** By view: what was shown, one value after the other. */
  readonly #shown = new WeakMap<View, Map<string, string[]>>();
  #suspects: { page: SimulatedPage; view: View; what: string; values: string[] }[] = [];
  #written = 0;
  readonly #last = new Map<string, number>();
  readonly #made = new Set<string>();
  #rung = 0;
  readonly #bells = new Set<unknown>();

  constructor(
    readonly server: ModelServer,
    /** There was more than one outbox: something was thrown away, or a tab could keep nothing, and was told so. Order is kept in each. */
    readonly split: () => boolean,
  ) {}

  /** What is found in the midst of a call counts also where whoever made it takes it for an answer. */
  fail(invariant: string, text: string): never {
    this.broken ??= new Error(`${invariant}: ${text}`);
    throw this.broken;
  }

  // --- what is sent ---

  sends({ stream, entries, catchingSince, host }: SimulatedPage, path: string, given: object, calm: boolean): void {
    const { tx } = given as { tx?: { transactionId: string; expected?: Record<string, string | null> } };
    const key = JSON.stringify([path, { ...given, tx: undefined }]);
    const name = tx?.transactionId ?? '';
    const before = this.#sent.get(name);
    if (before !== undefined && before !== key) this.fail('bound', `${name} was sent as ${before} and then as ${key}`);
    this.#sent.set(name, key);
    // After an eviction a tab that had not heard of it may have kept it anew.
    if (this.dropped.has(name) && !this.split()) this.fail('dropped', `${name} is sent though it was taken back`);
    const entry = entries.find(({ id }) => id === name);
    // What was not kept is a call as any other.
    if (entry?.state !== 'sending') return;
    const { now } = host.stage.clock;
    if (catchingSince !== undefined && now - catchingSince < 10_000) this.fail('upstream', `${name} is sent ${now - catchingSince} ms after ${JSON.stringify(stream.status)}`);
    if (entry.attempts > 1 || !calm || entry.kind !== 'update') return;
    for (const [field, mine] of Object.entries(entry.fields)) {
      const heard = stream.heard.get(`${rowOf(entry)} ${field}`);
      const seen = entry.base[field];
      // What was heard before there was such an entry is left to the server.
      if (!heard?.by.startsWith('x') || !heard.known || now - heard.at < 5 || heard.at < Number(entry.id.slice(0, 13)) + 1_500 || !stream.isWhole || !seen || seen.version === heard.by) continue;
      // It stood upon something that a person has decided since, and the server finds it.
      if (heard.at < (this.decidedAt.get(rowOf(entry)) ?? 0)) continue;
      // Or it was decided about that one already.
      const order = this.server.written.filter((one) => one.row === rowOf(entry) && one.field === field).map(({ by }) => by);
      if (order.lastIndexOf(String(seen.version)) > order.lastIndexOf(heard.by)) continue;
      if (heard.value !== mine && seen.value !== heard.value) this.fail('known', `${name} sets ${field} upon ${String(seen.version)}, and ${heard.by} was heard ${now - heard.at} ms ago`);
    }
  }

  /** What the server has done since the last look. */
  looks(): void {
    const { written, effects } = this.server;
    for (; this.#written < written.length; this.#written += 1) {
      const { path, row, field, value, by } = written[this.#written]!;
      const nth = by.startsWith('x') ? undefined : nthOf(value);
      if (nth === undefined) continue;
      const name = `${row} ${field}`;
      if (this.#made.has(`${name} ${nth}`)) this.fail('once', `${path}: ${name} was made ${String(value)} twice`);
      this.#made.add(`${name} ${nth}`);
      // Of what is done at the same moment in two tabs either may be the first.
      const after = this.intents[this.#last.get(name) ?? -1];
      const own = this.intents[nth]!;
      // What was not kept no other tab knows.
      const apart = (own.said === 'direct' || after?.said === 'direct') && own.tab !== after?.tab;
      if (!this.split() && !apart && after && nth < after.nth && own.keptAt <= after.at) this.fail('order', `${name}: ${String(value)} came after v${after.nth}`);
      this.#last.set(name, nth);
    }
    for (; this.#rung < effects.length; this.#rung += 1) {
      const { path, input } = effects[this.#rung]!;
      if (path !== 'bells.ring') continue;
      const nth = input['nth'];
      // But where a person has said so.
      if (this.#bells.has(nth) && !this.intents[Number(nth)]?.decided) this.fail('once', `the bell ${String(nth)} was rung twice`);
      this.#bells.add(nth);
    }
  }

  // --- what is kept ---

  /** Of what a person has decided, or the server refused. */
  isOf(entry: OutboxEntry, { id, row, input, path }: Intent): boolean {
    if (id !== undefined && (id === entry.id || entry.squashed.includes(id))) return true;
    if (rowOf(entry) !== row) return false;
    if (entry.kind === 'delete' || path.endsWith('.delete')) return entry.path === path;
    return Object.entries(entry.fields).some(([field, value]) => input[field] === value);
  }

  takesBack(entry: OutboxEntry): void {
    for (const value of Object.values(entry.fields)) this.#takenBack.add(String(value));
    // What a person made of a conflict has gone into it.
    for (const id of entry.squashed) this.#takenBack.add(`m${id}`);
    for (const intent of this.intents) if (this.isOf(entry, intent)) for (const field of FIELDS) if (field in intent.input) this.#takenBack.add(String(intent.input[field]));
    if (entry.kind === 'delete' || entry.kind === 'create') this.#takenBack.add(rowOf(entry));
  }

  changed(entries: readonly OutboxEntry[]): void {
    for (const entry of entries) {
      if ((entry.state !== 'rejected' && entry.state !== 'dead') || this.#refused.has(entry)) continue;
      this.#refused.add(entry);
      this.takesBack(entry);
    }
  }

  conflict({ id, fields, conflicts = [], kind, ...entry }: OutboxEntry): void {
    for (const conflict of conflicts) {
      const { field, mine, theirs, version } = conflict;
      if (kind === 'update' && mine !== fields[field]) this.fail('true', `${id}: mine of ${field} is ${String(mine)}, and was ${String(fields[field])}`);
      if (version === '~') continue;
      const row = `${entry.entity} ${entry.entityId}`;
      const made = 'theirs' in conflict ? this.server.written.some((one) => one.by === version && one.field === field && one.value === theirs) : !this.server.rows.has(row);
      if (!made) this.fail('true', `${id}: nobody has made ${field} ${String(theirs)} as ${version}`);
    }
  }

  // --- what is shown ---

  shows(page: SimulatedPage, view: View): void {
    const { path, data } = view;
    let all = this.#shown.get(view);
    if (!all) this.#shown.set(view, (all = new Map()));
    const entity = path.split('.')[0]!;
    const rows = (Array.isArray(data) ? data : data ? [data] : []) as ShownRow[];
    const note = (what: string, value: string): void => {
      const values = all.get(what) ?? [];
      all.set(what, values);
      if (values.at(-1) === value) return;
      const before = values.lastIndexOf(value);
      if (before >= 0) this.#suspects.push({ page, view, what, values: values.slice(before) });
      values.push(value);
    };
    const there = new Set<string>();
    for (const row of rows) {
      const name = `${entity} ${row.id}`;
      there.add(name);
      if (Array.isArray(data)) note(name, 'there');
      // A field that a row does not have says nothing: somebody else may have deleted the row, and what is laid is what was made here.
      for (const field of FIELDS) if (row[field] !== undefined) note(`${name} ${field}`, String(row[field]));
    }
    if (Array.isArray(data)) for (const [what, values] of all) if (!what.includes(' ', what.indexOf(' ') + 1) && values.at(-1) === 'there' && !there.has(what)) note(what, 'gone');
  }

  /** After a moment, when it is known what became of everything. */
  flickers(): void {
    for (const { page, view, what, values } of this.#suspects.splice(0)) {
      const row = what.split(' ').slice(0, 2).join(' ');
      // A row's own query is left as it is by a delete, into which what was done before has gone.
      if (view.input && this.intents.some((one) => one.row === row && one.path.endsWith('.delete'))) continue;
      const [again, ...between] = values as [string, ...string[]];
      // Without a channel a tab hears up to a second later what another one has done, and may have read what is newer.
      const isOthers = (value: string): boolean => (this.intents[nthOf(value) ?? -1]?.tab ?? page.tab.name) !== page.tab.name;
      if (!page.host.stage.hasChannel && values.some(isOthers)) continue;
      if (this.split() || page.ended || this.#takenBack.has(again) || this.#takenBack.has(row)) continue;
      const wrong = between.filter((value) => value !== again && !this.#takenBack.has(value));
      if (wrong.length > 0) this.fail('flicker', `${page.tab.name} ${view.path} ${JSON.stringify(view.input ?? '')}: ${what} was ${[...values, again].join(', ')}`);
    }
  }

  /** What waits is what a page shows. */
  laid(page: SimulatedPage): void {
    if (this.split() || page.ended || !page.tab.runs) return;
    const wanted = new Map<string, Record<string, unknown> | null>();
    for (const entry of page.entries) {
      if (!LAID.includes(entry.state) || entry.kind === 'other') continue;
      // It is done, as this tab knows, and others may have written since.
      if (page.stream.told.has(entry.id)) {
        wanted.delete(rowOf(entry));
        continue;
      }
      // What two tabs did at the same moment may stand in either order; an update before its create sets nothing.
      wanted.set(rowOf(entry), entry.kind === 'delete' ? null : { ...(entry.kind === 'update' && wanted.get(rowOf(entry))), ...entry.fields });
    }
    if (wanted.size === 0) return;
    for (const { path, data, input } of page.views) {
      const entity = path.split('.')[0]!;
      for (const row of (Array.isArray(data) ? data : data ? [data] : []) as ShownRow[]) {
        const want = wanted.get(`${entity} ${row.id}`);
        if (want === undefined) continue;
        if (want === null) {
          if (!input) this.fail('laid', `${page.tab.name} ${path} shows ${row.id}, which is to be deleted`);
        } else for (const field of FIELDS) if (field in want && row[field] !== want[field]) this.fail('laid', `${page.tab.name} ${path} shows ${row.id} ${field} as ${String(row[field])}, and it is to be ${String(want[field])}`);
      }
    }
  }

  /** Long after all is well. */
  settled(page: SimulatedPage): void {
    for (const { path, data, input } of page.views) {
      const entity = path.split('.')[0]!;
      if (input || !Array.isArray(data)) continue;
      const want = new Map<string, Record<string, unknown>>();
      for (const [row, fields] of this.server.rows) if (row.startsWith(entity)) want.set(row, { ...fields });
      for (const entry of page.entries) {
        if (!LAID.includes(entry.state) || entry.entity !== entity || entry.kind === 'other' || page.stream.told.has(entry.id)) continue;
        const row = rowOf(entry);
        if (entry.kind === 'delete') want.delete(row);
        else if (entry.kind === 'create' || want.has(row)) want.set(row, { ...want.get(row), ...entry.fields });
      }
      const shown = new Map((data as ShownRow[]).map((row) => [`${entity} ${row.id}`, row]));
      for (const [row, fields] of want) {
        const is = shown.get(row);
        if (!is) this.fail('settled', `${page.tab.name} ${path} does not show ${row}`);
        for (const field of FIELDS) if (is[field] !== fields[field]) this.fail('settled', `${page.tab.name} ${path} shows ${row} ${field} as ${String(is[field])}, and it is ${String(fields[field])}`);
      }
      for (const row of shown.keys()) if (!want.has(row)) this.fail('settled', `${page.tab.name} ${path} shows ${row}, which is not there`);
    }
  }

  // --- what became of it all ---

  ends(page: SimulatedPage, pages: readonly SimulatedPage[], evicted: number): void {
    this.looks();
    const { entries } = page;
    const held = new Set(entries.filter(({ state }) => STANDS.includes(state)).map(({ lane }) => lane));
    for (const { state, lane, after, kind, id } of entries) {
      if (state !== 'queued' && state !== 'sending') continue;
      const blocked = held.has(lane) || after.some((other) => held.has(other)) || kind === 'delete';
      if (!blocked) this.fail('sent', `${id} was not: ${state}; ${pages.map(({ tab, outbox }) => `${tab.name} ${outbox.paused.join()} ${outbox.leader}`).join('; ')}`);
      held.add(lane);
    }
    const lost = this.intents.filter((intent) => intent.said === 'kept' && !intent.discarded && !intent.volatile && this.#isLost(intent, entries));
    // Of what was thrown away with the database it is told that, and not of each which it was.
    if (lost.length > 0 && evicted === 0) this.fail(this.split() ? 'told' : 'kept', `${lost.map(({ path, row, id, input }) => `${path} ${row} ${id} ${JSON.stringify(input)}`).join('; ')}: lost, and nothing was told`);
    this.#seen();
  }

  /** It was not done, is not shown, and nothing that was done after it covers it. */
  #isLost({ path, row, input, nth, id, at, tab }: Intent, entries: readonly OutboxEntry[]): boolean {
    if (entries.some((entry) => entry.id === id || entry.squashed.includes(id ?? ''))) return false;
    // Of what is done at the same moment in two tabs either may be the last.
    const later = this.intents.filter((one) => (one.nth > nth || (one.nth < nth && one.tab !== tab && one.keptAt > at)) && one.row === row && one.said !== 'refused');
    const created = this.intents.find((one) => one.row === row && one.path.endsWith('.create'));
    // What a person has taken back takes with it what stood upon it.
    if (later.some((one) => one.path.endsWith('.delete')) || created?.discarded) return false;
    if (path === 'bells.ring') return !this.server.effects.some(({ input: rung }) => rung['nth'] === input['nth']);
    if (path.endsWith('.delete')) return this.server.rows.has(row);
    return Object.entries(input).some(([field, value]) => {
      if (!FIELDS.includes(field)) return false;
      const done = this.server.written.some((one) => one.row === row && one.field === field && (one.value === value || one.by === id));
      return !done && !later.some((one) => field in one.input);
    });
  }

  #seen(): void {
    const { written } = this.server;
    for (const one of written) {
      if (!one.compared || one.by.startsWith('x') || !one.before?.startsWith('x')) continue;
      const intent = this.intents[nthOf(one.value) ?? -1];
      const before = written.find(({ by }) => by === one.before)!;
      if (intent && !intent.decided && before.at > intent.at) this.fail('unseen', `${one.row} ${one.field}: ${String(one.value)} went over ${String(before.value)}`);
    }
  }
}
