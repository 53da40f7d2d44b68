/** `OfflineProvider`: the outbox of the components below it. */
import { createElement, type ReactNode } from 'react';
import type { Offline } from '../offline/inside.js';
import { OfflineContext } from './context.js';

export interface OfflineProviderProps {
  children?: ReactNode;
  /** What `createOffline()` gave. It is neither started nor closed here. Null or undefined: there is none, as on a server, and the hooks say so. */
  offline: Offline | null | undefined;
}

export function OfflineProvider({ offline, children }: OfflineProviderProps): ReactNode {
  return createElement(OfflineContext.Provider, { value: offline ?? null }, children);
}
