/** What the panel shows: the stream, the cache, and the last events. Nothing is drawn, and no timer runs, while it is shut. */
import type { SyncClient, SyncStatus } from '../client/index.js';
import { cachedPaths, type CacheStatus, type QueryBinding } from '../tanstack/index.js';
import type { Dom, Item } from './dom.js';
import { createEventRow, type EventRow } from './event-row.js';
import type { History } from './history.js';
import { countTabs } from './tabs.js';
import { agoText, countText, msText } from './text.js';

export interface Panel {
  readonly item: Item;
  readonly close: Item;
  /** Draws from now on. */
  open(): void;
  shut(): void;
  /** Something may have changed. */
  changed(): void;
}

/** Changes that come together are drawn once, ms. */
const DRAW_MS = 100;
/** Ages are written anew, ms; tabs are counted every third time. */
const TICK_MS = 1_000;

const STREAM_TONES: Readonly<Record<SyncStatus['state'], string>> = { live: 'good', connecting: 'busy', offline: 'bad', refused: 'bad', closed: 'quiet' };
const CACHE_TONES: Readonly<Record<CacheStatus['state'], string>> = { current: 'good', refetching: 'busy', failed: 'bad', unknown: 'quiet' };

/** `live`, or why it is not. */
export const streamText = ({ state, reason }: SyncStatus): string => (reason === 'open' || reason === state ? state : `${state}: ${reason.replaceAll('_', ' ')}`);
export const streamTone = ({ state }: SyncStatus): string => STREAM_TONES[state];

export function createPanel(dom: Dom, { client, binding, history }: { client: SyncClient; binding: QueryBinding; history: History }): Panel {
  const { item } = dom;
  const close = item('button', { type: 'button' }, 'Close');
  const clear = item('button', { type: 'button' }, 'Clear');
  const state = item('span', { class: 'state', role: 'status' });
  const facts = new Map<string, Item>();
  const list = item('dl');
  const events = item('ol');
  const empty = item('p', { class: 'empty' }, 'No event yet. What other tabs and people change shows up here.');
  /** By the event's number. */
  const rows = new Map<number, EventRow>();
  let drawing: unknown;
  let ticking: unknown;
  let ticks = 0;
  let tabs: number | undefined;

  function fact(name: string, text: string, tone = ''): void {
    let shown = facts.get(name);
    if (!shown) {
      shown = item('dd');
      facts.set(name, shown);
      list.append(item('div', {}, item('dt', {}, name), shown));
    }
    if (shown.textContent !== text) shown.textContent = text;
    shown.className = tone;
  }

  function drawFacts(now: number): void {
    const { status } = client;
    const { status: caches } = binding;
    const { sums } = history;
    const text = streamText(status);
    // It is read out when it changes, and not at each draw.
    if (state.textContent !== text) state.replaceChildren(item('span', { class: 'dot' }), text);
    state.className = `state ${streamTone(status)}`;
    fact('Stream', `${text}, for ${agoText(now - status.since)}`, streamTone(status));
    fact('This tab', status.leader ? 'leads: it has the stream' : status.state === 'live' ? 'follows another tab' : 'has no stream');
    fact('Tabs on the stream', tabs === undefined ? 'not known' : String(tabs));
    fact('Cursor', status.cursor ?? 'none yet', 'mono');
    const waiting = caches.state === 'failed' ? caches.failed.length : caches.pending.length;
    fact('Cache', caches.state === 'current' || caches.state === 'unknown' ? caches.state : `${caches.state}: ${countText(waiting, 'query', 'queries')}`, CACHE_TONES[caches.state]);
    fact('Cached paths', String(cachedPaths(binding).length));
    fact('Events', String(sums.events));
    fact('Refetches', sums.failed > 0 ? `${sums.refetches}, ${sums.failed} failed` : String(sums.refetches));
    const saved = [
      [sums.coalesced, 'coalesced'],
      [sums.where, 'by where'],
      [sums.position, 'by position'],
    ] as const;
    const total = sums.coalesced + sums.where + sums.position;
    const parts = saved.filter(([count]) => count > 0).map(([count, how]) => `${count} ${how}`);
    fact('Refetches saved', total === 0 ? '0' : `${total}: ${parts.join(', ')}`);
    const [half, most] = [history.quantile(0.5), history.quantile(0.95)];
    fact('Commit to applied', half === undefined || most === undefined ? 'nothing yet' : `half within ${msText(half)}, 95\u00a0% within ${msText(most)}`);
  }

  function drawEvents(now: number): void {
    const kept = history.events();
    const numbers = new Set(kept.map(({ event }) => event.nth));
    for (const [nth, row] of rows) {
      if (numbers.has(nth)) continue;
      row.item.remove();
      rows.delete(nth);
    }
    const fresh = kept.filter(({ event }) => !rows.has(event.nth));
    for (const record of [...fresh].reverse()) {
      const row = createEventRow(dom, record);
      rows.set(record.event.nth, row);
      events.prepend(row.item);
    }
    for (const row of rows.values()) row.update(now);
    empty.hidden = kept.length > 0;
  }

  function draw(): void {
    const now = Date.now();
    drawFacts(now);
    drawEvents(now);
  }

  function tick(): void {
    if (ticks % 3 === 0) {
      void countTabs().then((count) => {
        tabs = count;
      });
    }
    ticks += 1;
    ticking = setTimeout(tick, TICK_MS);
    draw();
  }

  clear.addEventListener('click', () => {
    history.clear();
    draw();
  });
  const title = item('h2', { id: 'title' }, 'pathcast');
  return {
    close,
    item: item(
      'section',
      { class: 'panel', 'aria-labelledby': 'title' },
      item('header', { class: 'bar' }, title, state, item('span', { class: 'grow' }), clear, close),
      item('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'Stream, cache and events' }, list, item('h3', {}, 'Last events'), empty, events),
    ),
    open() {
      if (ticking === undefined) tick();
    },
    shut() {
      clearTimeout(ticking as Parameters<typeof clearTimeout>[0]);
      clearTimeout(drawing as Parameters<typeof clearTimeout>[0]);
      [ticking, drawing, ticks] = [undefined, undefined, 0];
    },
    changed() {
      if (ticking === undefined || drawing !== undefined) return;
      drawing = setTimeout(() => {
        drawing = undefined;
        draw();
      }, DRAW_MS);
    },
  };
}
