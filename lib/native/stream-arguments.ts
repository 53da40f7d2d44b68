/** A stream's specification as the addon takes it. */
import type { EngineFilter, StreamSpec } from '../internal/engine.js';
import type { FilterArgument, StreamArguments } from './binding.js';

const FRAMINGS = { raw: 0, chunked: 16, records: 32 } as const;

export function streamArguments(spec: StreamSpec, framing: keyof typeof FRAMINGS): StreamArguments {
  const flags =
    (spec.dialect === 'trpc' ? 1 : 0) |
    (spec.ids ? 2 : 0) |
    (spec.transformed ? 4 : 0) |
    (spec.uncounted ? 8 : 0) |
    FRAMINGS[framing];
  return [
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
    spec.filter ? filterArgument(spec.filter) : undefined,
  ];
}

function filterArgument(filter: EngineFilter): FilterArgument {
  const { clientIds, modules, entities, queryPaths, excludeSourceId, excludeUserId } = filter;
  return [clientIds, modules, entities, queryPaths, excludeSourceId, excludeUserId];
}
