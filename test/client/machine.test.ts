/**
 * The connection machine (`lib/client/machine/step.ts`): its table, whole, and what it says of each failure. `step` is pure, so each row is one
 * call. SPEC §15, invariants C1 to C4.
 */
import { INITIAL, step, told } from '../../lib/client/machine/step.js';
import type { Effect, Input, State } from '../../lib/client/machine/types.js';

const NOW = 1_000_000;
const MEMORY = { reason: 'open', offline: false, tries: 0, cors: 0, expired: false, retry: 0, beat: 10_000, woke: 0 } as const;
const LIVE: State = { ...MEMORY, at: 'live', from: NOW - 60_000, heard: NOW - 1_000, due: NOW + 24_000, last: false };

const STATES: Record<string, State> = {
  idle: INITIAL,
  token: { ...MEMORY, reason: 'starting', at: 'token' },
  asked: { ...MEMORY, reason: 'starting', at: 'opening', head: false },
  begun: { ...MEMORY, reason: 'starting', at: 'opening', head: true },
  live: LIVE,
  behind: { ...LIVE, heard: NOW - 20_000, due: NOW + 5_000 },
  waiting: { ...MEMORY, reason: 'cut', tries: 1, at: 'waiting' },
  limited: { ...MEMORY, reason: 'limit', tries: 1, at: 'waiting' },
  refused: { ...MEMORY, reason: 'forbidden', at: 'refused' },
  closed: { ...MEMORY, reason: 'closed', at: 'closed' },
};

const INPUTS: Record<string, Input> = {
  start: { is: 'start' },
  stop: { is: 'stop' },
  close: { is: 'close' },
  reconnect: { is: 'reconnect' },
  wake: { is: 'wake' },
  online: { is: 'online' },
  offline: { is: 'offline' },
  timer: { is: 'timer' },
  token: { is: 'token' },
  token_failed: { is: 'token_failed' },
  head: { is: 'head' },
  hello: { is: 'hello', beat: 10_000 },
  event: { is: 'event' },
  retry: { is: 'retry', ms: 2_000 },
  drain: { is: 'server_close', reason: 'drain', retryMs: 1_500 },
  revoked: { is: 'server_close', reason: 'revoked', retryMs: 1_500 },
  ended: { is: 'failure', failure: { kind: 'cut' } },
  network: { is: 'failure', failure: { kind: 'network' } },
  forbidden: { is: 'failure', failure: { kind: 'status', status: 403 } },
  proof: { is: 'proof', answered: false, led: false, cross: false, worked: false, network: true },
};

/** Where each input leads from each state, and what is done there; `-`: nothing changes. `o` behind a place: offline. */
const TABLE: Record<string, Record<string, string>> = {
  //           idle            token             asked              begun             live               behind            waiting           limited           refused           closed
  start:       row('token',    '-',              '-',               '-',              '-',               '-',              '-',              '-',              '-',              '-'),
  stop:        row('-',        'idle',           'idle',            'idle',           'idle',            'idle',           'idle',           'idle',           'idle',           '-'),
  close:       row('closed',   'closed',         'closed',          'closed',         'closed',          'closed',         'closed',         'closed',         'closed',         '-'),
  reconnect:   row('-',        'token',          'token',           'token',          'token',           'token',          'token',          'token',          'token',          '-'),
  wake:        row('-',        '-',              '-',               '-',              '-',               'live',           'token',          '-',              '-',              '-'),
  online:      row('-',        '-',              '-',               '-',              '-',               'live',           'token',          '-',              '-',              '-'),
  offline:     row('-',        '-',              '-',               '-',              'live prove',      'live prove',     '-',              '-',              '-',              '-'),
  timer:       row('-',        'waiting',        'waiting prove',   'waiting',        'live',            'live',           'token',          'token',          '-',              '-'),
  token:       row('-',        'opening open',   '-',               '-',              '-',               '-',              '-',              '-',              '-',              '-'),
  token_failed:row('-',        'waiting',        '-',               '-',              '-',               '-',              '-',              '-',              '-',              '-'),
  head:        row('-',        '-',              'opening',         '-',              '-',               '-',              '-',              '-',              '-',              '-'),
  hello:       row('-',        '-',              'live',            'live',           '-',               '-',              '-',              '-',              '-',              '-'),
  event:       row('-',        '-',              '-',               '-',              'live',            'live',           '-',              '-',              '-',              '-'),
  retry:       row('-',        'token',          'opening',         'opening',        'live',            'live',           'waiting',        'waiting',        'refused',        '-'),
  drain:       row('-',        '-',              'waiting',         'waiting',        'waiting',         'waiting',        '-',              '-',              '-',              '-'),
  revoked:     row('-',        '-',              'refused',         'refused',        'refused',         'refused',        '-',              '-',              '-',              '-'),
  ended:       row('-',        '-',              'waiting',         'waiting',        'waiting',         'waiting',        '-',              '-',              '-',              '-'),
  network:     row('-',        '-',              'waiting prove',   'waiting prove',  'waiting prove',   'waiting prove',  '-',              '-',              '-',              '-'),
  forbidden:   row('-',        '-',              'refused',         'refused',        'refused',         'refused',        '-',              '-',              '-',              '-'),
  proof:       row('-',        'token o',        'opening o',       '-',              'waiting o',       'waiting o',      'waiting o',      'waiting o',      '-',              '-'),
};

