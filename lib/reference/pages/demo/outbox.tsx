/** What is kept in this browser: a badge that says how it is, and a list of what the server has refused. */
import { useEffect, useReducer } from 'preact/hooks';
import type { OfflineStatus, OutboxEntry } from '../../../offline/index.js';
import { plural } from '../shared/format.js';
import { usePane } from './hooks.js';

/** Drawn again whenever an entry or the status is another one. */
export function useOutbox(): { entries: readonly OutboxEntry[]; status: OfflineStatus } {
  const { offline } = usePane().stream;
  const [, redraw] = useReducer((count: number) => count + 1, 0);
  useEffect(() => {
    const ends = [offline.onEntries(() => redraw(undefined)), offline.onStatus(() => redraw(undefined))];
    // What changed between the drawing and here.
    redraw(undefined);
    return () => ends.forEach((end) => end());
  }, [offline]);
  return offline;
}

function wordsOf({ storage, conflicted, failed, unsent, network, paused }: OfflineStatus): [state: string, words: string] {
  if (storage !== 'ok') return ['bad', 'Changes cannot be kept in this browser'];
  if (conflicted > 0) return ['warn', `${plural(conflicted, 'change')} ${conflicted === 1 ? 'needs' : 'need'} you`];
  if (failed > 0) return ['bad', `${plural(failed, 'change')} not saved`];
  const away = !network.online || paused.includes('by_hand') || (paused.includes('offline') && !paused.includes('starting'));
  if (away) return ['away', unsent === 0 ? 'Offline' : `Offline, ${plural(unsent, 'change')} kept here`];
  if (unsent > 0) return ['busy', `Saving ${plural(unsent, 'change')}`];
  return ['good', 'All saved'];
}

export function OutboxBadge() {
  const { status } = useOutbox();
  const [state, words] = wordsOf(status);
  return (
    <span class={`kept ${state}`} role="status" data-testid="outbox">
      <span class="dot" aria-hidden="true" />
      {words}
    </span>
  );
}

/** Beside a row that shows what the server does not have yet. */
export function PendingMark() {
  return (
    <span class="waits" role="img" aria-label="Not saved yet" title="Kept in this browser; not saved yet" data-testid="pending">
      <span class="dot" aria-hidden="true" />
    </span>
  );
}

export function Refused() {
  const { offline } = usePane().stream;
  const refused = useOutbox().entries.filter(({ state }) => state === 'rejected' || state === 'dead');
  if (refused.length === 0) return null;
  return (
    <ul class="refused" aria-label="Not saved">
      {refused.map(({ id, path, error, reason }) => (
        <li key={id} class="notice bad">
          <span class="grow">
            <b>{path}</b>: {error?.message ?? reason}
          </span>
          <button type="button" class="link" onClick={() => void offline.retry(id)}>Try again</button>
          <button type="button" class="link" onClick={() => void offline.discard(id)}>Discard</button>
        </li>
      ))}
    </ul>
  );
}
