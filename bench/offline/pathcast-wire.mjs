/**
 * What pathcast's own server half says and hears over the same store: a mutation's `tx` (SPEC §22), the error of a conflict, and the action
 * in the stream. The version of a field is the id of the transaction that wrote it.
 */
const KINDS = { 'guests.create': 'create', 'guests.update': 'update', 'guests.delete': 'delete', 'notes.create': 'note' };

export function mutationOf(path, { tx, id, guest, text, ...fields }) {
  const kind = KINDS[path];
  const expected = tx?.expected;
  const op = kind === 'note' ? { kind, id, guest, text } : { kind, id, ...(kind === 'delete' ? {} : { fields }), ...(expected ? { expected } : {}) };
  return { op, transactionId: tx?.transactionId };
}

const CODES = { 401: ['UNAUTHORIZED', -32001], 404: ['NOT_FOUND', -32004], 409: ['CONFLICT', -32009], 422: ['UNPROCESSABLE_CONTENT', -32022], 500: ['INTERNAL_SERVER_ERROR', -32603] };

/** tRPC's answer over HTTP, errors as with `conflictFormatter`. */
export function envelope(status, body) {
  if (status === 200) return { result: { data: body } };
  const [name, code] = CODES[status];
  const pathcast = body.conflicts && { code: 'FIELD_CONFLICT', retryable: false, conflicts: body.conflicts };
  return { error: { message: body.message, code, data: { code: name, httpStatus: status, ...(pathcast ? { pathcast } : {}) } } };
}

/** The answer of a query: guests with the version of each field, as `sync.fieldVersions()` gives them. */
export function queryOf(path, { guests, notes }, versions) {
  if (path === 'notes.getAll') return notes;
  return guests.map((guest) => {
    const { name, table } = versions[guest.id];
    return { ...guest, versions: { ['title' in guest ? 'title' : 'name']: name, table } };
  });
}

/** Announces a write as `sync.transaction()` with a broadcast in the procedure does it. */
export function tellHub(hub, { kind, id, fields }, userId, transactionId) {
  const note = kind === 'note';
  const type = { create: 'insert', note: 'insert', update: 'update', delete: 'delete' }[kind];
  void hub.broadcast({
    id: `tx:${transactionId}`,
    type,
    module: note ? 'notes' : 'guests',
    entityId: id,
    companyId: 'acme',
    userId,
    queryPaths: note ? ['notes.getAll'] : ['guests.getAll'],
    tx: { transactionId, ...(note ? {} : { versions: [{ entity: 'guests', entityId: id, fields: Object.keys(fields ?? { name: 0, table: 0 }) }] }) },
  });
}