function row(...cells: string[]): Record<string, string> {
  return Object.fromEntries(Object.keys(STATES).map((name, index) => [name, cells[index] ?? 'missing']));
}

/** What is done beside the timer. */
const doings = (effects: readonly Effect[]): string[] => effects.map((effect) => effect.do).filter((name) => name === 'open' || name === 'prove');

test.each(Object.keys(INPUTS))('the table, row %s', (name) => {
  const found = Object.fromEntries(
    Object.entries(STATES).map(([from, state]) => {
      const [next, effects] = step(state, INPUTS[name]!, NOW);
      if (next === state && effects.length === 0) return [from, '-'];
      return [from, [next.at, ...doings(effects), ...(next.offline ? ['o'] : [])].join(' ')];
    }),
  );
  expect(found).toEqual(TABLE[name]);
});

test('wherever a stream or an attempt may be open it is cut before anything else; wherever an attempt may hang there is a timer', () => {
  for (const [from, state] of Object.entries(STATES)) {
    for (const [name, input] of Object.entries(INPUTS)) {
      const [next, effects] = step(state, input, NOW);
      const open = (at: string): boolean => at === 'opening' || at === 'live';
      const kinds = effects.map((effect) => effect.do);
      if (open(state.at) && !open(next.at)) expect([from, name, kinds[0]]).toEqual([from, name, 'cut']);
      // `live` without a heartbeat has none to watch.
      if (next.at !== state.at && ['token', 'opening', 'waiting', 'live'].includes(next.at)) expect([from, name, kinds]).toEqual([from, name, expect.arrayContaining(['sleep'])]);
      if (['idle', 'refused', 'closed'].includes(next.at) && next.at !== state.at) expect(kinds).toContain('still');
      for (const effect of effects) {
        if (effect.do !== 'sleep') continue;
        expect(effect.floor >= 0 && effect.spread >= 0 && effect.floor + effect.spread < 400_000).toBe(true);
      }
    }
  }
});

const sleepOf = (effects: readonly Effect[]): { floor: number; spread: number } => {
  const found = effects.filter((effect): effect is Extract<Effect, { do: 'sleep' }> => effect.do === 'sleep');
  expect(found).toHaveLength(1);
  return { floor: found[0]!.floor, spread: found[0]!.spread };
};
const failure = (status: number, retryAfter?: number): Input => ({ is: 'failure', failure: { kind: 'status', status, retryAfter } });

