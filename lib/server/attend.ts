/**
 * A stream whose bytes are not the hub's: it takes its place like any other (limits, `disconnect`, expiry, drain, heartbeats), and hears no action. What the hub has to say
 * of it goes to a sink, which writes what it likes.
 */
import type { CloseReason } from '../protocol/events.js';
import type { MessageSink } from '../internal/engine.js';
import { PathcastError } from '../protocol/error.js';
import { checkCompanyId, checkIdentifier, checkOptionalIdentifier } from './check.js';
import { serverOf } from './hand-over/servers.js';
import { forwardedAddress, nodeRequest, type NodeResponse } from './request-parts.js';
import type { RequestLike } from './options.js';
import type { StreamHost } from './stream-host.js';
import { checkExpiry } from './stream-spec.js';
import { endWhenVanished, SILENCE_AFTER_SLOW_MS } from './vanished-peer.js';

export interface Attendant {
  companyId: string;
  userId: string;
  expiresAt?: number | Date | null | undefined;
  clientInstanceId?: string | null | undefined;
  req: RequestLike;
  res: NodeResponse;
}

export interface Attendance {
  /** ms after which a client that takes nothing is too slow. */
  readonly slowMs: number;
  /** The client is gone. Idempotent. */
  abort(): void;
  /** As `disconnect` of it. */
  end(reason: CloseReason): void;
}

/** Throws INVALID_COMPANY_ID, INVALID_FIELD, HUB_CLOSED. The sink may be called before it returns. */
export function attend(host: StreamHost, who: Attendant, sink: MessageSink): Attendance {
  const request = nodeRequest(who.req);
  const expiresAt = checkExpiry(who.expiresAt);
  const instanceId = checkOptionalIdentifier('clientInstanceId', who.clientInstanceId);
  const address = forwardedAddress(who.req, request) ?? request?.socket?.remoteAddress;
  const spec = {
    companyId: checkCompanyId(who.companyId),
    userId: checkIdentifier('userId', who.userId),
    dialect: 'plain' as const,
    ids: true,
    transformed: false,
    httpHead: '',
    // No action has a path that is none of these.
    filter: { queryPaths: [] },
    ...(expiresAt !== undefined && { expiresAt }),
    ...(instanceId !== undefined && { instanceId }),
    ...(address !== undefined && { address }),
  };
  if (host.isClosed()) throw new PathcastError('HUB_CLOSED', 'the hub is closed');
  const origin = host.servers.originOf(serverOf(who.req, request));
  endWhenVanished(request, who.res, host.silenceMs);
  const handle = host.engine.openMessages(origin === undefined ? spec : { ...spec, origin }, sink);
  const { connectionId } = handle;
  return {
    slowMs: host.silenceMs - SILENCE_AFTER_SLOW_MS,
    abort: () => handle.abort(),
    end: (reason) => void host.engine.disconnect({ connectionId }, reason),
  };
}
