/** The live endpoint: a page of what was missed as JSON, or an event stream of it and of what comes. For Node, Express and Connect, and as a Fastify plugin. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import { isPathcastError, PathcastError } from '../../protocol/error.js';
import { describe, messageOf } from '../../internal/describe.js';
import { checkCompanyId, checkIdentifier, checkKeys, checkObject, checkOptionalIdentifier } from '../../server/check.js';
import { refusal, refusalOfThrown, UNAUTHORIZED, type HttpRefusal } from '../../server/identity.js';
import { appHeaders, lastEventIdHeader, nodeRequest, originalUrl, queryOf } from '../../server/request-parts.js';
import { checkHeaders, streamHeaders } from '../../server/response-head.js';
import { checkExpiry } from '../../server/stream-spec.js';
import type { RequestLike, ResponseLike } from '../../server/options.js';
import { allowed, type IsAllowed } from './activity.js';
import { LiveStream, toldOf, type LiveParts } from './live-stream.js';
import { formatOffset, parseStart, type Start } from './offset.js';
import { checkTexts } from './source.js';

/** Who asks, from the session. More of it is the app's own: `isAllowed` and `organization` get it as it is. */
export interface LiveUser {
  userId: string;
  /** The only one of the user; needed where there is no `organization`. */
  companyId?: string | undefined;
  expiresAt?: number | Date | null | undefined;
  /** Of the browser's instance: a second stream of it replaces the first. Else `?clientInstanceId=`. */
  clientInstanceId?: string | null | undefined;
}

export interface LiveOptions<Req, U extends LiveUser> {
  /** `null`: 401. A thrown error with a `statusCode` answers with it. */
  identify: (request: Req) => U | null | Promise<U | null>;
  /** The company of what stands in the address, or null: 404, whether there is none or it is not this user's. Default: the user's `companyId`, where it is that. */
  organization?: ((idOrSlug: string, user: U, request: Req) => string | null | Promise<string | null>) | undefined;
  /** Asked of each delivery, in batches. What is not allowed is not sent, now or later. */
  isAllowed: IsAllowed<U>;
  /** Default `/organizations/:idOrSlug/live`. Without Fastify it is looked for at the address's end. */
  path?: string | undefined;
  /** More response headers. */
  headers?: Record<string, string | readonly string[]> | undefined;
}

/** What of Fastify is used. */
export interface FastifyLike {
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- Fastify's own types, of the app's server
  route(options: any): unknown;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- the same
  addHook(name: any, hook: any): unknown;
  hasDecorator(name: string): boolean;
  readonly server: object;
}

/** `next`: of Connect and Express: where the address is another one. Without it: 404. */
export type LiveHandler<Req> = ((request: Req, response: ServerResponse | Http2ServerResponse, next?: () => void) => void) & {
  /** `await fastify.register(live.fastify)`. */
  readonly fastify: (fastify: FastifyLike, options?: { prefix?: string }) => Promise<void>;
};

const KNOWN = ['identify', 'organization', 'isAllowed', 'path', 'headers'];
const PARAMETER = ':idOrSlug';
const PAGE = 100;
const METHOD = refusal(405, 'METHOD_NOT_ALLOWED', 'GET it');
const NOT_FOUND = refusal(404, 'NOT_FOUND', 'There is no such organization');
const NO_STORE = { 'cache-control': 'no-store' };

interface Fastify {
  readonly params: Record<string, string>;
}

/** Of Express, and of routers like it. */
interface Routed {
  readonly params?: Record<string, string>;
  readonly route?: unknown;
  readonly url?: string;
}

interface Reply {
  readonly raw: ServerResponse;
  code(status: number): Reply;
  header(name: string, value: string): Reply;
  send(body?: unknown): unknown;
  hijack(): void;
}

/** How this way of serving answers. */
interface Way {
  refuse(refused: HttpRefusal): void;
  /** `body`: undefined: a head alone. */
  send(type: string, body: string | undefined): void;
  /** From now on the response is ours. */
  take(): void;
}

