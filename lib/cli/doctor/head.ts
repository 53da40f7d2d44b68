/** The head of the answer: is it a stream, and what became of its headers on the way. */
import type { Answer } from '../stream/request.js';
import { labelOf, type Target } from '../stream/target.js';
import { saidIn } from '../stream/body.js';
import type { FindingId, Proxy } from './findings.js';
import type { Visit } from './report.js';

const PROXIES: readonly (readonly [RegExp, Proxy])[] = [
  [/varnish/i, 'varnish'],
  [/nginx|openresty/i, 'nginx'],
  [/haproxy/i, 'haproxy'],
  [/apache/i, 'apache'],
  [/caddy/i, 'caddy'],
];

/** Who says its name in the head; HAProxy does not. */
export function proxyOf(headers: Answer['headers']): Proxy | undefined {
  if (headers['x-varnish'] !== undefined) return 'varnish';
  const names = [headers.via, headers.server].flat().join(' ');
  return PROXIES.find(([pattern]) => pattern.test(names))?.[1];
}

export const isStream = ({ status, headers }: Answer): boolean =>
  status === 200 && /^text\/event-stream\s*(;|$)/i.test(headers['content-type'] ?? '');

const LOGIN = /log-?in|sign-?in|auth|sso|session|account/i;
const BY_STATUS: Readonly<Record<number, FindingId>> = {
  204: 'no-content',
  400: 'bad-request',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not-found',
  405: 'wrong-method',
  422: 'bad-request',
  429: 'rate-limited',
  502: 'gateway-error',
  503: 'gateway-error',
  504: 'gateway-error',
};

/** Where the answer is no stream. `body`: its beginning. */
export function judgeRefusal({ status, headers }: Answer, body: string, target: Target, visit: Visit): void {
  const { label, quote } = target;
  if (status >= 300 && status < 400) {
    const to = whereTo(headers.location, target.url);
    const login = to !== undefined && LOGIN.test(to.pathname);
    const what = `${label} answers ${status} and sends to ${to === undefined ? 'nowhere' : quote(labelOf(to))}`;
    visit.found(login ? 'login-redirect' : 'redirect', login ? `${what}, a page to log in.` : `${what}.`);
    return;
  }
  const type = headers['content-type'] ?? '';
  const said = quote(saidIn(body));
  const saying = said === '' ? '' : `: ${said}`;
  if (status === 200) {
    if (/html/i.test(type) || /^\s*<(!doctype|html)/i.test(body)) visit.found('html-page', `${label} answers with a page${saying}.`);
    else visit.found('not-a-stream', `${label} answers with the type ${type === '' ? '(none)' : quote(type)}, not text/event-stream.`);
    return;
  }
  const id = BY_STATUS[status] ?? (status >= 500 ? 'server-error' : 'odd-status');
  visit.found(id, `${label} answers ${status}${saying}.`);
}

function whereTo(location: string | undefined, from: URL): URL | undefined {
  try {
    return location === undefined ? undefined : new URL(location, from);
  } catch {
    return undefined;
  }
}

/** Of a stream. */
export function judgeHeaders({ headers }: Answer, visit: Visit): void {
  const before = visit.report().findings.length;
  const cache = (headers['cache-control'] ?? '').toLowerCase();
  if (Number(headers['age'] ?? 0) > 0) visit.found('from-a-cache', `The answer was stored ${String(headers['age'])} s ago: a cache gave it.`);
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') {
    visit.found('compressed', `The event stream comes compressed (${encoding.replace(/[^\w, -]/g, '').slice(0, 20)}): each event then waits in a compressor, and takes memory for each browser.`);
  }
  if (!/no-transform/.test(cache)) {
    visit.found('no-transform-lost', 'The header Cache-Control came without no-transform, which pathcast sends: something on the way has changed it.');
  }
  if (!/no-cache|no-store/.test(cache)) {
    visit.found('cacheable', 'The header Cache-Control came without no-cache: a cache may keep the stream.');
  }
  if (visit.report().findings.length === before) visit.checked('Headers: the type, Cache-Control with no-transform, no compression, no cache.');
}

/** What a page of another origin needs. `origin`: `--origin`; cookies matter only where some are sent. */
export function judgeCors({ headers }: Answer, origin: string | undefined, withCookie: boolean, visit: Visit): void {
  if (origin === undefined) {
    visit.notChecked('CORS: --origin https://app.example.com says from which page a browser asks.');
    return;
  }
  const allowed = headers['access-control-allow-origin'];
  if (allowed !== '*' && allowed !== origin) {
    visit.found('cors-origin', `A page of ${origin} may not read this stream: the answer ${allowed === undefined ? 'has no Access-Control-Allow-Origin' : 'allows another origin'}.`);
  } else if (withCookie && (allowed === '*' || headers['access-control-allow-credentials'] !== 'true')) {
    visit.found('cors-credentials', `A page of ${origin} may not send cookies with this stream.`);
  } else visit.checked(`CORS: a page of ${origin} may read the stream.`);
}
