/**
 * Whether the app's own server can be reached, by proof: its probe answered, its stream is live, or one of its calls got an answer. What the browser says
 * (`navigator.onLine`) is believed where it says no; its yes says nothing, for a captive portal and a dead Wi-Fi are networks too.
 *
 * Invariants (SPEC §24, test/offline/network):
 * 1. `verified` is said only after a proof, and no more once a probe behind it came to nothing, or the browser has lost its network. (Without a probe: see below.)
 * 2. No timer runs and nothing is asked while it is verified and nobody doubts.
 * 3. One probe at a time. What an old one still answers counts for nothing.
 */
import { createEvent } from '../events.js';
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
  const { now, random, online, setTimeout, clearTimeout } = environment;
  const [on, tell, listeners] = createEvent<[]>(say);
  let status: NetworkStatus = { online: online(), verified: false, latency: undefined, since: now() };
  /** A first one has come: before it nobody knows anything. */
  let verdict = false;
  let tries = 0;
  /** Of the next probe, or of the answer of the one that is on its way. */
  let timer: unknown;
  let asking: AbortController | undefined;
  let provedAt = -Infinity;
  let closed = false;

  function set(is: boolean, verified: boolean, latency = status.latency): void {
    const same = is === status.online && verified === status.verified;
    // Who hears of the first verdict hears of it even where it is no other than what was supposed.
    if (same && verdict && latency === status.latency) return;
    verdict = true;
    status = { online: is, verified, latency, since: same ? status.since : now() };
    tell();
  }

  /** Whatever is asked, or is to be asked later, counts no more. */
  function still(): void {
    clearTimeout(timer);
    asking?.abort();
    asking = undefined;
  }

  function prove(ms?: number): void {
    const { online: was, verified, latency, since } = status;
    const at = now();
    // Asked before the browser lost its network, it proves nothing of now.
    if (closed || (ms !== undefined && !was && at - ms < since)) return;
    still();
    tries = 0;
    const known = ms === undefined || (latency !== undefined && verified && Math.abs(at - provedAt) < LATENCY_MS);
    if (!known) provedAt = at;
    set(true, true, known ? latency : ms);
  }

  function failed(): void {
    still();
    set(online(), false);
    timer = setTimeout(look, random() * Math.min(MAX_WAIT_MS, FIRST_WAIT_MS * 2 ** tries));
    tries = Math.min(tries + 1, 30);
  }

  function look(): void {
    still();
    // The first time nobody doubts; after that it has waited. It is no proof, so what fails next waits longer.
    if (!probe) return online() ? set(true, true) : failed();
    const own = (asking = new AbortController());
    const began = now();
    timer = setTimeout(failed, PROBE_MS);
    const told = (answered?: boolean): void => {
      if (asking !== own) return;
      if (answered) prove(Math.max(0, now() - began));
      else failed();
    };
    void ask(own.signal).then(told, () => told());
  }

  async function ask(signal: AbortSignal): Promise<boolean> {
    if (typeof probe === 'function') return (await probe(signal)) === true;
    // A login page of the network is a redirect, or a page: the one is not followed, and the other is not this JSON.
    const init = { redirect: 'manual', credentials: 'same-origin', cache: 'no-store', headers: { accept: 'application/json' }, signal };
    const answer = await (environment.fetch as unknown as Fetch)(new URL(probe as string, environment.base).href, init);
    return answer.status >= 200 && answer.status < 300 && !answer.redirected && (Object(await answer.json()) as { ok?: unknown }).ok === true;
  }

  /** Doubts what it believes; where it believes nothing, it is asked anew at once. */
  function doubt(): void {
    // Whoever fails again and again while nothing answers does not make it ask as often as that.
    if (closed || asking || (!status.verified && tries)) return;
    if (probe) look();
    else failed();
  }

  const unlisten = environment.listen((what) => {
    if (what === 'hide') still();
    else if (what === 'offline') failed();
    else if (what !== 'wake' || !status.verified) {
      tries = 0;
      // It may have come back in another network.
      if (what === 'show') doubt();
      else look();
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
    subscribe: (listener) => on(() => listener(status)),
    prove,
    doubt,
    close,
  };
}
