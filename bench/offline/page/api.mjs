/** The app's own client of the server, the same for each library. An answer that is no success is an error with the status in its text, as most apps' are. */
export class ApiError extends Error {
  constructor(status, body) {
    super(`HTTP ${status}: ${body?.message ?? 'no answer'}`);
    this.name = 'ApiError';
    this.status = status;
    this.code = body?.code;
    this.body = body;
  }
}

export function createApi() {
  let token = '';
  const ask = async (method, path, body, headers = {}) => {
    const response = await fetch(path, {
      method,
      headers: { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const answer = await response.json();
    if (!response.ok) throw new ApiError(response.status, answer);
    return answer;
  };
  return {
    ask,
    get token() {
      return token;
    },
    set token(value) {
      token = value;
    },
    read: () => ask('GET', '/state'),
    /** @param {object} op one of the store's writes @param {string} [key] makes the server do it once */
    write: (op, key) => ask('POST', '/write', op, key === undefined ? {} : { 'idempotency-key': key }),
    signIn: async (user) => {
      token = (await ask('POST', '/session', { user })).token;
      return token;
    },
    /** Calls back at the start, when the stream is there again, and after each change. Returns the end of it. */
    onChange: (listener) => {
      const source = new EventSource(`/changes?token=${encodeURIComponent(token)}`);
      source.onmessage = ({ data }) => listener(JSON.parse(data));
      return () => source.close();
    },
  };
}

/** What a write does to what is on the screen: how each app here shows it at once. */
export function show(state, op, title = 'name') {
  const { guests, notes } = state;
  if (op.kind === 'note') return { ...state, notes: [...notes, { id: `shown ${op.text}`, guest: op.guest, text: op.text }] };
  if (op.kind === 'create') return { ...state, guests: [...guests.filter(({ id }) => id !== op.id), { id: op.id, [title]: '', table: '', ...op.fields }] };
  if (op.kind === 'delete') return { ...state, guests: guests.filter(({ id }) => id !== op.id) };
  return { ...state, guests: guests.map((guest) => (guest.id === op.id ? { ...guest, ...op.fields } : guest)) };
}