describe('what is said of an answer', () => {
  test.each([
    [failure(403), 'refused', 'forbidden'],
    [failure(404), 'refused', 'not_found'],
    [failure(429), 'connecting', 'limit'],
    [failure(500), 'connecting', 'server_error'],
    [failure(502), 'connecting', 'bad_gateway'],
    [failure(503), 'connecting', 'bad_gateway'],
    [failure(504), 'connecting', 'bad_gateway'],
    [failure(204), 'connecting', 'unexpected_answer'],
    [failure(400), 'connecting', 'unexpected_answer'],
    [{ is: 'failure', failure: { kind: 'not_a_stream' } }, 'connecting', 'not_a_stream'],
    [{ is: 'failure', failure: { kind: 'captive_portal' } }, 'connecting', 'captive_portal'],
    [{ is: 'failure', failure: { kind: 'malformed' } }, 'connecting', 'malformed'],
    [{ is: 'server_close', reason: 'revoked', retryMs: 1_000 }, 'refused', 'revoked'],
    [{ is: 'server_close', reason: 'limit', retryMs: 1_000 }, 'connecting', 'limit'],
    [{ is: 'server_close', reason: 'evicted', retryMs: 1_000 }, 'connecting', 'evicted'],
    [{ is: 'server_close', reason: 'replaced', retryMs: 1_000 }, 'connecting', 'replaced'],
    [{ is: 'server_close', reason: 'slow', retryMs: 1_000 }, 'connecting', 'slow'],
    [{ is: 'server_close', reason: 'drain', retryMs: 1_000 }, 'connecting', 'drain'],
  ] as [Input, string, string][])('%j: %s, %s', (input, state, reason) => {
    expect(told(step(STATES['begun']!, input, NOW)[0])).toEqual({ state, reason });
  });

  test('a head without a verdict is a proxy that buffers', () => {
    expect(told(step(STATES['begun']!, { is: 'timer' }, NOW)[0])).toEqual({ state: 'connecting', reason: 'buffered' });
  });

  test('a reason that nobody has heard of is one to come back for', () => {
    const [next, effects] = step(LIVE, { is: 'server_close', reason: 'maintenance' as never, retryMs: 700 }, NOW);
    expect(next.at).toBe('waiting');
    expect(sleepOf(effects)).toEqual({ floor: 700, spread: 1_000 });
  });
});

describe('waits', () => {
  test('full jitter, doubled with each attempt, 8 s at most; a stream that held begins anew', () => {
    let state: State = STATES['asked']!;
    const spreads: number[] = [];
    for (let tries = 0; tries < 6; tries += 1) {
      const [next, effects] = step(state, failure(502), NOW);
      spreads.push(sleepOf(effects).spread);
      expect(sleepOf(effects).floor).toBe(0);
      state = step(step(next, { is: 'timer' }, NOW)[0], { is: 'token' }, NOW)[0];
    }
    expect(spreads).toEqual([1_000, 2_000, 4_000, 8_000, 8_000, 8_000]);
    const held = step(state, { is: 'hello', beat: 0 }, NOW)[0];
    // One that breaks at once is no success: the server would be asked as fast as it can refuse.
    expect(sleepOf(step(held, { is: 'failure', failure: { kind: 'cut' } }, NOW + 100)[1]).spread).toBe(8_000);
    expect(sleepOf(step(held, { is: 'failure', failure: { kind: 'cut' } }, NOW + 5_000)[1]).spread).toBe(1_000);
  });

  test("the server's hint is the floor, and is believed up to five minutes; a drain's has its own jitter", () => {
    const close = (reason: 'drain' | 'limit', retryMs: number): Input => ({ is: 'server_close', reason, retryMs });
    expect(sleepOf(step(LIVE, close('drain', 1_840), NOW)[1])).toEqual({ floor: 1_840, spread: 0 });
    expect(sleepOf(step(LIVE, close('limit', 9_000), NOW)[1])).toEqual({ floor: 9_000, spread: 1_000 });
    expect(sleepOf(step(LIVE, close('limit', 1e12), NOW)[1]).floor).toBe(300_000);
    expect(sleepOf(step(STATES['begun']!, failure(503, 4_000), NOW)[1])).toEqual({ floor: 4_000, spread: 1_000 });
    // Without a hint it is an attempt like any other.
    expect(sleepOf(step({ ...LIVE, from: NOW, tries: 2 }, close('drain', 0), NOW)[1])).toEqual({ floor: 0, spread: 4_000 });
    const hinted = step(LIVE, { is: 'retry', ms: 3_000 }, NOW)[0];
    expect(sleepOf(step(hinted, { is: 'failure', failure: { kind: 'cut' } }, NOW)[1])).toEqual({ floor: 0, spread: 3_000 });
  });

  test('who was put out for another browser waits for minutes, or for a person who looks', () => {
    const [evicted, effects] = step(LIVE, { is: 'server_close', reason: 'evicted', retryMs: 1_000 }, NOW);
    expect(sleepOf(effects)).toEqual({ floor: 300_000, spread: 1_000 });
    expect(step(evicted, { is: 'wake' }, NOW)[0].at).toBe('token');
  });

  test('a look cuts one wait a second short, whatever the clock does; a network that is back each', () => {
    const waiting = { ...STATES['waiting']!, woke: NOW };
    const at = (is: 'wake' | 'online', ms: number): string => step(waiting, { is }, NOW + ms)[0].at;
    expect([at('wake', 0), at('wake', 999), at('wake', -999), at('online', 0)]).toEqual(['waiting', 'waiting', 'waiting', 'token']);
    expect([at('wake', 1_000), at('wake', -3_600_000)]).toEqual(['token', 'token']);
    expect(step({ ...waiting, woke: 0 }, { is: 'wake' }, NOW)[0].woke).toBe(NOW);
  });

  test('a limit is not asked again before its time because a person looks', () => {
    expect(step(STATES['limited']!, { is: 'wake' }, NOW)[1]).toEqual([]);
    expect(step(STATES['limited']!, { is: 'reconnect' }, NOW)[0].at).toBe('token');
  });
});

