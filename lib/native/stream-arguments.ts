/** A stream's specification as the addon takes it. */
import type { ConnectionInfo, EngineFilter, StreamSpec } from '../internal/engine.js';
import { CLOSE_REASONS } from '../protocol/events.js';
import type { FilterArgument, Reply, StreamArguments } from './binding.js';

const FRAMINGS = { raw: 0, chunked: 16, records: 32 } as const;
/** What `endsWith` is counted in; 0: it does not end at once. */
const END = 64;

/** `number`: of the connection. */
export function streamArguments(number: number, spec: StreamSpec, framing: keyof typeof FRAMINGS): StreamArguments {
  const flags =
    (spec.dialect === 'trpc' ? 1 : 0) |
    (spec.ids ? 2 : 0) |
    (spec.transformed ? 4 : 0) |
    (spec.uncounted ? 8 : 0) |
    FRAMINGS[framing] |
    (spec.endsWith === undefined ? 0 : END * (CLOSE_REASONS.indexOf(spec.endsWith) + 1));
  return [
    number,
    flags,
    spec.companyId,
    spec.userId,
    spec.httpHead === '' || framing === 'records' ? undefined : spec.httpHead,
    spec.lastEventId,
    spec.lastSyncTimestamp,
    spec.instanceId,
    spec.expiresAt,
    spec.trpcPath,
    spec.address,
    spec.origin ?? 0,
    spec.filter ? filterArgument(spec.filter) : undefined,
    spec.generation,
  ];
}

function filterArgument(filter: EngineFilter): FilterArgument {
  const { clientIds, modules, entities, queryPaths, excludeSourceId, excludeUserId } = filter;
  return [clientIds, modules, entities, queryPaths, excludeSourceId, excludeUserId];
}

function filterOf([clientIds, modules, entities, queryPaths, excludeSourceId, excludeUserId]: FilterArgument): EngineFilter {
  return {
    ...(clientIds ? { clientIds } : undefined),
    ...(modules ? { modules } : undefined),
    ...(entities ? { entities } : undefined),
    ...(queryPaths ? { queryPaths } : undefined),
    ...(excludeSourceId === undefined ? undefined : { excludeSourceId }),
    ...(excludeUserId === undefined ? undefined : { excludeUserId }),
  };
}

/** Values of one connection in a reply. */
const CONNECTION_VALUES = 8;

export function readConnections(reply: Reply, idOf: (number: number) => string): ConnectionInfo[] {
  const found: ConnectionInfo[] = [];
  if (reply[0] !== 7) return found;
  for (let i = 2; i + CONNECTION_VALUES <= reply.length; i += CONNECTION_VALUES) {
    const [number, companyId, userId, since, backlogBytes, position, address, filter] = reply.slice(i, i + CONNECTION_VALUES) as [
      number,
      string,
      string,
      number,
      number,
      string,
      string,
      FilterArgument | undefined,
    ];
    found.push({
      id: idOf(number),
      companyId,
      userId,
      since,
      filter: filter ? filterOf(filter) : null,
      backlogBytes,
      position: position === '' ? null : position,
      address: address === '' ? null : address,
    });
  }
  return found;
}
