// page.ts: runs in the browser. tRPC's own client; pathcast is not in it.
import { createTRPCClient, httpBatchLink, httpSubscriptionLink, retryLink, splitLink } from '@trpc/client';
import type { AppRouter } from './router.js';
import type { Guest } from './store.js';

const element = (id: string): HTMLElement => document.getElementById(id) as HTMLElement;

const trpc = createTRPCClient<AppRouter>({
  links: [
    // Without this a stream that was refused (no place was free) or met a proxy's 502 never comes back.
    retryLink({
      retry: ({ op, error }) => op.type === 'subscription' && error.data?.code !== 'UNAUTHORIZED',
      retryDelayMs: (attempt) => Math.random() * Math.min(30_000, 1_000 * 2 ** attempt),
    }),
    splitLink({
      condition: (op) => op.type === 'subscription',
      true: httpSubscriptionLink({ url: '/trpc' }),
      false: httpBatchLink({ url: '/trpc' }),
    }),
  ],
});

function row(guest: Guest): HTMLElement {
  const item = document.createElement('li');
  const remove = document.createElement('button');
  remove.textContent = 'Remove';
  remove.ariaLabel = `Remove ${guest.name}`;
  remove.onclick = () => void trpc.guests.remove.mutate({ id: guest.id });
  item.append(guest.name, remove);
  return item;
}

async function read(): Promise<void> {
  element('guests').replaceChildren(...(await trpc.guests.getAll.query()).map(row));
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

/** `guests` and `*` name `guests.getAll` too: a prefix is all that is below it. */
const QUERY = 'guests.getAll';
const isStale = (paths: readonly string[]): boolean =>
  paths.some((path) => path === '*' || path === QUERY || QUERY.startsWith(`${path}.`));

function show(live: boolean): void {
  element('status').dataset.state = live ? 'live' : 'connecting';
  element('status').textContent = live ? 'Live' : 'Connecting';
}

element('add').onsubmit = (event) => {
  event.preventDefault();
  const form = event.target as HTMLFormElement;
  void trpc.guests.create.mutate({ name: String(new FormData(form).get('name')) }).then(() => form.reset());
};

function listen(since: number): void {
  trpc.sync.onSync.subscribe(
    { since },
    {
      onData: ({ data }) => {
        const line = document.createElement('li');
        line.textContent = `${data.type} ${data.queryPaths.join(', ')}`;
        element('heard').prepend(line);
        if (isStale(data.queryPaths)) readAgain();
      },
      onConnectionStateChange: ({ state }) => show(state === 'pending'), // tRPC's word for "open, and waiting for events"
      onError: () => show(false), // signed out
    },
  );
}

/** The position first of all: what changes from there on is told. A page that finds no server asks again. */
async function begin(): Promise<void> {
  try {
    const since = await trpc.sync.position.query();
    await read();
    listen(since);
  } catch {
    setTimeout(() => void begin(), 2_000);
  }
}
void begin();
