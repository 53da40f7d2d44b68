/** Hub options: defaults, bounds, and errors that say what is allowed. */
import { validateOptions } from '../../../lib/server/validate-options.js';

const messageOf = (options: unknown): string => {
  try {
    validateOptions(options, 'h');
  } catch (error) {
    expect(error).toMatchObject({ name: 'PathcastError', code: 'INVALID_OPTION', retryable: false });
    return (error as Error).message;
  }
  throw new Error('nothing was thrown');
};

test('defaults', () => {
  const { engine, modules, engineOptions } = validateOptions(undefined, 'h1');
  expect(engine).toBe('auto');
  expect(modules).toBeUndefined();
  expect(engineOptions).toEqual({
    hubId: 'h1',
    maxPerUser: 5,
    maxPerCompany: 50,
    limitPolicy: 'reject',
    logActions: 1_000,
    logTtlMs: 86_400_000,
    logBytes: 16 * 1024 * 1024,
    logTotalBytes: 1024 ** 3,
    compactAfter: 100,
    heartbeatMs: 15_000,
    connectionCapBytes: 65_536,
    slowTimeoutMs: 90_000,
    lifetimeMs: 4 * 3_600_000,
    retryMs: 2_000,
    spreadFreeStreams: 20,
    spreadPerStreamMs: 5,
    spreadMaxMs: 5_000,
    maxCompanies: 100_000,
    maxInvalidateBytes: 8_192,
    transformWrap: null,
  });
});

test('an option of undefined is the default', () => {
  expect(
    validateOptions({ heartbeatMs: undefined, log: undefined, limits: { perUser: undefined } }, 'h').engineOptions,
  ).toMatchObject({ heartbeatMs: 15_000, maxPerUser: 5 });
});

test.each<[unknown, RegExp]>([
  [{ heartbeat: 5 }, /^the hub has no option "heartbeat"; it has: engine, modules, limits,/],
  [{ limits: { peruser: 1 } }, /^limits has no option "peruser"; it has: perUser, perCompany, policy$/],
  [{ log: { max: 1 } }, /^log has no option "max"/],
  [{ engine: 'cpp' }, /^engine must be one of auto, native, js, got "cpp"$/],
  [{ limits: { policy: 'evict' } }, /^limits.policy must be one of reject, evict-oldest, got "evict"$/],
  [{ heartbeatMs: '15000' }, /^heartbeatMs must be a whole number from 10 to 86400000, got "15000"$/],
  [{ heartbeatMs: 1.5 }, /^heartbeatMs/],
  [{ heartbeatMs: NaN }, /^heartbeatMs/],
  [{ heartbeatMs: Infinity }, /^heartbeatMs/],
  [{ connectionCapBytes: 4_095 }, /^connectionCapBytes must be a whole number from 4096/],
  [{ limits: { perUser: -1 } }, /^limits.perUser must be a whole number from 0/],
  [{ limits: 5 }, /^limits must be an object, got 5$/],
  [{ limits: null }, /^limits must be an object, got null$/],
  [{ modules: 'guests' }, /^modules must be an array/],
  [{ modules: [] }, /^modules must be an array of at least one/],
  [{ modules: ['a', ''] }, /^modules\[1\] must not be empty$/],
  [{ transformer: {} }, /^transformer must have serialize/],
  ['native', /^options must be an object, got "native"$/],
])('%p', (options, message) => {
  expect(messageOf(options)).toMatch(message);
});
