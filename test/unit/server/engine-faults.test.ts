/** An engine that fails must not lock users out: sync is an addition to the app, not a gate before it. */
import { createHub, type HubFailure } from '../../../lib/index.js';
import { createJsEngine } from '../../../lib/jsengine/index.js';
import { DEFAULTS } from '../../support/engine-options.js';

afterEach(() => jest.restoreAllMocks());

/** The methods that all engines of this kind share. */
async function prototypeOfEngines(): Promise<ReturnType<typeof createJsEngine>> {
  const engine = createJsEngine(DEFAULTS, () => undefined);
  await engine.close();
  return Object.getPrototypeOf(engine) as ReturnType<typeof createJsEngine>;
}

test('acquire() gives a guard where the engine cannot count, and the failure is told', async () => {
  const hub = createHub({ engine: 'js', limits: { perUser: 1 } });
  const failures: HubFailure[] = [];
  hub.on('error', (failure) => void failures.push(failure));
  const broken = new Error('the engine is broken');
  jest.spyOn(await prototypeOfEngines(), 'acquire').mockRejectedValueOnce(broken);
  const guard = await hub.acquire({ companyId: 'acme', userId: 'ann' });
  await guard.release();
  await new Promise(setImmediate);
  expect(failures).toHaveLength(1);
  expect(String(failures[0]!.error.cause ?? failures[0]!.error)).toContain('the engine is broken');
  // The next one counts again, and the guard that never counted gives nothing back.
  await hub.acquire({ companyId: 'acme', userId: 'ann' });
  expect(hub.metrics().leases).toBe(1);
  await expect(hub.acquire({ companyId: 'acme', userId: 'ann' })).rejects.toMatchObject({ code: 'USER_LIMIT' });
  await hub.close();
});
