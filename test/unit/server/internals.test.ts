/** A hub shows what it is for an app, and nothing that only the other rooms of the library use. */
import { inspect } from 'node:util';
import { createHub, type Hub } from '../../../lib/index.js';
import { isHub } from '../../../lib/server/hub.js';
import { internalsOf } from '../../../lib/server/internals.js';

type Public =
  | 'engine' | 'id' | 'closed' | 'startedAt'
  | 'broadcast' | 'broadcastSync' | 'broadcastMany' | 'ephemeral'
  | 'bindRouter' | 'cached' | 'pathUsage'
  | 'stream' | 'serve' | 'handler'
  | 'acquire' | 'connections' | 'disconnect' | 'drain' | 'endStreams' | 'close'
  | 'ready' | 'health' | 'presence' | 'rateLimit' | 'nodes' | 'forget'
  | 'readLog' | 'position' | 'metrics' | 'on'
  | typeof Symbol.asyncDispose;
type Equal<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;
/** For the compiler: one more name, or one less, and the tests' types do not fit. */
const shown: Equal<keyof Hub, Public> = true;

test('what a hub shows, to the compiler and to a console', async () => {
  await using hub = createHub({ engine: 'js' });
  expect(shown).toBe(true);
  const names = [...Object.keys(hub), ...Object.getOwnPropertyNames(Object.getPrototypeOf(hub))];
  const ours = ['paths', 'codec', 'modules', 'warn', 'report', 'observe', 'readable', 'prepareRouter', 'onDisconnect', 'logUnheard', 'companies', 'settle', 'workerStates', 'endStreamsOf', 'resyncPaths', 'moment', 'positionAt', 'attend', 'transactions'];
  expect(names.filter((name) => ours.includes(name))).toEqual([]);
  expect(inspect(hub)).not.toContain('pathcast.hub.internals');
  expect(Object.keys(internalsOf(hub)).sort()).toEqual(ours.sort());
});

test('a hub is told by what stands behind the symbol, not by names that others may have as well', async () => {
  await using hub = createHub({ engine: 'js' });
  expect(isHub(hub)).toBe(true);
  const alike = { serve: () => undefined, drain: () => undefined, broadcast: () => undefined };
  for (const other of [alike, {}, null, undefined, 'hub', () => undefined]) expect(isHub(other)).toBe(false);
});
