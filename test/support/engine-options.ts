import type { EngineOptions, StreamSpec } from '../../lib/internal/engine.js';

/** The facade's defaults, but for a heartbeat that comes rarely, and no limits. */
export const DEFAULTS: EngineOptions = {
  hubId: 'hub',
  maxPerUser: 0,
  maxPerCompany: 0,
  limitPolicy: 'reject',
  logActions: 1_000,
  logTtlMs: 86_400_000,
  logBytes: 16 * 1024 * 1024,
  logTotalBytes: 1024 ** 3,
  heartbeatMs: 3_600_000,
  connectionCapBytes: 65_536,
  slowTimeoutMs: 90_000,
  lifetimeMs: 0,
  compactAfter: 100,
  maxInvalidateBytes: 8 * 1024,
  retryMs: 2_000,
  spreadFreeStreams: 20,
  spreadPerStreamMs: 5,
  spreadMaxMs: 5_000,
  maxCompanies: 100_000,
  transformWrap: ['{"json":', '}'],
};

export const SPEC_DEFAULTS: StreamSpec = {
  companyId: 'acme',
  userId: 'u1',
  dialect: 'plain',
  ids: true,
  transformed: false,
  httpHead: '',
};
