/** `useOutbox`: what is kept here, and what can be done about it. */
import { useMemo } from 'react';
import type { Offline } from '../offline/inside.js';
import type { OfflineStatus, OutboxEntry, Resolution } from '../offline/types.js';
import { useAllEntries, useOffline, useStatus } from './context.js';

export interface OutboxView extends Omit<OfflineStatus, 'network'> {
  /** By the order in which a person did them; acked ones stay a while. The same array until it changes. */
  readonly entries: readonly OutboxEntry[];
  /** Sends a rejected or dead entry again, or at once what waits for its time. These functions are the same in each render, and reject where there is no outbox. */
  readonly retry: (id: string) => Promise<void>;
  /** Takes one away that is not on its way. False: there is none such. */
  readonly discard: (id: string) => Promise<boolean>;
  readonly resolve: (id: string, how: Resolution) => Promise<void>;
  /** Resolves when nothing is left that can be sent now. */
  readonly flush: () => Promise<void>;
}

/** Without an outbox there is nothing that could be meant. */
export const withOutbox = <Result>(offline: Offline | null, run: (offline: Offline) => Promise<Result>): Promise<Result> =>
  offline ? run(offline) : Promise.reject(new Error('There is no outbox here: <OfflineProvider offline> is not set'));

const whole = (status: OfflineStatus): OfflineStatus => status;

/** Renders anew at each change of an entry or of the status. `usePending` and `useNetwork` render less. */
export function useOutbox(): OutboxView {
  const offline = useOffline('useOutbox');
  const entries = useAllEntries(offline);
  const status = useStatus(offline, whole);
  const acts = useMemo(
    () => ({
      retry: (id: string) => withOutbox(offline, (one) => one.retry(id)),
      discard: (id: string) => withOutbox(offline, (one) => one.discard(id)),
      resolve: (id: string, how: Resolution) => withOutbox(offline, (one) => one.resolve(id, how)),
      flush: () => withOutbox(offline, (one) => one.flush()),
    }),
    [offline],
  );
  return useMemo(() => {
    const { unsent, conflicted, failed, paused, leader, storage } = status;
    return { entries, unsent, conflicted, failed, paused, leader, storage, ...acts };
  }, [entries, status, acts]);
}
