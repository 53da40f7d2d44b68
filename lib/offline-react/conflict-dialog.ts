/** `ConflictDialog`: a person decides, one conflict after the other. Headless: `useConflicts`. */
import { createElement as h, useId, useLayoutEffect, useRef, useState, type ReactNode } from 'react';
import type { Resolution } from '../offline/types.js';
import { classOf, ConflictField, mineOf, type Choice, type ConflictClassNames, type Where } from './conflict-field.js';
import { focusNow, giveFocus } from './focus.js';
import { CONFLICT_LABELS, type ConflictLabels } from './labels.js';
import { useDefaultStyle } from './style.js';
import { useConflicts, type Conflict } from './use-conflicts.js';

export interface ConflictDialogProps {
  /** Undefined: it opens by itself for each conflict that is new. True: it shows all that there are. False: none. */
  open?: boolean | undefined;
  /** The person wants to decide later (Escape, or the button), or nothing is left to decide while `open` is true. */
  onClose?: (() => void) | undefined;
  /** Only those. Default: all. */
  filter?: ((conflict: Conflict) => boolean) | undefined;
  labels?: Partial<ConflictLabels> | undefined;
  classNames?: ConflictClassNames | undefined;
  /** How a value is shown; called for each that is known. Default: as text, objects as JSON. */
  renderValue?: ((value: unknown, where: Where) => ReactNode) | undefined;
  /** Above the fields: which row it is about, in place of `labels.row`. */
  renderHead?: ((conflict: Conflict) => ReactNode) | undefined;
  /** True: without the default look. */
  unstyled?: boolean | undefined;
}

interface DialogLike {
  readonly open: boolean;
  showModal(): void;
  close(): void;
}

interface Chosen {
  readonly key: string;
  readonly choices: Readonly<Record<string, Choice>>;
}

/** Of the same entry in the same conflict: what was chosen is about other values once somebody has changed them again. */
const keyOf = ({ entry, fields }: Conflict): string => [entry.id, ...fields.map(({ field, version }) => `${field} ${version}`)].join('\n');

export function ConflictDialog({ open, onClose, filter, ...look }: ConflictDialogProps): ReactNode {
  const { conflicts } = useConflicts();
  const [later, setLater] = useState<ReadonlySet<string>>(new Set());
  /** Of the conflict that was looked at last: who puts it off finds it as they left it. */
  const [chosen, setChosen] = useState<Chosen>({ key: '', choices: {} });
  useDefaultStyle(look.unstyled === true);
  const all = filter ? conflicts.filter(filter) : conflicts;
  const shown = open === undefined ? all.filter((one) => !later.has(keyOf(one))) : open ? all : [];
  const [next] = shown;
  /** What the person looks at, and under which key this dialog itself has decided it. */
  const [looked, setLooked] = useState<Conflict>();
  const decided = useRef('');
  const lookedKey = looked && keyOf(looked);
  // It was decided elsewhere while the person was at it: what he has written stays until he has seen that.
  const isElsewhere = open !== false && chosen.key === lookedKey && decided.current !== lookedKey && !all.some((one) => keyOf(one) === lookedKey);
  const first = isElsewhere ? looked : next;
  if (first !== looked) setLooked(first);

  const left = open === true && !first;
  const told = useRef(false);
  useLayoutEffectOnClient(() => {
    // Once for each time that nothing is left: a parent's function is another one in each render.
    if (left && !told.current) onClose?.();
    told.current = left;
  });

  if (!first) return null;
  const close = (): void => {
    // Those behind it are still to be looked at.
    if (isElsewhere) return setChosen({ key: '', choices: {} });
    setLater(new Set(all.map(keyOf)));
    onClose?.();
  };
  return h(Decision, { conflict: first, count: shown.length + Number(isElsewhere), chosen, setChosen, onDecide: (key) => void (decided.current = key), onLater: close, isElsewhere, look });
}

/** React 18 warns of a layout effect on a server; there is nothing to lay out. */
const useLayoutEffectOnClient: typeof useLayoutEffect = 'document' in globalThis ? useLayoutEffect : () => undefined;

interface DecisionProps {
  conflict: Conflict;
  count: number;
  chosen: Chosen;
  setChosen: (chosen: Chosen) => void;
  /** '': it did not arrive. */
  onDecide: (key: string) => void;
  onLater: () => void;
  isElsewhere: boolean;
  look: Pick<ConflictDialogProps, 'labels' | 'classNames' | 'renderValue' | 'renderHead'>;
}

/** These wait for the one that is on its way. */
const isDecision = (action: string): boolean => action !== 'later' && action !== 'close';

