/** A page as one person edits it: what is not being written stays as it is in the database, and who changes what somebody else has changed chooses. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { fieldConflicts } from '../../../link/index.js';
import { bytes } from '../shared/format.js';
import type { Api } from '../shared/session.js';
import { ConflictPanel, type Conflict, type Field } from './conflict-panel.js';
import { flashClass, useFlashes, usePane, useQuery } from './hooks.js';
import { ClipIcon, CloseIcon, PlusIcon } from './icons.js';
import { useOnce } from './transactions.js';

type Loaded = NonNullable<Awaited<ReturnType<Api['pages']['getById']['query']>>>;

/** A field that this person has changed: to what, and which version of it was on the screen then. */
interface Edit {
  text: string;
  seen: string | null;
}
type Draft = Partial<Record<Field, Edit>>;

const FIELDS: readonly Field[] = ['title', 'body'];
const without = (draft: Draft, drop: (field: Field, edit: Edit) => boolean): Draft =>
  Object.fromEntries(Object.entries(draft).filter(([field, edit]) => !drop(field as Field, edit)));

function usePageDraft(id: string, loaded: Loaded | null | undefined) {
  const { act } = usePane();
  const once = useOnce();
  const [draft, setDraft] = useState<Draft>({});
  const [conflicts, setConflicts] = useState<readonly Conflict[]>([]);
  /** What was saved last, and what was on the screen then: the next reading shows it. */
  const [saved, setSaved] = useState<{ draft: Draft; over: Loaded | null | undefined }>();

  useEffect(() => {
    if (!saved || !loaded) return;
    setDraft((now) => without(now, (field, edit) => saved.draft[field]?.text === edit.text && (loaded !== saved.over || loaded.page[field] === edit.text)));
  }, [saved, loaded]);

  const write = (field: Field, text: string): void => {
    setDraft((now) => {
      const edit = { text, seen: now[field] ? now[field].seen : (loaded?.versions[field] ?? null) };
      // Back to what is there: nothing was changed.
      return loaded?.page[field] === text ? without(now, (name) => name === field) : { ...now, [field]: edit };
    });
  };

  const save = async (what: Draft): Promise<void> => {
    const texts = Object.fromEntries(Object.entries(what).map(([field, { text }]) => [field, text]));
    const expected = Object.fromEntries(Object.entries(what).map(([field, { seen }]) => [field, seen]));
    await act(async (api) => {
      try {
        const { transactionId } = await api.pages.update.mutate({ id, ...texts, tx: { ...once.of(what), expected } });
        once.done();
        setConflicts([]);
        // Who has written on meanwhile has seen what was saved: it is their own, and no conflict.
        setDraft((now) => Object.fromEntries(Object.entries(now).map(([field, edit]) => [field, what[field as Field] ? { ...edit, seen: transactionId } : edit])));
        setSaved({ draft: what, over: loaded });
      } catch (error) {
        const found = fieldConflicts<Record<Field, string>>(error);
        if (!found) throw error;
        setConflicts(found);
      }
    });
  };

  const decide = (conflict: Conflict, keep: 'mine' | 'theirs'): void => {
    const { field, version } = conflict;
    const mine = draft[field];
    // Who has decided has seen what is there.
    const next = keep === 'mine' && mine ? { ...draft, [field]: { ...mine, seen: version } } : without(draft, (name) => name === field);
    const left = conflicts.filter((one) => one !== conflict);
    setDraft(next);
    setConflicts(left);
    if (left.length === 0 && Object.keys(next).length > 0) void save(next);
  };

  return { draft, conflicts, write, save: () => save(draft), decide, discard: () => (setDraft({}), setConflicts([])) };
}

