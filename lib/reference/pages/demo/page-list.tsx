/** Pages of the company, which are in PostgreSQL: what psql changes there is on the screen as well. */
import { useState } from 'preact/hooks';
import { number, plural, timeOfDay } from '../shared/format.js';
import type { Api } from '../shared/session.js';
import { flashClass, useFlashes, usePane, useQuery } from './hooks.js';
import { ClipIcon, PageIcon, PlusIcon, TrashIcon } from './icons.js';
import { PageEditor } from './page-editor.js';
import { useOnce } from './transactions.js';

type PageRow = Awaited<ReturnType<Api['pages']['getAll']['query']>>[number];

const SHOWN = 6;
const MORE = 50;

function AddPage({ onAdded }: { onAdded: (id: string) => void }) {
  const { act, online } = usePane();
  const [title, setTitle] = useState('');
  const once = useOnce();
  const add = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (title.trim() === '') return;
    const tx = once.of(title);
    // The id of the row comes with it: sent again it is the same row.
    const done = await act((api) => api.pages.create.mutate({ id: tx.transactionId, title, tx }));
    if (!done) return;
    once.done();
    // What was typed since stays.
    setTitle((now) => (now === title ? '' : now));
    onAdded(tx.transactionId);
  };
  return (
    <form class="add-row" onSubmit={(event) => void add(event)}>
      <input class="field grow" type="text" placeholder="Title of a page" aria-label="Title of a new page" maxLength={200} value={title} disabled={!online} onInput={(event) => setTitle(event.currentTarget.value)} />
      <button type="submit" class="button" disabled={!online}>
        <PlusIcon /> Add page
      </button>
    </form>
  );
}

function Row({ page, flash, isOpen, onOpen }: { page: PageRow; flash: number | undefined; isOpen: boolean; onOpen: () => void }) {
  const { act, online } = usePane();
  const once = useOnce();
  return (
    <li class={`page ${flashClass(flash)}`} data-page={page.title}>
      <button type="button" class="page-open grow" aria-expanded={isOpen} onClick={onOpen}>
        <span class="grow name" title={page.title}>{page.title}</span>
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
      <button type="button" class="tool danger" aria-label={`Delete the page ${page.title}`} title="Delete" disabled={!online} onClick={() => void act((api) => api.pages.delete.mutate({ id: page.id, tx: once.of(page.id) }))}>
        <TrashIcon />
      </button>
    </li>
  );
}

export function PageList() {
  const [shown, setShown] = useState(SHOWN);
  const [open, setOpen] = useState<string>();
  const { data, refreshes } = useQuery('pages.getAll', undefined, (api) => api.pages.getAll.query());
  const flashes = useFlashes(data);
  return (
    <section class="pages" aria-label="Pages">
      <header class="section-head">
        <PageIcon />
        <h3>Pages</h3>
        <span class="count" data-testid="page-count">{data ? number(data.length) : '…'}</span>
        <span class="grow" />
        <span class="refreshes" data-testid="page-refreshes" title="Fetched again because of sync">{refreshes}</span>
      </header>
      <AddPage onAdded={setOpen} />
      <ul class="rows" aria-label="Pages, latest change first">
        {data?.slice(0, shown).map((page) => (
          <Row key={page.id} page={page} flash={flashes.get(page.id)} isOpen={page.id === open} onOpen={() => setOpen(page.id === open ? undefined : page.id)} />
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