/** Throws INVALID_OPTION. */
export function liveHandler<Req, U extends LiveUser>(parts: LiveParts, given: LiveOptions<Req, U>): LiveHandler<Req> {
  const options = checkLive(given);
  const { path } = options;
  const pattern = new RegExp(`${path.split(PARAMETER).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('([^/]+)')}/?$`);
  const handler = (request: Req, response: ServerResponse | Http2ServerResponse, next?: () => void): void => {
    const req = request as unknown as RequestLike;
    const res = response as ServerResponse;
    const address = pathOf(originalUrl(nodeRequest(req)));
    const inAddress = pattern.exec(address)?.[1];
    // A framework that knows it has decoded it. Mounted under a parameter (`app.use('/:idOrSlug', live)`) it is given all that is below, too: that is somebody else's.
    const routed = (request as Routed).params?.[PARAMETER.slice(1)];
    const found = routed !== undefined && (inAddress !== undefined || isRoute(request as Routed, address)) ? routed : decoded(inAddress);
    const way: Way = {
      refuse: ({ status, body }) => answer(res, status, 'application/json', JSON.stringify(body), status === 405 ? { allow: 'GET, HEAD' } : {}),
      send: (type, body) => answer(res, 200, type, body),
      take: () => undefined,
    };
    if (found === undefined) {
      if (next) next();
      else way.refuse(NOT_FOUND);
      return;
    }
    void respond(parts, options, { request, req, res, response: res, idOrSlug: found, way });
  };
  const fastify = async (app: FastifyLike, { prefix = '' }: { prefix?: string } = {}): Promise<void> => {
    app.addHook('preClose', async () => {
      // Of a hub that the app has registered the other plugin ends them.
      if (!app.hasDecorator('pathcast')) await parts.internals.endStreamsOf(app.server, 0);
    });
    app.route({
      method: ['GET', 'HEAD'],
      url: prefix.replace(/\/$/, '') + path,
      exposeHeadRoute: false,
      handler: async (request: Req & Fastify, reply: Reply) => {
        const way: Way = {
          refuse: ({ status, body }) => reply.code(status).header('cache-control', 'no-store').send(body),
          send: (type, body) => reply.code(200).header('cache-control', 'no-store').header('content-type', type).send(body),
          take: () => reply.hijack(),
        };
        await respond(parts, options, { request, req: request as unknown as RequestLike, res: reply.raw, response: reply, idOrSlug: request.params[PARAMETER.slice(1)] ?? '', way });
        return reply;
      },
    });
  };
  const named = Object.assign(fastify, { [Symbol.for('skip-override')]: true, [Symbol.for('fastify.display-name')]: 'pathcast-live' });
  return Object.assign(handler, { fastify: named });
}

function checkLive<Req, U extends LiveUser>(given: LiveOptions<Req, U>): LiveOptions<Req, U> & { path: string } {
  checkKeys('live()', checkObject('live options', given, 'INVALID_OPTION'), KNOWN);
  const { identify, organization, isAllowed, path = `/organizations/${PARAMETER}/live`, headers } = given;
  const wrong = (what: string, value: unknown): never => {
    throw new PathcastError('INVALID_OPTION', `live(): ${what}, got ${describe(value)}`);
  };
  if (typeof identify !== 'function') wrong('identify must be a function (request) => user', identify);
  if (organization !== undefined && typeof organization !== 'function') wrong('organization must be a function (idOrSlug, user, request) => company id', organization);
  if (typeof isAllowed !== 'function') wrong('isAllowed must be a function (user, changes) => booleans', isAllowed);
  if (typeof path !== 'string' || !path.startsWith('/') || path.split(PARAMETER).length !== 2) wrong(`path must begin with '/', and have ${PARAMETER}`, path);
  checkHeaders(headers, 'INVALID_OPTION');
  return { ...given, path };
}

interface Asked<Req> {
  readonly request: Req;
  readonly req: RequestLike;
  readonly res: ServerResponse;
  /** With the headers that the app has set. */
  readonly response: ResponseLike;
  readonly idOrSlug: string;
  readonly way: Way;
}

