/**
 * A server by the rules of `sync.transaction()` (SPEC §22), naive: each mutation in one step, all that was ever done kept. It knows nothing of the outbox.
 */
import type { FieldConflict } from '../../../lib/protocol/conflict.js';

export interface Written {
  path: string;
  row: string;
  field: string;
  value: unknown;
  /** The transaction's id; a foreign user's begin with `x`. */
  by: string;
  at: number;
  /** What it stood upon, and whether that was compared. */
  before: string | null;
  compared: boolean;
}

/** What its log has of one change. */
export interface Told {
  row: string;
  kind: string;
  by: string;
  fields: readonly string[];
  /** As it is now; undefined: it is gone. */
  data: Row | undefined;
  sourceId: string | undefined;
}

interface Tx {
  transactionId: string;
  sourceId?: string;
  expected?: Record<string, string | null>;
  changedFields?: readonly string[];
}

/** As a tRPC client throws it. */
export function trpcError(httpStatus: number, code: string, pathcast?: object): Error {
  return Object.assign(new Error(code), { data: { code, httpStatus, ...(pathcast && { pathcast }) } });
}

type Row = Record<string, unknown>;

export class ModelServer {
  readonly rows = new Map<string, Row>();
  /** By row and field: who wrote it last. */
  readonly versions = new Map<string, Record<string, string>>();
  readonly written: Written[] = [];
  /** Each effect, in order. */
  readonly effects: { id: string; path: string; input: Row; at: number }[] = [];
  readonly #done = new Map<string, { key: string; answer: unknown }>();
  /** What came in, effects or not. */
  asked = 0;
  /** Called with each change of a row. */
  tells: (told: Told) => void = () => undefined;

  constructor(readonly now: () => number) {}

  /** Somebody else. */
  edit(row: string, field: string, value: unknown, by: string): void {
    const there = this.rows.get(row);
    if (!there) return;
    this.#write('x', row, field, value, by, false);
    this.tells({ row, kind: 'update', by, fields: [field], data: this.rows.get(row), sourceId: undefined });
  }

  /** Somebody else. */
  remove(row: string, by: string): void {
    if (!this.rows.delete(row)) return;
    this.versions.delete(row);
    this.tells({ row, kind: 'delete', by, fields: [], data: undefined, sourceId: undefined });
  }

  #write(path: string, row: string, field: string, value: unknown, by: string, compared: boolean): void {
    const versions = this.versions.get(row) ?? {};
    this.versions.set(row, versions);
    this.written.push({ path, row, field, value, by, at: this.now(), before: versions[field] ?? null, compared });
    versions[field] = by;
    this.rows.set(row, { ...this.rows.get(row), [field]: value });
  }

  call(path: string, given: unknown): unknown {
    this.asked += 1;
    const { tx, ...input } = given as { tx?: Tx } & Row;
    // Behind no transaction: done as often as it is asked for.
    if (!tx || path === 'bells.ring') return this.#run(path, input, undefined);
    const key = JSON.stringify([path, input]);
    const done = this.#done.get(tx.transactionId);
    if (done && done.key !== key) throw trpcError(422, 'UNPROCESSABLE_CONTENT', { code: 'TRANSACTION_MISMATCH', retryable: false });
    if (done) return done.answer;
    const answer = this.#run(path, input, tx);
    this.#done.set(tx.transactionId, { key, answer });
    return answer;
  }

  #run(path: string, input: Row, tx: Tx | undefined): unknown {
    const [entity, kind] = path.split('.') as [string, string];
    const { id, ...given } = input;
    const row = `${entity} ${String(id)}`;
    if (given['refuse']) throw trpcError(422, 'UNPROCESSABLE_CONTENT');
    const by = tx?.transactionId ?? 'none';
    const effect = { id: by, path, input, at: this.now() };
    if (kind === 'create') {
      if (this.rows.has(row)) throw trpcError(409, 'CONFLICT');
      if (entity === 'files' && !this.rows.has(`pages ${String(given['pageId'])}`)) throw trpcError(404, 'NOT_FOUND');
      this.rows.set(row, {});
      this.versions.set(row, {});
      for (const [field, value] of Object.entries(given)) this.#write(path, row, field, value, by, false);
    } else if (kind === 'update' || kind === 'delete') {
      const there = this.rows.get(row);
      if (!there) throw trpcError(404, 'NOT_FOUND');
      const fields = kind === 'update' ? Object.keys(given) : Object.keys(tx?.expected ?? {});
      const conflicts = fields.flatMap((field): FieldConflict[] => {
        if (!tx?.expected) return [];
        const seen = tx.expected[field] ?? null;
        const version = this.versions.get(row)?.[field];
        if (seen === (version ?? null) || (kind === 'update' && JSON.stringify(there[field]) === JSON.stringify(given[field]))) return [];
        const base = this.written.find((one) => one.row === row && one.field === field && one.by === seen);
        return [{ field, ...(base && { base: base.value }), ...(kind === 'update' && { mine: given[field] }), theirs: there[field], by: version ?? null, at: null, version: version ?? '~' }];
      });
      if (conflicts[0]) throw trpcError(409, 'CONFLICT', { code: 'FIELD_CONFLICT', retryable: false, conflicts });
      if (kind === 'delete') {
        this.rows.delete(row);
        this.versions.delete(row);
      } else for (const [field, value] of Object.entries(given)) this.#write(path, row, field, value, by, !!tx?.expected);
    } else if (kind !== 'ring') throw new Error(`no procedure ${path}`);
    this.effects.push(effect);
    if (kind !== 'ring') this.tells({ row, kind: kind, by, fields: Object.keys(kind === 'delete' ? {} : given), data: this.rows.get(row), sourceId: tx?.sourceId });
    return { id, by };
  }
}
