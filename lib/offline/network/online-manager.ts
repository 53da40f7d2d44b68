/**
 * TanStack Query's `onlineManager`, by proof. It is told that it is online when the app's server answers, and, where something was done meanwhile, once that has
 * been sent: so what queries read again contains it. It is never told to be offline for the sake of what waits, only of a network that is gone.
 */
import { INSIDE, type Offline } from '../inside.js';

/** ms by which what waits may keep queries from reading again. */
const GATE_MS = 10_000;

/** Of TanStack Query 5. */
export interface OnlineManagerLike {
  isOnline(): boolean;
  setOnline(online: boolean): void;
  setEventListener(setup: (setOnline: (online: boolean) => void) => (() => void) | undefined): void;
}

/** Gives back what ends it: from then on the manager goes by the browser's own events again. */
export function bindOnlineManager(manager: OnlineManagerLike, offline: Pick<Offline, typeof INSIDE>): () => void {
  const inside = offline[INSIDE];
  const { environment: { setTimeout, clearTimeout, listen, online }, network, coordinator } = inside;
  let gate: unknown;
  let waited = false;
  let ended = false;

  function shut(): void {
    clearTimeout(gate);
    gate = undefined;
  }

  function look(): void {
    const { status } = network;
    if (!network.verdict) return;
    if (!status.online || !status.verified) {
      shut();
      waited = false;
      manager.setOnline(false);
    } else if (!manager.isOnline() && coordinator.holds && !waited) {
      gate ??= setTimeout(() => {
        waited = true;
        look();
      }, GATE_MS);
    } else {
      shut();
      manager.setOnline(true);
    }
  }

  // It has a listener of its own that believes the browser.
  manager.setEventListener(() => () => undefined);
  const ends = [network.subscribe(look), coordinator.subscribe(look)];
  const end = (): void => {
    if (ended) return;
    ended = true;
    shut();
    for (const each of ends) each();
    manager.setEventListener((setOnline) =>
      listen((what) => {
        if (what === 'online' || what === 'offline') setOnline(what === 'online');
      }),
    );
    // Nobody says any more when it would be there again.
    manager.setOnline(online());
  };
  inside.onClose(end);
  look();
  return end;
}