/** The dialog stays while conflicts go by: focus stays inside, and goes back where it was at the end. */
function Decision({ conflict, count, chosen, setChosen, onDecide, onLater, isElsewhere, look }: DecisionProps): ReactNode {
  const { classNames = {} } = look;
  const labels: ConflictLabels = { ...CONFLICT_LABELS, ...look.labels };
  const key = keyOf(conflict);
  // Those that were decided since it opened count as well.
  const [gone, setGone] = useState({ key, count: 0 });
  if (gone.key !== key) setGone({ key, count: gone.count + 1 });
  const [busy, setBusy] = useState(false);
  const [failed, setFailed] = useState<{ key: string; error: unknown }>();
  const dialog = useRef<DialogLike>(null);
  const title = useRef<{ focus(): void }>(null);
  const id = useId();

  useLayoutEffect(() => {
    const shown = dialog.current;
    const around = focusNow();
    if (shown && !shown.open) shown.showModal();
    return () => {
      shown?.close();
      giveFocus(around);
    };
  }, []);
  useLayoutEffect(() => title.current?.focus(), [key]);

  const { entry, fields } = conflict;
  const choices = chosen.key === key ? chosen.choices : {};
  const choiceOf = (field: string): Choice => choices[field] ?? { pick: 'mine' };
  const decide = async (how: Resolution): Promise<void> => {
    setBusy(true);
    setFailed(undefined);
    onDecide(key);
    try {
      await conflict.resolve(how);
    } catch (error) {
      onDecide('');
      setFailed({ key, error });
    }
    setBusy(false);
  };
  const merge = (): Promise<void> =>
    decide({
      merged: Object.fromEntries(
        fields.map((one) => {
          const choice = choiceOf(one.field);
          return [one.field, choice.pick === 'text' ? choice.text : choice.pick === 'mine' ? mineOf(entry, one) : one.theirs];
        }),
      ),
    });
  const canMerge = entry.kind !== 'delete' && fields.length > 0 && fields.every(({ theirs }) => theirs !== undefined);
  // What it sets beside the fields in conflict is nobody's but this person's, and stays.
  const theirs = (): Resolution => {
    const others = Object.keys(entry.fields).some((field) => !fields.some((one) => one.field === field));
    return canMerge && others ? { merged: Object.fromEntries(fields.map((one) => [one.field, one.theirs])) } : 'theirs';
  };

  const part = (which: keyof ConflictClassNames) => classOf(which, classNames);
  const isFailed = failed?.key === key && !isElsewhere;
  const button = (action: 'later' | 'close' | 'keepTheirs' | 'keepMine' | 'merge', run: () => unknown): ReactNode =>
    // Not `disabled`: that takes the focus away.
    h('button', { type: 'button', 'data-action': action, 'aria-disabled': busy && isDecision(action) ? true : undefined, onClick: () => void ((busy && isDecision(action)) || run()) }, labels[action]);

  return h(
    'dialog',
    {
      ref: dialog as never,
      className: part('dialog'),
      'aria-labelledby': `${id}-title`,
      'aria-describedby': `${id}-intro`,
      'data-entry': entry.id,
      onCancel: (event: { preventDefault(): void }) => {
        // It goes when React takes it away.
        event.preventDefault();
        onLater();
      },
      onClose: (event: { currentTarget: unknown }) => {
        // A browser may close it whatever `cancel` was told. What closed it to show it again is none.
        if (!(event.currentTarget as DialogLike).open) onLater();
      },
    },
    h(
      'div',
      { className: part('head') },
      h('h2', { ref: title as never, id: `${id}-title`, className: part('title'), tabIndex: -1 }, labels.title(entry)),
      h('p', { id: `${id}-intro`, className: part('intro') }, labels.intro(entry, gone.count + 1, gone.count + count)),
      look.renderHead ? look.renderHead(conflict) : h('p', { className: part('row'), dir: 'auto' }, labels.row(entry)),
    ),
    h(
      'div',
      // What scrolls can be reached by keys: without a choice nothing in it takes the focus.
      { className: part('fields'), ...(canMerge ? {} : { tabIndex: 0, role: 'group', 'aria-labelledby': `${id}-title` }) },
      fields.length === 0 && entry.error && h('p', { className: part('meta') }, entry.error.message),
      fields.map((one) =>
        h(ConflictField, {
          key: `${key} ${one.field}`,
          entry,
          conflict: one,
          choice: choiceOf(one.field),
          onChoose: (choice: Choice) => setChosen({ key, choices: { ...choices, [one.field]: choice } }),
          labels,
          classNames,
          renderValue: look.renderValue,
        }),
      ),
    ),
    h('p', { className: part('failed'), role: 'alert', hidden: !isFailed && !isElsewhere }, isElsewhere ? labels.elsewhere : isFailed ? labels.failed(failed.error) : ''),
    h(
      'div',
      { className: part('actions') },
      isElsewhere ? button('close', onLater) : button('later', onLater),
      !isElsewhere && button('keepTheirs', () => decide(theirs())),
      !isElsewhere && button('keepMine', () => decide('mine')),
      !isElsewhere && canMerge && button('merge', merge),
    ),
  );
}
