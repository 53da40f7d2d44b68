/**
 * A stream by the browser's EventSource. It says of no answer why it was none, so an attempt that it gives up is made again by `fetch` at once,
 * which does. Its own reconnecting is never used: it keeps an old address, and knows no back-off.
 */
import type { Environment } from '../environment.js';
import { addressOf, type Transport } from './transport.js';

export function eventSource({ EventSource }: Environment, url: URL, withCredentials: boolean, instead: Transport): Transport {
  if (!EventSource) return instead;
  return (ask, hears) => {
    const source = new EventSource(addressOf(url, ask), { withCredentials });
    let open = false;
    let end = (): void => source.close();
    source.addEventListener('open', () => {
      open = true;
      hears.head();
    });
    for (const name of ['message', 'ping', 'server_close']) {
      source.addEventListener(name, ({ data, lastEventId }) => hears.message(name, data, lastEventId));
    }
    source.addEventListener('error', () => {
      // 2: closed.
      if (source.readyState === 2 && !open) end = instead(ask, hears);
      else hears.failed({ kind: open ? 'cut' : 'network' });
    });
    return () => end();
  };
}