function Attachments({ pageId }: { pageId: string }) {
  const { act, online } = usePane();
  const once = useOnce();
  const [name, setName] = useState('');
  const { data } = useQuery('attachments.getAll', { pageId }, (api) => api.attachments.getAll.query({ pageId }));
  const flashes = useFlashes(data);
  const add = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (name.trim() === '') return;
    const tx = once.of([pageId, name]);
    if (!(await act((api) => api.attachments.create.mutate({ id: tx.transactionId, pageId, name, tx })))) return;
    once.done();
    // What was typed since stays.
    setName((now) => (now === name ? '' : now));
  };
  return (
    <div class="attachments">
      <ul aria-label="Attachments">
        {data?.map((file) => (
          <li key={file.id} class={`file ${flashClass(flashes.get(file.id))}`} data-file={file.name}>
            <ClipIcon />
            <span class="name" title={file.name}>{file.name}</span>
            {file.size > 0 && <span class="faint">{bytes(file.size)}</span>}
            <button type="button" class="tool danger" aria-label={`Remove ${file.name}`} title="Remove" disabled={!online} onClick={() => void act((api) => api.attachments.delete.mutate({ id: file.id, tx: once.of(file.id) }))}>
              <CloseIcon />
            </button>
          </li>
        ))}
      </ul>
      <form class="add-row" onSubmit={(event) => void add(event)}>
        <input class="field grow" type="text" placeholder="Name of an attachment" aria-label="Name of a new attachment" maxLength={200} value={name} disabled={!online} onInput={(event) => setName(event.currentTarget.value)} />
        <button type="submit" class="button quiet" disabled={!online}>
          <PlusIcon /> Attach
        </button>
      </form>
    </div>
  );
}

export function PageEditor({ id, onClose }: { id: string; onClose: () => void }) {
  const { online } = usePane();
  const { data } = useQuery('pages.getById', { id }, (api) => api.pages.getById.query({ id }));
  const { draft, conflicts, write, save, decide, discard } = usePageDraft(id, data);
  const form = useRef<HTMLFormElement>(null);
  if (data === undefined) return <p class="empty">…</p>;
  const choose: typeof decide = (conflict, keep) => {
    decide(conflict, keep);
    // The button that was pressed goes with its conflict: who has no mouse goes on from the field.
    form.current?.querySelector<HTMLElement>(`[name=${conflict.field}]`)?.focus();
  };
  const edited = FIELDS.filter((field) => draft[field] !== undefined);
  const meanwhile = (field: Field): boolean => {
    const edit = draft[field];
    return edit !== undefined && data !== null && (data.versions[field] ?? null) !== edit.seen;
  };
  const value = (field: Field): string => draft[field]?.text ?? data?.page[field] ?? '';
  const label = (field: Field, word: string) => (
    <span class="label">
      {word}
      {meanwhile(field) && <em data-testid="meanwhile"> changed meanwhile by {data?.page.updatedBy}</em>}
    </span>
  );

  return (
    <section class="editor" aria-label="Page" data-testid="editor">
      {data === null && (
        <p class="notice bad" role="status">
          <span class="grow">This page was deleted.</span>
          <button type="button" class="link" onClick={onClose}>Close</button>
        </p>
      )}
      <form
        ref={form}
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        <label>
          {label('title', 'Title')}
          <input class="field" type="text" name="title" maxLength={200} value={value('title')} disabled={!online || data === null} onInput={(event) => write('title', event.currentTarget.value)} />
        </label>
        <label>
          {label('body', 'Text')}
          <textarea class="field" name="body" rows={3} maxLength={20_000} value={value('body')} disabled={!online || data === null} onInput={(event) => write('body', event.currentTarget.value)} />
        </label>
        {conflicts.length > 0 && <ConflictPanel conflicts={conflicts} mine={({ field, mine }) => draft[field]?.text ?? mine} onDecide={choose} />}
        <div class="add-row">
          <button type="submit" class="button" disabled={!online || data === null || edited.length === 0 || conflicts.length > 0}>Save</button>
          <button type="button" class="button quiet" disabled={edited.length === 0} onClick={discard}>Discard</button>
          <span class="grow" />
          <button type="button" class="button quiet" onClick={onClose}>Close</button>
        </div>
      </form>
      {data !== null && <Attachments pageId={id} />}
    </section>
  );
}
