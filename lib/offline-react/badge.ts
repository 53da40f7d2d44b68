/** `OfflineBadge`: in a few words, whether what a person did is saved. */
import { createElement, useCallback, useEffect, useRef, type ReactNode } from 'react';
import type { OfflineStatus } from '../offline/types.js';
import { useOffline, useStatus } from './context.js';
import { focusNow } from './focus.js';
import { BADGE_LABELS, type BadgeLabels } from './labels.js';
import { useDefaultStyle } from './style.js';

/** What it says, the most pressing first. `quiet`: nothing. */
export type BadgeState = 'storage' | 'conflicted' | 'failed' | 'unauthorized' | 'outdated' | 'offline' | 'sending' | 'saved' | 'quiet';

export interface OfflineBadgeProps {
  /** True: it says so when all is saved, too. Default: then it renders nothing but its place, which a screen reader listens to. */
  always?: boolean | undefined;
  /** With it the badge is a button, while something waits for the person (`conflicted`, `failed`, `unauthorized`, `outdated`). */
  onOpen?: ((state: BadgeState) => void) | undefined;
  labels?: Partial<BadgeLabels> | undefined;
  className?: string | undefined;
  /** True: without the default look. */
  unstyled?: boolean | undefined;
}

const whole = (status: OfflineStatus): OfflineStatus => status;
const OPENS: ReadonlySet<BadgeState> = new Set(['conflicted', 'failed', 'unauthorized', 'outdated']);

function stateOf({ storage, conflicted, failed, paused, network, unsent }: OfflineStatus, always: boolean): BadgeState {
  // Where nothing more is kept, no decision is either.
  if (storage === 'full') return 'storage';
  if (conflicted > 0) return 'conflicted';
  if (failed > 0) return 'failed';
  if (unsent > 0 && paused.includes('unauthorized')) return 'unauthorized';
  if (unsent > 0 && paused.includes('newer_version')) return 'outdated';
  if (storage !== 'ok') return 'storage';
  // Before a first proof nobody knows: `verified` alone would say "offline" at each start.
  if (!network.online || paused.includes('by_hand') || (paused.includes('offline') && !paused.includes('starting'))) return 'offline';
  if (unsent > 0) return 'sending';
  return always ? 'saved' : 'quiet';
}

export function OfflineBadge({ always = false, onOpen, labels, className, unstyled = false }: OfflineBadgeProps): ReactNode {
  const status = useStatus(useOffline('OfflineBadge'), whole);
  useDefaultStyle(unstyled);
  const state = stateOf(status, always);
  const words: BadgeLabels = { ...BADGE_LABELS, ...labels };
  const { unsent, conflicted, failed, storage } = status;
  const text = {
    storage: () => (storage === 'ok' ? '' : words.storage(storage)),
    conflicted: () => words.conflicted(conflicted),
    failed: () => words.failed(failed),
    unauthorized: () => words.unauthorized(unsent),
    outdated: () => words.outdated(unsent),
    offline: () => words.offline(unsent),
    sending: () => words.sending(unsent),
    saved: () => words.saved,
    quiet: () => '',
  }[state]();
  const named = { className: ['pathcast-badge', className].filter(Boolean).join(' '), 'data-state': state };
  const place = useRef<{ focus(): void }>(null);
  // A button that goes while it has the focus leaves it to the place.
  const button = useRef<unknown>(null);
  const had = useRef(false);
  const hold = useCallback((node: unknown) => {
    if (!node) had.current = focusNow()[0] === button.current;
    button.current = node;
  }, []);
  useEffect(() => {
    if (had.current && !button.current) place.current?.focus();
    had.current = false;
  });
  // The place is always there: what is new in it is read out, but for the count while it goes down.
  return createElement(
    'span',
    { ref: place as never, role: 'status', 'aria-live': state === 'sending' ? 'off' : 'polite', tabIndex: -1 },
    state !== 'quiet' && (onOpen && OPENS.has(state) ? createElement('button', { ref: hold, type: 'button', ...named, onClick: () => onOpen(state) }, text) : createElement('span', named, text)),
  );
}
