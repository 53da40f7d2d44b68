/** Runs the machine: hands it what happens, and does what it asks for. One for each tab; only the leader's has a stream. */
import type { Environment } from '../environment.js';
import { MAX_MESSAGE, type Credentials, type Transport } from '../transport/transport.js';
import { INITIAL, PROOF_MS, step, told } from './step.js';
import type { CloseReason } from '../../protocol/events.js';
import type { Effect, Input, State } from './types.js';

export interface ConnectionHost {
  readonly environment: Environment;
  readonly transport: Transport;
  /** The server's address, for a look whether it answers; undefined: that of the page. */
  readonly address: URL | undefined;
  /** False: pings are not heard on this transport, and silence means nothing. */
  readonly watched: boolean;
  /** What the app gives to be let in; undefined: nothing is needed. */
  token: (expired: boolean) => Promise<Credentials> | undefined;
  place: () => { cursor: string | number | undefined; instance: string; generation: number };
  /** A message that is the app's, or a verdict; `size`: its characters. */
  event: (payload: Payload, id: string | undefined, size: number) => void;
  changed: () => void;
  replaced: () => void;
}

/** An event as it came: JSON with a `type`, the rest not believed. */
export type Payload = Readonly<Record<string, unknown>> & { readonly type: string };

export interface Connection {
  send(input: Input): void;
  /** An occasion to look at the clock. The timers of a hidden page run once a minute; what wakes the page by other ways makes good for them. */
  look(): void;
  readonly state: State;
}

export function createConnection(host: ConnectionHost): Connection {
  const { environment } = host;
  let state = INITIAL;
  let timer: unknown;
  /** When it is to run. */
  let due = Infinity;
  /** Counts attempts: what an older one still says is not heard. */
  let attempt = 0;
  let looks = 0;
  let credentials: Credentials | undefined;
  let end: (() => void) | undefined;
  const queue: Input[] = [];
  let busy = false;

  function send(input: Input): void {
    queue.push(input);
    if (busy) return;
    busy = true;
    try {
      for (let next = queue.shift(); next; next = queue.shift()) {
        const before = state;
        const [after, effects] = step(state, next, environment.now());
        state = after;
        for (const effect of effects) performs[effect.do](effect as never);
        const [was, is] = [told(before), told(after)];
        if (was.state !== is.state || was.reason !== is.reason) host.changed();
      }
    } finally {
      busy = false;
    }
  }

  const performs: { readonly [Do in Effect['do']]: (effect: Extract<Effect, { do: Do }>) => void } = {
    token: ask,
    open,
    cut() {
      attempt += 1;
      end?.();
      end = undefined;
    },
    sleep: ({ floor, spread }) => wakes(floor + environment.random() * spread),
    still: () => wakes(Infinity),
    prove,
    replaced: host.replaced,
  };

  /** One timer, in place of the one before. */
  function wakes(ms: number): void {
    environment.clearTimeout(timer);
    due = environment.now() + ms;
    if (ms < Infinity) timer = environment.setTimeout(() => send({ is: 'timer' }), ms);
  }

  function ask({ expired }: { expired: boolean }): void {
    const mine = (attempt += 1);
    credentials = undefined;
    const asked = host.token(expired);
    if (!asked) return send({ is: 'token' });
    asked.then(
      (given) => {
        if (mine !== attempt) return;
        credentials = given;
        send({ is: 'token' });
      },
      (thrown: unknown) => {
        if (mine !== attempt) return;
        // What is tried again and again is told once.
        if (state.reason !== 'token_failed') environment.report(thrown);
        send({ is: 'token_failed' });
      },
    );
  }

  function open(): void {
    const mine = (attempt += 1);
    const tell = (input: Input): void => {
      if (mine === attempt) send(input);
    };
    const opened = host.transport(
      { ...host.place(), ...credentials },
      {
        head: () => tell({ is: 'head' }),
        retry: (ms) => tell({ is: 'retry', ms }),
        failed: (failure) => tell({ is: 'failure', failure }),
        message(name, data, id) {
          if (mine !== attempt) return;
          const payload = read(name, data);
          const size = typeof data === 'string' ? data.length : 0;
          if (!payload || size > MAX_MESSAGE) return tell({ is: 'failure', failure: { kind: 'malformed' } });
          // What it says of the position comes first: who is told that the stream is live, or over, finds it there.
          host.event(payload, id || undefined, size);
          tell(inputOf(payload, host.watched));
        },
      },
    );
    if (mine === attempt) end = opened;
    else opened();
  }

  function prove(): void {
    const mine = (looks += 1);
    const network = environment.online();
    const { address } = host;
    const href = address?.href ?? environment.base;
    const cross = !!address && address.origin !== new URL(environment.base ?? address).origin;
    const say = (answered: boolean, led = false): void => {
      if (mine !== looks) return;
      looks += 1;
      environment.clearTimeout(late);
      send({ is: 'proof', answered, led, cross, worked: typeof host.place().cursor === 'string', network });
    };
    const late = environment.setTimeout(() => say(false), PROOF_MS);
    if (!environment.fetch || !href) return say(network);
    // What comes back is not read, so that every server may answer. Of one's own it can be told whether somebody else is to answer in its place.
    const look = cross ? ({ mode: 'no-cors', credentials: 'omit' } as const) : ({ redirect: 'manual', credentials: 'same-origin' } as const);
    environment.fetch(href, { method: 'HEAD', cache: 'no-store', ...look }).then(
      ({ type }) => say(true, type === 'opaqueredirect'),
      () => say(false),
    );
  }

  return {
    send,
    look() {
      if (environment.now() >= due) send({ is: 'timer' });
    },
    get state() {
      return state;
    },
  };
}

function read(name: string, data: unknown): Payload | undefined {
  let value = data;
  if (typeof data === 'string') {
    try {
      value = JSON.parse(data);
    } catch {
      return undefined;
    }
  }
  const { type, queryPaths } = Object(value) as { type?: unknown; queryPaths?: unknown };
  if (typeof type !== 'string' || !Array.isArray(queryPaths) || (name !== 'message' && name !== type)) return undefined;
  return value as Payload;
}

/** A number of ms; no more than a day, for a timer holds no more than some. */
const msOf = (value: unknown): number => (typeof value === 'number' && value >= 0 ? Math.min(value, 864e5) : 0);

function inputOf(payload: Payload, watched: boolean): Input {
  if (payload.type === 'hello') return { is: 'hello', beat: watched ? msOf(payload['heartbeatMs']) : 0 };
  if (payload.type !== 'server_close') return { is: 'event' };
  return { is: 'server_close', reason: payload['reason'] as CloseReason, retryMs: msOf(payload['retryMs']) };
}
