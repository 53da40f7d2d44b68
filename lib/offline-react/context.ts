/** The way from a provider to the hooks below it, and how they hear of a change. */
import { createContext, useContext, useSyncExternalStore } from 'react';
import { PathcastError } from '../protocol/error.js';
import type { Offline } from '../offline/inside.js';
import type { OfflineStatus, OutboxEntry } from '../offline/types.js';

/** Null: there is a provider, and its app has no outbox yet (on a server). Undefined: there is no provider. */
export const OfflineContext = createContext<Offline | null | undefined>(undefined);

/** `hook` is named in the error that says what is missing. */
export function useOffline(hook: string): Offline | null {
  const offline = useContext(OfflineContext);
  if (offline === undefined) throw new PathcastError('INVALID_OPTION', `${hook}() must be used below an <OfflineProvider>, which has the outbox`);
  return offline;
}

const NO_ENTRIES: readonly OutboxEntry[] = [];
/** Before there is an outbox: in the render that takes over what a server has rendered, and on a server. Nothing is kept, nobody knows of the network. */
const STARTING: OfflineStatus = {
  network: { online: true, verified: false, latency: undefined, since: 0 },
  paused: ['starting'],
  leader: false,
  unsent: 0,
  conflicted: 0,
  failed: 0,
  storage: 'ok',
};
const noEntries = (): readonly OutboxEntry[] => NO_ENTRIES;
const starting = (): OfflineStatus => STARTING;
const nothing = (): (() => void) => () => undefined;

/** One function for each object, so that nobody subscribes anew in each render; closed ones are forgotten. */
const entriesOf = new WeakMap<Offline, (changed: () => void) => () => void>();
const statusOf = new WeakMap<Offline, (changed: () => void) => () => void>();

function once(known: typeof entriesOf, offline: Offline | null, listen: (offline: Offline, changed: () => void) => () => void): (changed: () => void) => () => void {
  if (!offline) return nothing;
  let subscribe = known.get(offline);
  if (!subscribe) known.set(offline, (subscribe = (changed) => listen(offline, changed)));
  return subscribe;
}

/** Renders anew when what `select` makes of the entries is another thing: it gives the same value for what is alike. */
export function useEntries<Value>(offline: Offline | null, select: (entries: readonly OutboxEntry[]) => Value): Value {
  const subscribe = once(entriesOf, offline, (one, changed) => one.onEntries(changed));
  return useSyncExternalStore(subscribe, () => select(offline?.entries ?? NO_ENTRIES), () => select(NO_ENTRIES));
}

export function useAllEntries(offline: Offline | null): readonly OutboxEntry[] {
  const subscribe = once(entriesOf, offline, (one, changed) => one.onEntries(changed));
  return useSyncExternalStore(subscribe, () => offline?.entries ?? NO_ENTRIES, noEntries);
}

/** As `useEntries`, of the status. */
export function useStatus<Value>(offline: Offline | null, select: (status: OfflineStatus) => Value): Value {
  const subscribe = once(statusOf, offline, (one, changed) => one.onStatus(changed));
  return useSyncExternalStore(subscribe, () => select(offline?.status ?? STARTING), () => select(starting()));
}
