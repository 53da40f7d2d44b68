/** A page as one person edits it: what is not being written stays as it is in the database, what was saved is kept until the server has it, and who changes what somebody else has changed chooses. */
import { useMemo, useRef, useState } from 'preact/hooks';
import type { OutboxEntry, SeenField } from '../../../offline/index.js';
import { bytes } from '../shared/format.js';
import { isLaid, isPending, laidOver, laidOverOne } from '../shared/laid.js';
import type { Api } from '../shared/session.js';
import { ConflictPanel } from './conflict-panel.js';
import { flashClass, useFlashes, usePane, useQuery } from './hooks.js';
import { ClipIcon, CloseIcon, PlusIcon } from './icons.js';
import { PendingMark, useOutbox } from './outbox.js';

type Loaded = NonNullable<Awaited<ReturnType<Api['pages']['getById']['query']>>>;
type File = Awaited<ReturnType<Api['attachments']['getAll']['query']>>[number];
type Field = 'title' | 'body';

/** A field that this person is changing: to what, and what was on the screen then. */
interface Edit {
  text: string;
  seen: SeenField;
}
type Draft = Partial<Record<Field, Edit>>;

const FIELDS: readonly Field[] = ['title', 'body'];
const without = (draft: Draft, drop: (field: Field) => boolean): Draft => Object.fromEntries(Object.entries(draft).filter(([field]) => !drop(field as Field)));

/** What the page is with what this person did to it; null: it is not there. */
function usePage(id: string) {
  const { person } = usePane().stream;
  const { entries } = useOutbox();
  const { data, began } = useQuery('pages.getById', { id }, (api) => api.pages.getById.query({ id }));
  const own = useMemo(() => entries.filter((entry) => entry.entity === 'pages' && entry.entityId === id), [entries, id]);
  const page = useMemo(() => {
    const made = ({ fields, createdAt }: OutboxEntry): Loaded['page'] => ({ id, title: String(fields['title']), body: String(fields['body'] ?? ''), updatedAt: createdAt, updatedBy: person.userId });
    const shown = laidOverOne<Loaded['page']>(data?.page ?? null, 'pages', id, own, began, made);
    // Of a page that was never read here nothing is known.
    return data === undefined && !shown ? undefined : shown;
  }, [data, own, began, id, person]);
  return { data, page, own, began };
}

function usePageDraft(id: string, data: Loaded | null | undefined, page: Loaded['page'] | null | undefined, own: readonly OutboxEntry[], began: number) {
  const { keep } = usePane();
  const [draft, setDraft] = useState<Draft>({});

  const write = (field: Field, text: string): void => {
    setDraft((now) => {
      const last = own.findLast((entry) => field in entry.fields && isLaid(entry, began));
      const there = last ? { value: last.fields[field], version: last.id } : { ...(data && { value: data.page[field] }), version: data?.versions[field] ?? null };
      const seen = now[field]?.seen ?? there;
      // Back to what is there: nothing was changed.
      return page?.[field] === text ? without(now, (name) => name === field) : { ...now, [field]: { text, seen } };
    });
  };

  const save = async (): Promise<void> => {
    const texts = Object.fromEntries(Object.entries(draft).map(([field, { text }]) => [field, text]));
    // Over an own change that waits, that one is what was seen: the outbox knows.
    const waits = (field: string): boolean => own.some((entry) => isPending(entry) && (entry.kind === 'create' || field in entry.fields));
    // What was decided about is there under another id.
    const nowOf = (seen: SeenField): SeenField => ({ ...seen, version: own.find(({ squashed }) => seen.version !== null && squashed.includes(seen.version))?.id ?? seen.version });
    const base = Object.fromEntries(Object.entries(draft).filter(([field]) => !waits(field)).map(([field, { seen }]) => [field, nowOf(seen)]));
    const kept = await keep('pages.update', { id, ...texts }, { base });
    if (kept === undefined) return;
    // Who has written on meanwhile has seen what was saved: it is their own, and no conflict.
    setDraft((now) =>
      Object.fromEntries(
        Object.entries(now)
          .filter(([field, { text }]) => draft[field as Field]?.text !== text)
          .map(([field, { text, seen }]) => [field, { text, seen: draft[field as Field] ? { value: draft[field as Field]?.text, version: kept } : seen }]),
      ),
    );
  };

  return { draft, write, save, drop: (field: string) => setDraft((now) => without(now, (name) => name === field)), discard: () => setDraft({}) };
}

