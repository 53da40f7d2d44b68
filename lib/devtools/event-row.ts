/** One event of the panel: a line of its own, and behind it each of its paths with the queries that it met. */
import type { Details, Dom, Item } from './dom.js';
import type { EventRecord, NameRecord, QueryRecord } from './history.js';
import { agoText, countText, msText } from './text.js';

export interface EventRow {
  readonly item: Item;
  /** Writes anew what may have changed. `now`: Unix ms. */
  update(now: number): void;
}

/** Chips that stand in an event's line; the others are counted. */
const MAX_CHIPS = 6;

const WORDS: Readonly<Record<QueryRecord['state'], readonly [text: string, tone: string]>> = {
  'has it': ['has it already', 'quiet'],
  marked: ['stale', 'busy'],
  fetching: ['refetching', 'busy'],
  failed: ['failed, is tried again', 'bad'],
  applied: ['up to date', 'good'],
};

function stateText({ state, fetches, ms, error }: QueryRecord): string {
  const [text] = WORDS[state];
  const more = [
    state === 'applied' && ms !== undefined ? `${msText(ms)} after the commit` : '',
    state === 'applied' && fetches === 0 ? 'without a refetch of its own' : '',
    fetches > 1 ? `${fetches} refetches` : '',
    error ?? '',
  ].filter(Boolean);
  return [text, ...more].join(', ');
}

/** What became of the event, in a word. */
function outcomeOf({ queries, staleCount, names }: EventRecord): [text: string, tone: string] {
  if (names.every(({ metCount }) => metCount === 0)) return names.some(({ sparedCount }) => sparedCount > 0) ? ['spared by where', 'good'] : ['met no query', 'quiet'];
  const all = [...queries.values()];
  const of = (state: QueryRecord['state']): QueryRecord[] => all.filter((one) => one.state === state);
  const failed = of('failed').length;
  if (failed > 0) return [`${failed} failed`, 'bad'];
  const fetching = of('fetching').length;
  if (fetching > 0) return [`${fetching} refetching`, 'busy'];
  const marked = of('marked').length;
  if (marked > 0) return [`${marked} stale`, 'busy'];
  if (staleCount === 0) return ['nothing to fetch', 'good'];
  const times = of('applied').flatMap(({ ms }) => ms ?? []);
  return [times.length > 0 ? `applied in ${msText(Math.max(...times))}` : 'applied', 'good'];
}

const NAME_WORDS: Readonly<Record<NameRecord['verdict'], string>> = {
  met: '',
  spared: 'left alone by where',
  unmet: 'no cached query has it',
  phantom: 'phantom: no query of the router has it',
};

export function createEventRow(dom: Dom, record: EventRecord): EventRow {
  const { item } = dom;
  const { event, names } = record;
  const details: Details = dom.document.createElement('details');
  const age = item('span', { class: 'age dim' });
  const outcome = item('span', { class: 'outcome' });
  const detail = item('div', { class: 'detail' });
  const what = [event.type, event.count > 1 ? `of ${event.count}` : '', event.modules.slice(0, 3).join(', '), event.reason ?? ''].filter(Boolean).join(' ');

  const chips = names.slice(0, MAX_CHIPS).map(({ path, verdict, metCount }) => {
    const count = verdict === 'met' ? ` × ${metCount}` : verdict === 'phantom' ? ' phantom' : verdict === 'spared' ? ' spared' : ' × 0';
    return item('span', { class: `chip mono ${verdict}` }, path, item('span', { class: verdict === 'phantom' ? '' : 'dim' }, count));
  });
  if (event.queryPaths.length > MAX_CHIPS) chips.push(item('span', { class: 'dim' }, `and ${event.queryPaths.length - MAX_CHIPS} more`));
  details.append(item('summary', {}, age, item('span', { class: 'what' }, what), item('span', { class: 'chips' }, ...chips), outcome), detail);

  let written = '';

  /** Only where something is new: what stands there may be what somebody marks with the mouse. */
  function write(): void {
    const state = JSON.stringify([record.avoided, names]);
    if (state === written) return;
    written = state;
    const facts = [
      event.position === undefined ? 'no place in the log' : `at ${event.position}`,
      event.own ? 'by this tab' : '',
      event.id === undefined ? '' : `id ${event.id.slice(0, 64)}`,
      `announced ${new Date(event.timestamp).toLocaleTimeString()}`,
      record.avoided > 0 ? `${countText(record.avoided, 'refetch', 'refetches')} saved` : '',
    ].filter(Boolean);
    detail.replaceChildren(item('p', { class: 'dim mono' }, facts.join(' · ')), ...names.map(nameItem));
    if (event.queryPaths.length > names.length) detail.append(item('p', { class: 'dim' }, `and ${event.queryPaths.length - names.length} more paths`));
  }

  function nameItem({ path, verdict, met, metCount, spared, sparedCount }: NameRecord): Item {
    const word = NAME_WORDS[verdict] || countText(metCount, 'cached query', 'cached queries');
    const head = item('p', {}, item('span', { class: `mono ${verdict === 'phantom' ? 'bad' : ''}` }, path), item('span', { class: 'dim' }, ` ${word}`));
    const lines = [
      ...met.map((one) => item('li', {}, item('span', { class: 'mono' }, one.key), item('span', { class: WORDS[one.state][1] }, stateText(one)))),
      ...spared.map((key) => item('li', {}, item('span', { class: 'mono' }, key), item('span', { class: 'quiet' }, 'left alone by where'))),
    ];
    const more = metCount - met.length + sparedCount - spared.length;
    if (more > 0) lines.push(item('li', { class: 'dim' }, `and ${more} more`));
    return lines.length > 0 ? item('div', {}, head, item('ul', {}, ...lines)) : head;
  }

  details.addEventListener('toggle', () => {
    written = '';
    if (details.open) write();
    else detail.replaceChildren();
  });
  return {
    item: item('li', { class: 'event' }, details),
    update(now) {
      const ago = agoText(now - event.heardAt);
      if (age.textContent !== ago) age.textContent = ago;
      const [text, tone] = outcomeOf(record);
      if (outcome.textContent !== text) outcome.textContent = text;
      if (outcome.className !== `outcome ${tone}`) outcome.className = `outcome ${tone}`;
      if (details.open) write();
    },
  };
}