describe('tokens', () => {
  test('401: a new token at once, then patience, and never a refusal', () => {
    const [first, effects] = step(STATES['begun']!, failure(401), NOW);
    expect([first.at, effects.at(-1)]).toEqual(['token', { do: 'token', expired: true }]);
    const asked = step(first, { is: 'token' }, NOW)[0];
    const [second, waits] = step(asked, failure(401), NOW);
    expect(told(second)).toEqual({ state: 'connecting', reason: 'unauthorized' });
    expect(sleepOf(waits).spread).toBeGreaterThan(0);
    // The next token has to be a new one, too; a verdict ends that.
    expect(step(second, { is: 'timer' }, NOW)[1].at(-1)).toEqual({ do: 'token', expired: true });
    expect(step(asked, { is: 'hello', beat: 0 }, NOW)[0].expired).toBe(false);
  });

  test('a stream whose session expired is opened with a new token at once, unless it lived no longer than its verdict', () => {
    const expired: Input = { is: 'server_close', reason: 'auth_expired', retryMs: 1_000 };
    expect(step(LIVE, expired, NOW)[1].at(-1)).toEqual({ do: 'token', expired: true });
    const [next, effects] = step({ ...LIVE, from: NOW - 10 }, expired, NOW);
    expect([next.at, next.expired, sleepOf(effects).floor]).toEqual(['waiting', true, 1_000]);
  });
});

describe('silence', () => {
  test('two and a half heartbeats without an event, and the stream is opened anew', () => {
    const [early, effects] = step({ ...LIVE, heard: NOW - 10_000, due: NOW }, { is: 'timer' }, NOW);
    expect([early.at, sleepOf(effects)]).toEqual(['live', { floor: 15_000, spread: 0 }]);
    const [late] = step({ ...LIVE, heard: NOW - 25_000, due: NOW }, { is: 'timer' }, NOW);
    expect([late.at, late.reason]).toEqual(['token', 'silent']);
  });

  test('a page that slept gets a moment to read what came meanwhile', () => {
    const slept: State = { ...LIVE, heard: NOW - 3_600_000, due: NOW - 3_575_000 };
    const [grace, effects] = step(slept, { is: 'timer' }, NOW);
    expect([grace.at, sleepOf(effects).floor]).toEqual(['live', 3_000]);
    const [heard] = step(grace, { is: 'event' }, NOW + 10);
    expect(step(heard, { is: 'timer' }, NOW + 3_000)[0].at).toBe('live');
    // However late the second look is: nothing came.
    expect(step(grace, { is: 'timer' }, NOW + 60_000)[0]).toMatchObject({ at: 'token', reason: 'silent' });
  });

  test('a clock that is set back by an hour does not put the look off by one', () => {
    const back = NOW - 3_600_000;
    const [first, effects] = step({ ...LIVE, heard: NOW - 10_000, due: NOW }, { is: 'timer' }, back);
    expect([first.at, sleepOf(effects)]).toEqual(['live', { floor: 25_000, spread: 0 }]);
    expect(step(first, { is: 'timer' }, back + 25_000)[0]).toMatchObject({ at: 'token', reason: 'silent' });
  });

  test('a wake a heartbeat behind asks for proof by events, not for a new stream', () => {
    const [grace] = step(STATES['behind']!, { is: 'wake' }, NOW);
    expect(step(grace, { is: 'timer' }, NOW + 3_000)[0].at).toBe('token');
    expect(step(step(grace, { is: 'event' }, NOW + 1)[0], { is: 'timer' }, NOW + 3_000)[0].at).toBe('live');
  });

  test('where pings are not heard there is nothing to watch', () => {
    const [live, effects] = step(STATES['asked']!, { is: 'hello', beat: 0 }, NOW);
    expect(effects).toEqual([{ do: 'still' }]);
    expect(step(live, { is: 'wake' }, NOW + 3_600_000)[1]).toEqual([]);
  });
});

