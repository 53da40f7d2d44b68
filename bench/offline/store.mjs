/**
 * What the server of the comparison keeps: guests (name, table), notes about them, and a list of the effects that writes had,
 * which is what a cell of the table is decided by. Nothing here knows of a library.
 *
 * A write is one of
 *   {kind: 'create', id, fields}   {kind: 'update', id, fields, base?}   {kind: 'delete', id, base?}   {kind: 'note', guest, text, id?}
 * `base` is the number of the row's last change that the person had before them (own changes since are no conflict); `expected` is, by field, the version that they had:
 * the key of the write that made it so. Without either a write goes over whatever is there.
 */
export class Refused extends Error {
  /** @param {number} status @param {string} code @param {string} message @param {object} more */
  constructor(status, code, message, more = {}) {
    super(message);
    Object.assign(this, { status, code, more });
  }
}

const FIELDS = ['name', 'table'];

export class Store {
  /** Each change has the next number. */
  rev = 0;
  guests = new Map();
  notes = new Map();
  /** `{kind, id, fields, text, by, rev}`, one for each time that something changed. */
  effects = [];
  /** What was answered to a key, by user and key. */
  #answers = new Map();
  /** What a field was under a version: `id field version`. */
  #values = new Map();
  #made = 0;

  /** A write by somebody. With a key: once, and the same answer for each further time. */
  write(op, { by, key, at = Date.now() }) {
    const known = key === undefined ? undefined : `${by} ${key}`;
    if (known !== undefined && this.#answers.has(known)) return this.#answers.get(known);
    const answer = this.#apply(op, { by, key, at });
    if (known !== undefined) this.#answers.set(known, answer);
    return answer;
  }

  #apply(op, author) {
    const { by } = author;
    if (op.kind === 'note') return this.#note(op, by);
    const row = this.guests.get(op.id);
    const there = row !== undefined && !row.deleted;
    if (op.kind === 'create') {
      if (row !== undefined) throw new Refused(409, 'EXISTS', `guest ${op.id} exists`);
      this.#check(op.fields);
      const rev = this.#effect(op, by);
      const made = { id: op.id, name: '', table: '', ...op.fields, rev, deleted: false, last: {} };
      this.guests.set(op.id, made);
      this.#sign(made, FIELDS, author);
      return made;
    }
    if (!there) throw new Refused(404, 'NOT_FOUND', `no guest ${op.id}`);
    if (op.kind === 'delete') {
      this.#compare(row, op, Object.fromEntries(Object.keys(op.expected ?? {}).map((name) => [name, undefined])), by);
      const rev = this.#effect(op, by);
      Object.assign(row, { deleted: true, rev });
      return row;
    }
    this.#check(op.fields);
    this.#compare(row, op, op.fields, by);
    const rev = this.#effect(op, by);
    Object.assign(row, op.fields, { rev });
    this.#sign(row, Object.keys(op.fields), author);
    return row;
  }