function Attachments({ pageId }: { pageId: string }) {
  const { keep } = usePane();
  const { entries } = useOutbox();
  const [name, setName] = useState('');
  const { data: answer, began } = useQuery('attachments.getAll', { pageId }, (api) => api.attachments.getAll.query({ pageId }));
  const data = useMemo(() => {
    const made = ({ entityId = '', fields }: OutboxEntry): File | undefined => (fields['pageId'] === pageId ? { id: entityId, pageId, name: String(fields['name']), size: 0 } : undefined);
    return laidOver(answer ?? [], 'attachments', entries, began, made);
  }, [answer, entries, began, pageId]);
  const waiting = new Set(entries.filter((entry) => entry.entity === 'attachments' && isPending(entry)).map(({ entityId }) => entityId));
  const flashes = useFlashes(data);
  const add = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (name.trim() === '') return;
    if ((await keep('attachments.create', { id: crypto.randomUUID(), pageId, name })) === undefined) return;
    // What was typed since stays.
    setName((now) => (now === name ? '' : now));
  };
  return (
    <div class="attachments">
      <ul aria-label="Attachments">
        {data.map((file) => (
          <li key={file.id} class={`file ${flashClass(flashes.get(file.id))}`} data-file={file.name}>
            <ClipIcon />
            <span class="name" title={file.name}>{file.name}</span>
            {waiting.has(file.id) && <PendingMark />}
            {file.size > 0 && <span class="faint">{bytes(file.size)}</span>}
            <button type="button" class="tool danger" aria-label={`Remove ${file.name}`} title="Remove" onClick={() => void keep('attachments.delete', { id: file.id })}>
              <CloseIcon />
            </button>
          </li>
        ))}
      </ul>
      <form class="add-row" onSubmit={(event) => void add(event)}>
        <input class="field grow" type="text" placeholder="Name of an attachment" aria-label="Name of a new attachment" maxLength={200} value={name} onInput={(event) => setName(event.currentTarget.value)} />
        <button type="submit" class="button quiet">
          <PlusIcon /> Attach
        </button>
      </form>
    </div>
  );
}

export function PageEditor({ id, onClose }: { id: string; onClose: () => void }) {
  const { data, page, own, began } = usePage(id);
  const { draft, write, save, drop, discard } = usePageDraft(id, data, page, own, began);
  const form = useRef<HTMLFormElement>(null);
  const conflicts = own.filter(({ state }) => state === 'conflicted');
  if (page === undefined) return <p class="empty">…</p>;
  const decided = (field?: string): void => {
    if (field !== undefined) drop(field);
    // The button that was pressed goes with its conflict: who has no mouse goes on from the field.
    form.current?.querySelector<HTMLElement>(`[name=${field ?? 'title'}]`)?.focus();
  };
  const edited = FIELDS.filter((field) => draft[field] !== undefined);
  const meanwhile = (field: Field): boolean => {
    const edit = draft[field];
    // What this person has saved lies over what was read.
    if (own.some((entry) => field in entry.fields && isLaid(entry, began))) return false;
    return edit !== undefined && data != null && (data.versions[field] ?? null) !== edit.seen.version;
  };
  const value = (field: Field): string => draft[field]?.text ?? page?.[field] ?? '';
  const label = (field: Field, word: string) => (
    <span class="label">
      {word}
      {meanwhile(field) && <em data-testid="meanwhile"> changed meanwhile by {data?.page.updatedBy}</em>}
    </span>
  );

  return (
    <section class="editor" aria-label="Page" data-testid="editor">
      {page === null && (
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
          <input class="field" type="text" name="title" maxLength={200} value={value('title')} disabled={page === null} onInput={(event) => write('title', event.currentTarget.value)} />
        </label>
        <label>
          {label('body', 'Text')}
          <textarea class="field" name="body" rows={3} maxLength={20_000} value={value('body')} disabled={page === null} onInput={(event) => write('body', event.currentTarget.value)} />
        </label>
        <div class="add-row">
          <button type="submit" class="button" disabled={page === null || edited.length === 0 || conflicts.length > 0}>Save</button>
          <button type="button" class="button quiet" disabled={edited.length === 0} onClick={discard}>Discard</button>
          <span class="grow" />
          <button type="button" class="button quiet" onClick={onClose}>Close</button>
        </div>
      </form>
      {conflicts.map((entry) => <ConflictPanel key={entry.id} entry={entry} title={data?.page.title ?? ''} written={(field) => draft[field as Field]?.text} onDecided={decided} />)}
      {page !== null && <Attachments pageId={id} />}
    </section>
  );
}
