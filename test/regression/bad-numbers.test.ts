/**
 * A number that is finite but no time (`expiresAt` from 9.2e18 on) passed the facade and broke in the native engine, after
 * the response head had gone out: the response hung without a stream, a seat or an end; the JavaScript engine took it.
 * NaN reached `readLog`. Each number that an app hands over is refused where it enters, with its field and what is
 * allowed, before anything is written and alike for both engines.
 */
import { createHub, type HubOptions } from '../../lib/index.js';
import { internalsOf } from '../../lib/server/internals.js';
import { ENGINES } from '../support/engines.js';

const NO_TIMES = [NaN, Infinity, -Infinity, -1, 8.64e15 + 2, 9.2e18, 2 ** 63, 1e300];
const NO_COUNTS = [...NO_TIMES, 1.5, '1', null, 2 ** 53];

describe.each(ENGINES)('numbers that mean nothing, engine %s', (engine) => {
  const hub = createHub({ engine });
  afterAll(() => hub.close());

  it.each(NO_TIMES)('no stream opens with expiresAt %p, nor with a Date of it', (expiresAt) => {
    const names = { code: 'INVALID_FIELD', message: expect.stringContaining('expiresAt must be a Date or a Unix time') };
    const open = (value: number | Date): unknown => internalsOf(hub).readable({ companyId: 'acme', userId: 'u', expiresAt: value }, { url: '/', lastEventId: null });
    expect(() => open(expiresAt)).toThrow(expect.objectContaining(names));
    // A Date of what is no time is an invalid one, whose time is NaN; -1 is a time before 1970, refused too.
    expect(() => open(new Date(expiresAt))).toThrow(expect.objectContaining(names));
    expect(hub.metrics().opened).toBe(0);
  });

  it.each(NO_TIMES)('the log is not read from %p on', async (sinceMs) => {
    await expect(hub.readLog('acme', sinceMs)).rejects.toMatchObject({ code: 'INVALID_FIELD', message: expect.stringContaining('sinceMs') });
  });

  it.each([NaN, Infinity, -1, 3_600_001, '10' as never])('no drain takes %p', async (overMs) => {
    await expect(hub.drain({ overMs })).rejects.toMatchObject({ code: 'INVALID_OPTION', message: expect.stringContaining('overMs') });
    await expect(hub.acquire({ companyId: 'acme', userId: 'u' })).resolves.toBeDefined();
  });
});

describe('options of a hub', () => {
  const places: [string, (value: never) => HubOptions][] = [
    ['limits.perUser', (perUser) => ({ limits: { perUser } })],
    ['limits.perCompany', (perCompany) => ({ limits: { perCompany } })],
    ['log.maxActions', (maxActions) => ({ log: { maxActions } })],
    ['log.ttlMs', (ttlMs) => ({ log: { ttlMs } })],
    ['log.maxBytes', (maxBytes) => ({ log: { maxBytes } })],
    ['log.compactAfter', (compactAfter) => ({ log: { compactAfter } })],
    ['heartbeatMs', (heartbeatMs) => ({ heartbeatMs })],
    ['connectionCapBytes', (connectionCapBytes) => ({ connectionCapBytes })],
    ['slowTimeoutMs', (slowTimeoutMs) => ({ slowTimeoutMs })],
    ['lifetimeMs', (lifetimeMs) => ({ lifetimeMs })],
    ['retryMs', (retryMs) => ({ retryMs })],
    ['maxCompanies', (maxCompanies) => ({ maxCompanies })],
    ['drainMs', (drainMs) => ({ drainMs })],
  ];
  it.each(places)('%s is a whole number within its bounds', (name, options) => {
    for (const value of NO_COUNTS) {
      expect(() => createHub({ engine: 'js', ...options(value as never) })).toThrow(
        expect.objectContaining({ code: 'INVALID_OPTION', message: expect.stringContaining(`${name} must be a whole number`) }),
      );
    }
  });
});
