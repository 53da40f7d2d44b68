/** Two people have changed one field: what it was, what each of them wants, and a choice. On the headless part of `pathcast/offline`. */
import { useState } from 'preact/hooks';
import type { FieldConflict } from '../../../protocol/conflict.js';
import type { OutboxEntry } from '../../../offline/index.js';
import { when } from '../shared/format.js';
import { usePane } from './hooks.js';

const WORDS: Readonly<Record<string, string>> = { title: 'Title', body: 'Text' };
const nameOf = ({ by }: FieldConflict): string => by ?? 'Somebody';
const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

/** The button that was pressed goes when this comes. */
const takeFocus = (element: HTMLElement | null): void => element?.focus();

function Side({ word, text, onKeep, button }: { word: string; text: string | undefined; onKeep?: () => void; button?: string }) {
  return (
    <div class="side">
      <span class="label">{word}</span>
      <p class="text">{text === undefined ? <em>not known any more</em> : text === '' ? <em>empty</em> : text}</p>
      {onKeep && <button type="button" class="button small" onClick={onKeep}>{button}</button>}
    </div>
  );
}

/** By field what was decided so far; sent when all is. */
type Decided = Readonly<Record<string, unknown>>;

function FieldPanel({ conflict, mine, onDecide }: { conflict: FieldConflict; mine: string | undefined; onDecide: (value: unknown) => void }) {
  const [both, setBoth] = useState<string>();
  const theirs = textOf(conflict.theirs);
  const word = WORDS[conflict.field] ?? conflict.field;
  return (
    <section class="conflict" aria-label={`Conflict: ${word}`}>
      <p>
        <b>{word}</b>: {nameOf(conflict)} changed it
        {conflict.at === null ? ' in the database' : ` ${when(conflict.at)}`}, and yours waits here until you choose.
      </p>
      <Side word="It was" text={textOf(conflict.base)} />
      <div class="sides">
        <Side word="Yours" text={mine} button="Keep yours" onKeep={() => onDecide(mine)} />
        <Side word={conflict.by === null ? 'In the database' : `By ${conflict.by}`} text={theirs} button="Take this one" onKeep={() => onDecide(theirs)} />
      </div>
      {both === undefined ? (
        <button type="button" class="link" onClick={() => setBoth(`${mine ?? ''}${conflict.field === 'title' ? ' ' : '\n'}${theirs ?? ''}`)}>Write one of both</button>
      ) : (
        <div class="both">
          <textarea ref={takeFocus} class="field" rows={3} aria-label={`${word} of both`} value={both} onInput={(event) => setBoth(event.currentTarget.value)} />
          <button type="button" class="button small" onClick={() => onDecide(both)}>Merge</button>
        </div>
      )}
    </section>
  );
}

/** A conflict about the whole row: it was deleted by the one, and changed by the other. */
function RowPanel({ entry, title, onDecided }: { entry: OutboxEntry; title: string; onDecided: () => void }) {
  const { offline } = usePane().stream;
  const decide = (how: 'mine' | 'theirs'): void => {
    onDecided();
    void offline.resolve(entry.id, how);
  };
  const isDelete = entry.kind === 'delete';
  return (
    <section class="conflict" aria-label="Conflict: Page">
      <p>
        {isDelete ? <>You deleted <b>{title}</b>, and somebody has changed it meanwhile.</> : <><b>{title}</b>: {entry.error?.message ?? 'somebody was there before you.'}</>}
      </p>
      <div class="add-row">
        <button type="button" class="button small" onClick={() => decide('mine')}>{isDelete ? 'Delete it all the same' : 'Try again'}</button>
        <button type="button" class="button quiet small" onClick={() => decide('theirs')}>{isDelete ? 'Leave it' : 'Leave it as it is'}</button>
      </div>
    </section>
  );
}

interface ConflictPanelProps {
  entry: OutboxEntry;
  title: string;
  /** A field as it stands in its editor now: that is what is kept. */
  written?: (field: string) => string | undefined;
  /** The button that was pressed goes: the focus goes on from elsewhere. Without a field: about the row. */
  onDecided: (field?: string) => void;
}

export function ConflictPanel({ entry, title, written, onDecided }: ConflictPanelProps) {
  const { offline } = usePane().stream;
  const [decided, setDecided] = useState<Decided>({});
  const fields = entry.conflicts ?? [];
  const open = fields.filter(({ field }) => !(field in decided));

  const decide = (conflict: FieldConflict, value: unknown): void => {
    const all: Decided = { ...decided, [conflict.field]: value };
    setDecided(all);
    onDecided(conflict.field);
    if (open.length > 1) return;
    // What it sets beside these fields is nobody else's, and is sent with what was decided.
    const isTheirs = Object.keys(entry.fields).every((field) => field in all && all[field] === fields.find((one) => one.field === field)?.theirs);
    void offline.resolve(entry.id, isTheirs ? 'theirs' : { merged: all });
  };

  return (
    <div class="conflicts" role="alert" data-testid="conflicts">
      {entry.kind === 'delete' || fields.length === 0 ? (
        <RowPanel entry={entry} title={title} onDecided={onDecided} />
      ) : (
        open.map((conflict) => <FieldPanel key={`${entry.id} ${conflict.field} ${conflict.version}`} conflict={conflict} mine={written?.(conflict.field) ?? textOf(entry.fields[conflict.field])} onDecide={(value) => decide(conflict, value)} />)
      )}
    </div>
  );
}
