/** Pages of the company, which are in PostgreSQL: what psql changes there is on the screen as well, and what is done here is kept until the server has it. */
import { useMemo, useRef, useState } from 'preact/hooks';
import type { OutboxEntry } from '../../../offline/index.js';
import { number, plural, timeOfDay } from '../shared/format.js';
import { isPending, laidOver } from '../shared/laid.js';
import type { Api } from '../shared/session.js';
import { ConflictPanel } from './conflict-panel.js';
import { flashClass, useFlashes, usePane, useQuery } from './hooks.js';
import { ClipIcon, PageIcon, PlusIcon, TrashIcon } from './icons.js';
import { OutboxBadge, PendingMark, Refused, useOutbox } from './outbox.js';
import { PageEditor } from './page-editor.js';

type PageRow = Awaited<ReturnType<Api['pages']['getAll']['query']>>[number];

const SHOWN = 6;
const MORE = 50;

function AddPage({ onAdded }: { onAdded: (id: string) => void }) {
  const { keep } = usePane();
  const [title, setTitle] = useState('');
  const add = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (title.trim() === '') return;
    // The id of the row comes with it: sent again it is the same row.
    const id = crypto.randomUUID();
    if ((await keep('pages.create', { id, title })) === undefined) return;
    // What was typed since stays.
    setTitle((now) => (now === title ? '' : now));
    onAdded(id);
  };
  return (
    <form class="add-row" onSubmit={(event) => void add(event)}>
      <input class="field grow" type="text" placeholder="Title of a page" aria-label="Title of a new page" maxLength={200} value={title} onInput={(event) => setTitle(event.currentTarget.value)} />
      <button type="submit" class="button">
        <PlusIcon /> Add page
      </button>
    </form>
  );
}

function Row({ page, flash, waits, isOpen, onOpen }: { page: PageRow; flash: number | undefined; waits: boolean; isOpen: boolean; onOpen: () => void }) {
  const { keep } = usePane();
  return (
    <li class={`page ${flashClass(flash)}`} data-page={page.title}>
      <button type="button" class="page-open grow" aria-expanded={isOpen} onClick={onOpen}>
        <span class="grow name" title={page.title}>{page.title}</span>
        {waits && <PendingMark />}
        {page.attachments > 0 && (
          <span class="clip" title={plural(page.attachments, 'attachment')}>
            <ClipIcon /> {number(page.attachments)}
          </span>
        )}
        <span class="faint by" title={`${page.updatedBy}, ${timeOfDay(page.updatedAt)}`}>
          <span class="name">{page.updatedBy}</span>
          <time>{timeOfDay(page.updatedAt)}</time>
        </span>
      </button>
      <button type="button" class="tool danger" aria-label={`Delete the page ${page.title}`} title="Delete" onClick={() => void keep('pages.delete', { id: page.id })}>
        <TrashIcon />
      </button>
    </li>
  );
}

export function PageList() {
  const [shown, setShown] = useState(SHOWN);
  const [open, setOpen] = useState<string>();
  const { person } = usePane().stream;
  const { entries } = useOutbox();
  const { data: answer, refreshes, began } = useQuery('pages.getAll', undefined, (api) => api.pages.getAll.query());
  const data = useMemo(() => {
    const made = ({ entityId = '', fields, createdAt }: OutboxEntry): PageRow => ({ id: entityId, title: String(fields['title']), updatedAt: createdAt, updatedBy: person.userId, attachments: 0 });
    return answer && laidOver(answer, 'pages', entries, began, made);
  }, [answer, entries, began, person]);
  const flashes = useFlashes(data);
  const heading = useRef<HTMLHeadingElement>(null);
  const waiting = new Set(entries.filter((entry) => entry.entity === 'pages' && isPending(entry)).map(({ entityId }) => entityId));
  // That of an open page is in its editor.
  const conflicts = entries.filter((entry) => entry.state === 'conflicted' && !(entry.entity === 'pages' && entry.entityId === open));
  const titleOf = ({ entityId, fields }: OutboxEntry): string => answer?.find(({ id }) => id === entityId)?.title ?? String(fields['title'] ?? fields['name'] ?? 'A page');
  return (
    <section class="pages" aria-label="Pages">
      <header class="section-head">
        <PageIcon />
        <h3 ref={heading} tabIndex={-1}>Pages</h3>
        <span class="count" data-testid="page-count">{data ? number(data.length) : '…'}</span>
        <span class="grow" />
        <span class="refreshes" data-testid="page-refreshes" title="Fetched again because of sync">{refreshes}</span>
      </header>
      <OutboxBadge />
      <Refused />
      {conflicts.map((entry) => (
        <div key={entry.id} class="conflict-of">
          <h4>{titleOf(entry)}</h4>
          <ConflictPanel entry={entry} title={titleOf(entry)} onDecided={() => heading.current?.focus()} />
        </div>
      ))}
      <AddPage onAdded={setOpen} />
      <ul class="rows" aria-label="Pages, latest change first">
        {data?.slice(0, shown).map((page) => (
          <Row key={page.id} page={page} flash={flashes.get(page.id)} waits={waiting.has(page.id)} isOpen={page.id === open} onOpen={() => setOpen(page.id === open ? undefined : page.id)} />
        ))}
        {data?.length === 0 && <li class="empty">No pages yet.</li>}
      </ul>
      {data && data.length > shown && (
        <button type="button" class="link" onClick={() => setShown(shown + MORE)}>
          {plural(data.length - shown, 'more page')}
        </button>
      )}
      {open !== undefined && <PageEditor key={open} id={open} onClose={() => setOpen(undefined)} />}
    </section>
  );
}
