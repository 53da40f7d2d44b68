/** `RefusedChanges`: what the server has not taken, why, and a way out for each: what is done to the row later waits behind it. Headless: `useOutbox`. */
import { createElement as h, useEffect, useId, useRef, type ReactNode } from 'react';
import type { OutboxEntry } from '../offline/types.js';
import { isFocusLost, type Focusable } from './focus.js';
import { REFUSED_LABELS, type RefusedLabels } from './labels.js';
import { useDefaultStyle } from './style.js';
import { useOutbox } from './use-outbox.js';

export interface RefusedChangesProps {
  /** Only those. Default: all. */
  filter?: ((entry: OutboxEntry) => boolean) | undefined;
  labels?: Partial<RefusedLabels> | undefined;
  className?: string | undefined;
  /** True: without the default look. */
  unstyled?: boolean | undefined;
}

/** Renders nothing but its place while nothing is refused. */
export function RefusedChanges({ filter = () => true, labels, className, unstyled = false }: RefusedChangesProps): ReactNode {
  const { entries, retry, discard } = useOutbox();
  useDefaultStyle(unstyled);
  const id = useId();
  const place = useRef<Focusable>(null);
  const acted = useRef(false);
  const refused = entries.filter((entry) => (entry.state === 'rejected' || entry.state === 'dead') && filter(entry));
  useEffect(() => {
    // The button that was pressed goes with its line.
    if (acted.current && isFocusLost()) place.current?.focus();
    acted.current = false;
  }, [refused.length]);
  const words: RefusedLabels = { ...REFUSED_LABELS, ...labels };
  const button = (action: 'retry' | 'discard', entry: OutboxEntry, run: (id: string) => Promise<unknown>): ReactNode =>
    h(
      'button',
      {
        type: 'button',
        'data-action': action,
        'aria-describedby': `${id}-${entry.id}`,
        onClick: () => {
          acted.current = true;
          // Where it cannot be kept the badge says so.
          run(entry.id).catch(() => undefined);
        },
      },
      words[action],
    );
  return h(
    'div',
    { ref: place as never, className: ['pathcast-refused', className].filter(Boolean).join(' '), tabIndex: -1, ...(refused.length > 0 && { role: 'group', 'aria-label': words.title }) },
    refused.map((entry) =>
      h(
        'div',
        { key: entry.id, 'data-entry': entry.id },
        h('p', { id: `${id}-${entry.id}`, dir: 'auto' }, h('strong', null, words.change(entry)), ' ', words.why(entry)),
        button('retry', entry, retry),
        button('discard', entry, discard),
      ),
    ),
  );
}
