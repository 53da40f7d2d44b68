/** `mountDevtools`: the panel in a page, in a root of its own. */
import type { SyncClient } from '../client/index.js';
import { invalid } from '../client/invalid.js';
import { cachedPaths, observe, type QueryBinding } from '../tanstack/index.js';
import { domOf, type Target } from './dom.js';
import { createHistory } from './history.js';
import { createPanel, streamText, streamTone } from './panel.js';
import { STYLES } from './styles.js';

export interface DevtoolsOptions {
  /** What `createSyncClient` gave. */
  client: SyncClient;
  /** What `bindQueryClient` gave, or `useQueryBinding`. */
  binding: QueryBinding;
  /** The element that the panel's own is put into. Default: the page's body. */
  target?: Target | undefined;
  /** Whether the panel is open at the beginning. Default: false, a button at the lower left is all that is seen. */
  open?: boolean | undefined;
  /** Events that are remembered, 1 to 1,000; the oldest go first. Default: 100. */
  maxEvents?: number | undefined;
  /** The queries of the server's router. With them a path that no query has is shown as a phantom; without them nobody but the server knows. */
  queryPaths?: readonly string[] | undefined;
}

export interface Devtools {
  /** Takes the panel away. */
  close(): void;
  [Symbol.dispose](): void;
}

const OPTIONS = ['client', 'binding', 'target', 'open', 'maxEvents', 'queryPaths'];

function check(options: DevtoolsOptions): void {
  for (const name of Object.keys(options)) if (!OPTIONS.includes(name)) throw invalid(`mountDevtools() has no option ${name}; it has: ${OPTIONS.join(', ')}`);
  const { client, binding, target, maxEvents = 100, queryPaths } = options;
  if (typeof (client as Partial<SyncClient> | null)?.onStatus !== 'function') throw invalid('client must be what createSyncClient() gave');
  // Throws for what is none.
  cachedPaths(binding);
  if (target !== undefined && typeof (target as Partial<Target> | null)?.appendChild !== 'function') throw invalid('target must be an element');
  if (!(Number.isInteger(maxEvents) && maxEvents >= 1 && maxEvents <= 1_000)) throw invalid(`maxEvents must be a whole number from 1 to 1,000, got ${String(maxEvents)}`);
  if (queryPaths !== undefined && !(Array.isArray(queryPaths) && queryPaths.every((path) => typeof path === 'string'))) throw invalid('queryPaths must be a list of texts');
}

/**
 * Puts a panel into the page that shows the stream and what its events do to the cache, from now on. It remembers the last events and no data of the
 * page; it asks the server nothing. Where there is no page (on a server) nothing is done. Throws INVALID_OPTION.
 */
export function mountDevtools(options: DevtoolsOptions): Devtools {
  check(options);
  const { client, binding, open = false, maxEvents = 100, queryPaths } = options;
  const dom = domOf();
  const target = options.target ?? dom?.document.body;
  const history = createHistory(maxEvents, queryPaths);
  let end = (): void => undefined;
  const close = (): void => {
    end();
    end = () => undefined;
  };
  const devtools: Devtools = { close, [(Symbol.dispose as typeof Symbol.dispose | undefined) ?? (Symbol.for('Symbol.dispose') as typeof Symbol.dispose)]: close };
  if (!dom || !target) return devtools;

  const host = dom.document.createElement('div');
  host.setAttribute('data-pathcast-devtools', '');
  const root = host.attachShadow({ mode: 'open' });
  dom.style(root, STYLES);
  const panel = createPanel(dom, { client, binding, history });
  const dot = dom.item('span', { class: 'dot' });
  const word = dom.item('span');
  const toggle = dom.item('button', { type: 'button', class: 'toggle', 'aria-expanded': 'false' }, dot, 'pathcast', word);
  const all = dom.item('div', { class: 'root' }, toggle, panel.item);

  const show = (shown: boolean, focus: boolean): void => {
    toggle.hidden = shown;
    panel.item.hidden = !shown;
    if (shown) panel.open();
    else panel.shut();
    if (focus) (shown ? panel.close : toggle).focus();
  };
  const say = (): void => {
    dot.className = `dot ${streamTone(client.status)}`;
    word.textContent = streamText(client.status);
    panel.changed();
  };
  toggle.addEventListener('click', () => show(true, true));
  panel.close.addEventListener('click', () => show(false, true));
  panel.item.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape') return;
    // A dialog of the page stays.
    event.stopPropagation();
    show(false, true);
  });
  root.append(all);
  // First: it throws where the target takes no element.
  target.appendChild(host);
  const ends = [
    observe(binding, (trace) => {
      history.add(trace);
      panel.changed();
    }),
    client.onStatus(say),
    binding.onStatus(() => panel.changed()),
  ];
  say();
  show(open, false);
  end = () => {
    for (const one of ends) one();
    panel.shut();
    host.remove();
  };
  return devtools;
}