/** Never rejects. */
async function respond<Req, U extends LiveUser>(parts: LiveParts, options: LiveOptions<Req, U>, asked: Asked<Req>): Promise<void> {
  const { request, req, res, response, way } = asked;
  const node = nodeRequest(req) as IncomingMessage | Http2ServerRequest;
  if (node.method !== 'GET' && node.method !== 'HEAD') {
    way.refuse(METHOD);
    return;
  }
  try {
    const user = await options.identify(request);
    if (!user) {
      way.refuse(UNAUTHORIZED);
      return;
    }
    const companyId = await companyOf(options, user, asked);
    if (companyId === null) {
      way.refuse(NOT_FOUND);
      return;
    }
    const query = queryOf(originalUrl(node));
    const isLive = checkIsLive(query.get('live'));
    const start = startOf(query.get('offset'), lastEventIdHeader(node), isLive);
    const types = checkTexts(query.getAll('entityTypes').flatMap((list) => list.split(',')).filter((type) => type !== ''));
    const limit = limitOf(query.get('limit'));
    if (node.method === 'HEAD') {
      way.send(isLive ? 'text/event-stream' : 'application/json', undefined);
      return;
    }
    if (!isLive) {
      const page = await parts.source.page(companyId, start, limit, types);
      const activities = (await allowed(options.isAllowed, user, page.activities)).map(toldOf);
      way.send('application/json', JSON.stringify({ activities, offset: formatOffset(page.next), complete: page.complete, ...(page.resync !== undefined && { resync: page.resync }) }));
      return;
    }
    const headers = streamHeaders(appHeaders(response), options.headers, (message) => parts.internals.warn({ message }, 'header'));
    const instance = checkOptionalIdentifier('clientInstanceId', user.clientInstanceId ?? query.get('clientInstanceId'));
    // Of a browser this stream and the hub's are two.
    const seat = { userId: user.userId, expiresAt: user.expiresAt, clientInstanceId: instance === undefined ? undefined : `live:${instance}` };
    if (res.destroyed) return;
    new LiveStream({ companyId, types, start, user, isAllowed: options.isAllowed, seat, req, res, headers }, parts);
    way.take();
  } catch (thrown) {
    // A row that is no JSON is the app's, not the client's.
    const refused = isPathcastError(thrown) && thrown.code === 'NOT_SERIALIZABLE' ? refusal(500, thrown.code, thrown.message) : refusalOfThrown(thrown);
    if (refused.status >= 500 && refused.status !== 503) parts.internals.report('activities', thrown);
    way.refuse(refused);
  }
}

/** Null: there is none, or it is not this user's. Throws INVALID_OPTION for what the app's functions gave and should not. */
async function companyOf<Req, U extends LiveUser>({ organization }: LiveOptions<Req, U>, user: U, { idOrSlug, request }: Asked<Req>): Promise<string | null> {
  // PostgreSQL has no text with a NUL, and no app has an organization of that name.
  if (idOrSlug === '' || idOrSlug.includes('\0')) return null;
  const given = organization ? await organization(idOrSlug, user, request) : user.companyId === idOrSlug ? idOrSlug : null;
  if (given === null || given === undefined) return null;
  try {
    checkIdentifier('userId', user.userId);
    checkExpiry(user.expiresAt);
    return checkCompanyId(given);
  } catch (cause) {
    throw new PathcastError('INVALID_OPTION', `identify or organization gave what it should not: ${messageOf(cause)}`, { cause });
  }
}

const pathOf = (url: string): string => url.split(/[?#]/, 1)[0] ?? '';

/** Asked for by this address as a whole: by a route of Express (`route`), by a router that cuts nothing off, or mounted at all of it. */
function isRoute({ route, url }: Routed, address: string): boolean {
  const rest = url === undefined ? address : pathOf(url);
  return route !== undefined || rest === address || rest === '' || rest === '/';
}

function decoded(text: string | undefined): string | undefined {
  try {
    return text === undefined ? undefined : decodeURIComponent(text);
  } catch {
    return '';
  }
}

function checkIsLive(value: string | null): boolean {
  if (value === null || value === '' || value === 'false') return false;
  if (value === 'true' || value === 'sse') return true;
  throw new PathcastError('INVALID_FIELD', `live must be sse, true or false, got ${describe(value)}`);
}

function limitOf(value: string | null): number {
  if (value === null || value === '') return PAGE;
  const limit = Number(value);
  if (/^\d{1,9}$/.test(value) && limit >= 1 && limit <= PAGE) return limit;
  throw new PathcastError('INVALID_FIELD', `limit must be a whole number from 1 to ${PAGE}, got ${describe(value)}`);
}

/** What a client that comes back says in its header is newer than its address, unless the two say otherwise. */
function startOf(offset: string | null, header: string | undefined, isLive: boolean): Start {
  const given = offset === null || offset === '' ? (isLive ? 'now' : 'beginning') : parseStart(offset);
  if (header === undefined || header === '') return given;
  const last = parseStart(header);
  return typeof last === 'object' && typeof given === 'object' && last.life === given.life && given.seq > last.seq ? given : last;
}

function answer(res: ServerResponse, status: number, type: string, body: string | undefined, headers: Record<string, string> = {}): void {
  if (res.headersSent || res.destroyed) return;
  const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
  res.writeHead(status, { 'content-type': type, ...length, ...NO_STORE, ...headers });
  res.end(body);
}