describe('offline, by proof', () => {
  const proof = (answered: boolean, cross: boolean, network = true, more: { led?: boolean; worked?: boolean } = {}): Input => ({ is: 'proof', answered, led: false, cross, worked: false, network, ...more });
  const broken = (): State => step(LIVE, { is: 'failure', failure: { kind: 'network' } }, NOW)[0];

  test('a broken stream is no proof; that nothing answers is, and holds until something does', () => {
    expect(told(broken())).toEqual({ state: 'connecting', reason: 'cut' });
    const away = step(broken(), proof(false, false, false), NOW)[0];
    expect(told(away)).toEqual({ state: 'offline', reason: 'no_network' });
    const again = step(step(away, { is: 'timer' }, NOW)[0], { is: 'token' }, NOW)[0];
    expect(told(again).state).toBe('offline');
    expect(told(step(again, { is: 'failure', failure: { kind: 'network' } }, NOW)[0]).state).toBe('offline');
    expect(told(step(again, { is: 'head' }, NOW)[0]).state).toBe('connecting');
    expect(told(step(broken(), proof(false, false), NOW)[0])).toEqual({ state: 'offline', reason: 'unreachable' });
  });

  test('the browser says offline, and the server answers: nothing happened', () => {
    const [same, effects] = step(LIVE, { is: 'offline' }, NOW);
    expect([same.at, effects]).toEqual(['live', [{ do: 'prove' }]]);
    expect(step(LIVE, proof(true, false), NOW)).toEqual([LIVE, []]);
  });

  test('a server that answers, though not to be read, is a CORS failure; the fifth in a row is final', () => {
    let state = broken();
    const reasons: string[] = [];
    for (let nth = 0; nth < 5; nth += 1) {
      state = step(state, proof(true, true), NOW)[0];
      reasons.push(`${told(state).state} ${told(state).reason}`);
      if (state.at !== 'waiting') break;
      state = step(step(state, { is: 'timer' }, NOW)[0], { is: 'token' }, NOW)[0];
      state = step(state, { is: 'failure', failure: { kind: 'network' } }, NOW)[0];
    }
    expect(reasons).toEqual(['connecting cors', 'connecting cors', 'connecting cors', 'connecting cors', 'refused cors']);
    // Of the page's own server there is no such failure.
    expect(told(step(broken(), proof(true, false), NOW)[0])).toEqual({ state: 'connecting', reason: 'cut' });
  });

  test('a server that has permitted it once is never given up: a proxy that has lost it answers without permission', () => {
    let state = broken();
    for (let nth = 0; nth < 20; nth += 1) {
      state = step(state, proof(true, true, true, { worked: true }), NOW)[0];
      expect(told(state)).toEqual({ state: 'connecting', reason: 'cors' });
      state = step(step(state, { is: 'timer' }, NOW)[0], { is: 'token' }, NOW)[0];
      state = step(state, { is: 'failure', failure: { kind: 'network' } }, NOW)[0];
    }
  });

  test('an own server that leads elsewhere is a login of somebody between', () => {
    expect(told(step(broken(), proof(true, false, true, { led: true }), NOW)[0])).toEqual({ state: 'connecting', reason: 'captive_portal' });
    expect(step(LIVE, proof(true, false, true, { led: true }), NOW)).toEqual([LIVE, []]);
  });
});
