/** The screen of a browser: a card for each query that is shown, and what a test asks of it. The two clients differ in what stands around it. */
import { QueryClientProvider, useQuery, type QueryClient } from '@tanstack/react-query';
import { createElement as h, useState, type ReactNode } from 'react';
import { flushSync } from 'react-dom';
import { createRoot } from 'react-dom/client';

export interface Shown {
  /** `guests.getAll` */
  path: string;
  input?: unknown;
}

/** A card's text has changed: what it says now, and when (Unix ms). */
export interface Rendered {
  path: string;
  at: number;
  text: string;
}

/** What a page gives to who drives it, as `globalThis.app`. */
export interface PageApp {
  /** Mounts these queries anew, so that what is on the screen is read now. */
  show(entries: readonly Shown[]): void;
  mutate(path: string, input: unknown): Promise<unknown>;
  texts(): Record<string, string>;
  /** What was rendered since the last call. */
  takeRendered(): Rendered[];
  /** Nothing is on its way, and nothing waits to be. */
  isQuiet(): boolean;
  /** The stream has begun. */
  isLive(): boolean;
  /** Names of the marks that have come in the stream, behind all that was told before them. */
  heard: string[];
}

/** tRPC's options of a query, and its untyped call of a mutation. */
export interface Api {
  options(entry: Shown): object;
  mutate(path: string, input: unknown): Promise<unknown>;
}

function Card({ api, entry }: { api: Api; entry: Shown }): ReactNode {
  const { data } = useQuery(api.options(entry) as Parameters<typeof useQuery>[0]);
  const text = data === undefined ? '' : JSON.stringify(data, null, 1);
  return h('article', { 'data-path': entry.path }, h('h2', null, entry.path), h('pre', null, text));
}

let showNow: (entries: readonly Shown[]) => void = () => undefined;

function Screen({ api }: { api: Api }): ReactNode {
  const [{ turn, entries }, set] = useState<{ turn: number; entries: readonly Shown[] }>({ turn: 0, entries: [] });
  showNow = (shown) => set({ turn: turn + 1, entries: shown });
  return h('main', null, ...entries.map((entry) => h(Card, { api, entry, key: `${turn} ${entry.path}` })));
}

const cards = (): HTMLElement[] => [...document.querySelectorAll<HTMLElement>('[data-path]')];
const textIn = (card: Element): string => card.querySelector('pre')?.textContent ?? '';

/** Observes what React does to the page, not what the app means to do. */
function watchCards(root: Element): () => Rendered[] {
  let rendered: Rendered[] = [];
  new MutationObserver((records) => {
    const at = Date.now();
    const changed = new Set<HTMLElement>();
    for (const { target } of records) {
      const card = (target instanceof Element ? target : target.parentElement)?.closest<HTMLElement>('[data-path]');
      if (card) changed.add(card);
    }
    for (const card of changed) rendered.push({ path: card.dataset['path'] ?? '', at, text: textIn(card) });
  }).observe(root, { subtree: true, childList: true, characterData: true });
  return () => {
    const taken = rendered;
    rendered = [];
    return taken;
  };
}

interface Around {
  api: Api;
  queryClient: QueryClient;
  /** What the client has of its own around the screen. */
  wrap(screen: ReactNode): ReactNode;
  isLive(): boolean;
  /** Beyond TanStack's own fetches. */
  isQuiet?(): boolean;
  heard: string[];
}

export function start({ api, queryClient, wrap, isLive, isQuiet = () => true, heard }: Around): void {
  const root = document.getElementById('root');
  if (!root) throw new Error('the page has no #root');
  const takeRendered = watchCards(root);
  createRoot(root).render(h(QueryClientProvider, { client: queryClient }, wrap(h(Screen, { api }))));
  const app: PageApp = {
    // Its fetches have begun when this returns.
    show: (entries) => flushSync(() => showNow(entries)),
    mutate: (path, input) => api.mutate(path, input),
    texts: () => Object.fromEntries(cards().map((card) => [card.dataset['path'] ?? '', textIn(card)])),
    takeRendered,
    isQuiet: () => queryClient.isFetching() === 0 && cards().every((card) => textIn(card) !== '') && isQuiet(),
    isLive,
    heard,
  };
  (globalThis as { app?: PageApp }).app = app;
}
