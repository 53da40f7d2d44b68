/** One field of a conflict: what it was, what each has made of it, and a choice. */
import { createElement as h, useId, type ReactNode } from 'react';
import type { FieldConflict } from '../protocol/conflict.js';
import type { OutboxEntry } from '../offline/types.js';
import type { ConflictLabels } from './labels.js';
import { threeWay } from './three-way.js';

export type Side = 'base' | 'mine' | 'theirs';

/** What the person has chosen for a field; `text`: of both, as it stands in the text field. */
export type Choice = { pick: 'mine' } | { pick: 'theirs' } | { pick: 'text'; text: string };

/** By the part's name, beside its own class `pathcast-conflict-<part>`; `dialog`: beside `pathcast-conflict`. */
export type ConflictClassNames = Partial<Record<'dialog' | 'head' | 'title' | 'row' | 'intro' | 'fields' | 'field' | 'meta' | 'sides' | 'side' | 'word' | 'value' | 'none' | 'text' | 'overlap' | 'failed' | 'actions', string>>;

/** Where a value stands. */
export interface Where {
  readonly entry: OutboxEntry;
  readonly field: string;
  readonly side: Side;
}

export interface FieldProps {
  readonly entry: OutboxEntry;
  readonly conflict: FieldConflict;
  readonly choice: Choice;
  readonly onChoose: (choice: Choice) => void;
  readonly labels: ConflictLabels;
  readonly classNames: ConflictClassNames;
  readonly renderValue: ((value: unknown, where: Where) => ReactNode) | undefined;
}

export const classOf = (part: keyof ConflictClassNames, classNames: ConflictClassNames): string =>
  [part === 'dialog' ? 'pathcast-conflict' : `pathcast-conflict-${part}`, classNames[part]].filter(Boolean).join(' ');

/** What the person wants the field to be; undefined: gone. */
export const mineOf = ({ fields }: OutboxEntry, conflict: FieldConflict): unknown => ('mine' in conflict ? conflict.mine : fields[conflict.field]);

/** A text of both, where both are texts; undefined where they are not. */
export function textOf(entry: OutboxEntry, conflict: FieldConflict): { text: string; clean: boolean } | undefined {
  const [mine, theirs] = [mineOf(entry, conflict), conflict.theirs];
  if (typeof mine !== 'string' || typeof theirs !== 'string') return undefined;
  return threeWay(typeof conflict.base === 'string' ? conflict.base : '', mine, theirs);
}

/** As text, without a look at what an app means by it. */
function shown(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value instanceof Date) return value.toLocaleString();
  if (typeof value !== 'object') return `${value as number | boolean | bigint}`;
  try {
    return JSON.stringify(value, null, 2);
  } catch {
    return Object.prototype.toString.call(value);
  }
}

export function ConflictField({ entry, conflict, choice, onChoose, labels, classNames, renderValue }: FieldProps): ReactNode {
  const { field, by, at } = conflict;
  const name = useId();
  const part = (which: keyof ConflictClassNames) => classOf(which, classNames);

  const none = (word: string) => h('em', { className: part('none') }, word);
  const value = (side: Side): ReactNode => {
    const known = side === 'mine' ? mineOf(entry, conflict) : conflict[side];
    if (known === undefined) return none(side === 'base' ? labels.unknown : labels.deleted);
    if (renderValue) return renderValue(known, { entry, field, side });
    return known === '' || known === null ? none(labels.empty) : shown(known);
  };

  const side = (which: 'mine' | 'theirs', canChoose: boolean): ReactNode => {
    const inside = [
      h('span', { key: 'word', className: part('word') }, labels[which]),
      h('span', { key: 'value', className: part('value'), dir: 'auto' }, value(which)),
    ];
    if (!canChoose) return h('div', { className: part('side') }, inside);
    const chosen = choice.pick === which;
    const radio = h('input', { key: 'radio', type: 'radio', name, value: which, checked: chosen, onChange: () => onChoose({ pick: which }) });
    return h('label', { className: part('side'), 'data-chosen': chosen }, radio, inside);
  };

  // A row that is deleted, on either side, has no fields to choose from.
  const canChoose = entry.kind !== 'delete' && conflict.theirs !== undefined;
  const merged = canChoose ? textOf(entry, conflict) : undefined;
  const word = labels.field(field, entry);
  const both = (): ReactNode => {
    if (!merged) return null;
    const isText = choice.pick === 'text';
    return h(
      'div',
      { className: part('side'), 'data-chosen': isText },
      h('input', { id: `${name}-text`, type: 'radio', name, value: 'text', checked: isText, onChange: () => onChoose({ pick: 'text', text: merged.text }) }),
      h('label', { className: part('word'), htmlFor: `${name}-text` }, labels.text),
      isText &&
        h('textarea', {
          className: part('text'),
          dir: 'auto',
          'aria-label': `${word}: ${labels.text}`,
          value: choice.text,
          onChange: (event) => onChoose({ pick: 'text', text: (event.currentTarget as unknown as { value: string }).value }),
        }),
      isText && !merged.clean && h('p', { className: part('overlap') }, labels.overlap),
    );
  };

  return h(
    'fieldset',
    { className: part('field'), 'data-field': field },
    h('legend', null, word),
    h('p', { className: part('meta') }, labels.changed(by, at)),
    h('p', { className: part('meta') }, `${labels.base}: `, h('bdi', null, value('base'))),
    h('div', { className: part('sides') }, side('mine', canChoose), side('theirs', canChoose)),
    both(),
  );
}
