/** Two people have changed one field: what it was, what each of them wants, and a choice. */
import type { FieldConflict } from '../../../protocol/conflict.js';
import { timeOfDay } from '../shared/format.js';

export type Field = 'title' | 'body';
export type Conflict = FieldConflict<Record<Field, string>>;

const WORDS: Record<Field, string> = { title: 'Title', body: 'Text' };
const nameOf = ({ by }: Conflict): string => by ?? 'Somebody';

function Side({ word, text, onKeep, button }: { word: string; text: string | undefined; onKeep?: () => void; button?: string }) {
  return (
    <div class="side">
      <span class="label">{word}</span>
      <p class="text">{text === undefined ? <em>not known any more</em> : text === '' ? <em>empty</em> : text}</p>
      {onKeep && <button type="button" class="button small" onClick={onKeep}>{button}</button>}
    </div>
  );
}

interface ConflictPanelProps {
  conflicts: readonly Conflict[];
  /** As it stands in the field now: that is what is kept. */
  mine: (conflict: Conflict) => string | undefined;
  onDecide: (conflict: Conflict, keep: 'mine' | 'theirs') => void;
}

export function ConflictPanel({ conflicts, mine, onDecide }: ConflictPanelProps) {
  return (
    <div class="conflicts" role="alert" data-testid="conflicts">
      {conflicts.map((conflict) => (
        <section key={conflict.field} class="conflict" aria-label={`Conflict: ${WORDS[conflict.field]}`}>
          <p>
            <b>{WORDS[conflict.field]}</b>: {nameOf(conflict)} changed it
            {conflict.at === null ? ' in the database' : ` at ${timeOfDay(conflict.at)}`}, and nothing of yours was saved.
          </p>
          <Side word="It was" text={conflict.base} />
          <div class="sides">
            <Side word="Yours" text={mine(conflict)} button="Keep yours" onKeep={() => onDecide(conflict, 'mine')} />
            <Side word={conflict.by === null ? 'In the database' : `By ${conflict.by}`} text={conflict.theirs} button="Take this one" onKeep={() => onDecide(conflict, 'theirs')} />
          </div>
        </section>
      ))}
    </div>
  );
}