  /** Who has changed what somebody else has changed since, to another value, hears of it. */
  #compare(row, { base, expected }, fields, by) {
    const conflicts = Object.entries(fields)
      .filter(([name, mine]) => {
        const { rev, version, by: whose } = row.last[name];
        const unseen = expected && name in expected ? expected[name] !== version : base !== undefined && rev > base && whose !== by;
        return unseen && row[name] !== mine;
      })
      .map(([field, mine]) => {
        const { by, at, version } = row.last[field];
        const before = this.#values.get(`${row.id} ${field} ${expected?.[field]}`);
        return { field, ...(before === undefined ? {} : { base: before }), ...(mine === undefined ? {} : { mine }), theirs: row[field], by, at, version };
      });
    if (conflicts.length > 0) throw new Refused(409, 'CONFLICT', `guest ${row.id} was changed by somebody else`, { conflicts, current: row });
  }

  #sign(row, fields, { by, key, at }) {
    for (const name of fields) {
      row.last[name] = { rev: row.rev, by, at, version: key ?? `change-${row.rev}` };
      this.#values.set(`${row.id} ${name} ${row.last[name].version}`, row[name]);
    }
  }

  #note({ guest, text, id }, by) {
    const made = id ?? `note-${(this.#made += 1)}`;
    if (this.notes.has(made)) return this.notes.get(made);
    if (!this.guests.has(guest)) throw new Refused(422, 'INVALID', `a note needs its guest: there is no ${guest}`);
    const rev = this.#effect({ kind: 'note', id: guest, text }, by);
    this.notes.set(made, { id: made, guest, text, by, rev });
    return this.notes.get(made);
  }

  #check(fields) {
    for (const [name, value] of Object.entries(fields)) {
      if (!FIELDS.includes(name)) throw new Refused(422, 'INVALID', `a guest has no field "${name}", but ${FIELDS.join(' and ')}`);
      if (String(value).includes('(too long)')) throw new Refused(422, 'INVALID', `${name} is too long`);
    }
  }

  #effect({ kind, id, fields, text }, by) {
    this.rev += 1;
    this.effects.push({ kind, id, fields, text, by, rev: this.rev });
    return this.rev;
  }

  read() {
    const guests = [...this.guests.values()].filter(({ deleted }) => !deleted).map(({ id, name, table, rev }) => ({ id, name, table, rev }));
    return { guests, notes: [...this.notes.values()].map(({ id, guest, text }) => ({ id, guest, text })), rev: this.rev };
  }

  /** By guest the version of each field. */
  versions() {
    return Object.fromEntries([...this.guests.values()].map(({ id, last }) => [id, Object.fromEntries(FIELDS.map((name) => [name, last[name].version]))]));
  }

  /**
   * RxDB's protocol: of each row the state that the client believes is here, and the one that it wants. Rows whose belief is wrong
   * are given back as they are here, and not written.
   */
  push(collection, rows, by) {
    const conflicts = [];
    for (const { assumedMasterState: assumed, newDocumentState: wanted } of rows) {
      const now = collection === 'guests' ? this.guests.get(wanted.id) : this.notes.get(wanted.id);
      const shape = (doc) => (collection === 'guests' ? [doc.name, doc.table, Boolean(doc.deleted ?? doc._deleted)] : [doc.guest, doc.text, Boolean(doc.deleted ?? doc._deleted)]).join('\0');
      // It is so already; or it was made and removed again before anybody heard of it.
      if (now ? shape(now) === shape(wanted) : wanted._deleted) continue;
      if (now && (!assumed || shape(assumed) !== shape(now))) {
        conflicts.push(this.document(collection, now));
        continue;
      }
      this.#apply(operation(collection, now, wanted), { by, at: Date.now() });
    }
    return conflicts;
  }

  document(collection, row) {
    const { id, name, table, guest, text, rev } = row;
    return { id, ...(collection === 'guests' ? { name, table } : { guest, text }), rev, _deleted: Boolean(row.deleted) };
  }

  changesAfter(collection, { rev = 0, id = '' } = {}, limit = 100) {
    const rows = collection === 'guests' ? this.guests : this.notes;
    return [...rows.values()]
      .filter((row) => row.rev > rev || (row.rev === rev && row.id > id))
      .sort((a, b) => a.rev - b.rev || (a.id < b.id ? -1 : 1))
      .slice(0, limit)
      .map((row) => this.document(collection, row));
  }
}

/** What a pushed document changes, as one of the writes. */
export function operation(collection, now, wanted) {
  if (collection === 'notes') return { kind: 'note', id: wanted.id, guest: wanted.guest, text: wanted.text };
  const { id, name, table } = wanted;
  if (!now) return { kind: 'create', id, fields: { name, table } };
  if (wanted._deleted) return { kind: 'delete', id };
  return { kind: 'update', id, fields: Object.fromEntries(Object.entries({ name, table }).filter(([field, value]) => now[field] !== value)) };
}
