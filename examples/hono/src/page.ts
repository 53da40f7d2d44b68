// page.ts: runs in the browser. It reads the guests, hears what became stale, and reads again what that names.
import type { Guest } from './guests.js';

/** What an event has, whatever its type. */
interface Heard {
  type: string;
  queryPaths: string[];
}

const element = (id: string): HTMLElement => document.getElementById(id) as HTMLElement;
const ANSWERS_TO = 'guests.getAll';

async function read(): Promise<string> {
  const response = await fetch('/api/guests');
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  const { since, guests } = (await response.json()) as { since: string; guests: Guest[] };
  element('guests').replaceChildren(...guests.map(row));
  return since;
}

function row(guest: Guest): HTMLElement {
  const item = document.createElement('li');
  const remove = document.createElement('button');
  remove.textContent = 'Remove';
  remove.ariaLabel = `Remove ${guest.name}`;
  remove.onclick = () => void fetch(`/api/guests/${guest.id}`, { method: 'DELETE' });
  item.append(guest.name, remove);
  return item;
}

/** `guests` and `*` name `guests.getAll` too: a prefix is all that is below it. */
const isStale = (paths: string[]): boolean =>
  paths.some((path) => path === '*' || path === ANSWERS_TO || ANSWERS_TO.startsWith(`${path}.`));

function show(state: 'live' | 'connecting'): void {
  element('status').dataset.state = state;
  element('status').textContent = state === 'live' ? 'Live' : 'Connecting';
}

/** One read at a time; what becomes stale during one is read after it. A read that failed is tried again. */
let reading: Promise<unknown> | undefined;
let again = false;
function readAgain(): void {
  again = true;
  reading ??= (async () => {
    while (again) {
      again = false;
      await read().catch(() => setTimeout(readAgain, 2_000));
    }
    reading = undefined;
  })();
}

/** `since`: what the page already knows. Without it, what changes between reading and listening would be missed. */
function listen(since: string): void {
  let position = since;
  const source = new EventSource(`/sync/stream?since=${encodeURIComponent(since)}`);
  source.onmessage = ({ data, lastEventId }) => {
    const { type, queryPaths } = JSON.parse(data as string) as Heard;
    position = lastEventId || position;
    show('live');
    const line = document.createElement('li');
    line.textContent = `${type} ${queryPaths.join(', ')}`;
    element('heard').prepend(line);
    if (isStale(queryPaths)) readAgain();
  };
  source.onerror = () => {
    show('connecting');
    // A browser comes back by itself, except after an answer such as a proxy's 502.
    if (source.readyState === EventSource.CLOSED) setTimeout(() => listen(position), 3_000);
  };
}

element('add').onsubmit = (event) => {
  event.preventDefault();
  const form = event.target as HTMLFormElement;
  const name = String(new FormData(form).get('name'));
  const headers = { 'content-type': 'application/json' };
  void fetch('/api/guests', { method: 'POST', headers, body: JSON.stringify({ name }) }).then((response) => {
    if (response.ok) form.reset();
  });
};

/** A page that finds no server asks again. */
function begin(): void {
  read().then(listen, () => setTimeout(begin, 2_000));
}
begin();
