/**
 * Whether the app's own server can be reached, by proof: its probe answered, its stream is live, or one of its calls got an answer. What the browser says
 * (`navigator.onLine`) is believed where it says no; its yes says nothing, for a captive portal and a dead Wi-Fi are networks too.
 *
 * Invariants (SPEC §24, test/offline/network):
 * 1. `verified` is said only after a proof, and no more once a probe behind it came to nothing, or the browser has lost its network. (Without a probe: see below.)
 * 2. No timer runs and nothing is asked while it is verified and nobody doubts.
 * 3. One probe at a time. What an old one still answers counts for nothing.
 */
import type { Inside, Network } from '../inside.js';
import type { NetworkStatus } from '../types.js';

/** ms for a probe's answer, its body too. */
const PROBE_MS = 5_000;
/** ms of the wait behind the first probe that failed, at most (full jitter); doubled with each up to the second. */
const FIRST_WAIT_MS = 1_000;
const MAX_WAIT_MS = 30_000;
/** ms between two changes of the latency alone: calls answer as often as they like. */
const LATENCY_MS = 1_000;

/** True: the app's server has answered. What it throws, and anything else, is a no. */
export type Probe = (signal: AbortSignal) => boolean | Promise<boolean>;

/** What of an answer is looked at. */
type Fetch = (url: string, init: object) => Promise<{ status: number; redirected: boolean; json: () => Promise<unknown> }>;

/**
 * `probe`: the address of something that answers a GET with 2xx and the JSON `{ ok: true }` (other keys do no harm), absolute or relative to the page; or a
 * function. Undefined: nothing can be asked, so what is in doubt counts as there again after the wait, and the next call is the probe.
 */
export function createNetwork({ environment, say, onClose }: Pick<Inside, 'environment' | 'say' | 'onClose'>, probe?: string | Probe): Network {
  const listeners = new Set<(status: NetworkStatus) => void>();
  let status: NetworkStatus = { online: environment.online(), verified: false, latency: undefined, since: environment.now() };
  /** A first one has come: before it nobody knows anything. */
  let verdict = false;
  let tries = 0;
  let waiting: unknown;
  let late: unknown;
  let asking: AbortController | undefined;
  let provedAt = -Infinity;
  let closed = false;

  function set(online: boolean, verified: boolean, latency = status.latency): void {
    const now = environment.now();
    const same = online === status.online && verified === status.verified;
    // Who hears of the first verdict hears of it even where it is no other than what was supposed.
    if (same && verdict && latency === status.latency) return;
    verdict = true;
    status = { online, verified, latency, since: same ? status.since : now };
    for (const listener of [...listeners]) if (listeners.has(listener)) say(listener, status);
  }

  /** Whatever is asked, or is to be asked later, counts no more. */
  function still(): void {
    environment.clearTimeout(waiting);
    environment.clearTimeout(late);
    asking?.abort();
    asking = undefined;
  }

  function prove(ms?: number): void {
    if (closed) return;
    const now = environment.now();
    // Asked before the browser lost its network, it proves nothing of now.
    if (ms !== undefined && !status.online && now - ms < status.since) return;
    still();
    tries = 0;
    const known = ms === undefined || (status.latency !== undefined && status.verified && Math.abs(now - provedAt) < LATENCY_MS) ? status.latency : ms;
    if (known === ms) provedAt = now;
    set(true, true, known);
  }

  function failed(): void {
    still();
    set(environment.online(), false);
    waiting = environment.setTimeout(look, environment.random() * Math.min(MAX_WAIT_MS, FIRST_WAIT_MS * 2 ** tries));
    tries = Math.min(tries + 1, 30);
  }

  function look(): void {
    still();
    if (closed) return;
    // The first time nobody doubts; after that it has waited. It is no proof, so what fails next waits longer.
    if (!probe) return environment.online() ? set(true, true) : failed();
    const own = (asking = new AbortController());
    const began = environment.now();
    late = environment.setTimeout(failed, PROBE_MS);
    const told = (answered: boolean): void => {
      if (asking !== own) return;
      if (answered) prove(Math.max(0, environment.now() - began));
      else failed();
    };
    void ask(own.signal).then(told, () => told(false));
  }

  async function ask(signal: AbortSignal): Promise<boolean> {
    if (typeof probe === 'function') return (await probe(signal)) === true;
    // A login page of the network is a redirect, or a page: the one is not followed, and the other is not this JSON.
    const init = { redirect: 'manual', credentials: 'same-origin', cache: 'no-store', headers: { accept: 'application/json' }, signal } as const;
    const answer = await (environment.fetch as unknown as Fetch)(new URL(probe as string, environment.base).href, init);
    return answer.status >= 200 && answer.status < 300 && !answer.redirected && (Object(await answer.json()) as { ok?: unknown }).ok === true;
  }

  /** Doubts what it believes; where it believes nothing, it is asked anew at once. */
  function doubt(): void {
    if (closed || asking) return;
    // Whoever fails again and again while nothing answers does not make it ask as often as that.
    if (!status.verified && tries > 0) return;
    if (probe) look();
    else failed();
  }

  const unlisten = environment.listen((what) => {
    if (what === 'hide') still();
    else if (what === 'offline') failed();
    else if (what === 'online' || (what === 'wake' && !status.verified)) {
      tries = 0;
      look();
    } else if (what === 'show') {
      // It may have come back in another network.
      tries = 0;
      doubt();
    }
  });
  const close = (): void => {
    closed = true;
    still();
    unlisten();
    listeners.clear();
  };
  onClose(close);
  look();

  return {
    get status() {
      return status;
    },
    get verdict() {
      return verdict;
    },
    subscribe(listener) {
      const own = (value: NetworkStatus): void => listener(value);
      listeners.add(own);
      return () => void listeners.delete(own);
    },
    prove,
    doubt,
    close,
  };
}
