/** Which engine runs a hub. */
import { PathcastError } from '../protocol/error.js';
import { messageOf } from '../internal/describe.js';
import type { Engine, EngineNotice } from '../internal/engine.js';
import type { PathTableFactory } from '../internal/path-table.js';
import { createJsEngine, createJsPathTable } from '../jsengine/index.js';
import { createNativeEngine, createNativePathTable } from '../native/index.js';
import { makeBroker, nativeUrl } from './redis-options.js';
import type { Settings } from './validate-options.js';

const WARNED = Symbol.for('pathcast.warned-no-native');

export interface EngineHost {
  readonly notify: (notice: EngineNotice) => void;
  /** See `BrokerLogOptions`. */
  readonly revocations: () => Promise<void>;
}

/** `native` throws NO_NATIVE where the binary does not load or cannot start; `auto` then runs the JS engine, with one warning a process. */
export function selectEngine(settings: Settings, { notify, revocations }: EngineHost): Engine {
  const { redis } = settings;
  // Where nodes share a broker, seats are counted over all of them (`seated/`), before an engine hears of a stream.
  const engineOptions = redis ? { ...settings.engineOptions, maxPerUser: 0, maxPerCompany: 0 } : settings.engineOptions;
  const broker = redis && nativeUrl(redis) === undefined ? makeBroker(redis) : undefined;
  const createJs = (): Engine =>
    createJsEngine({ ...engineOptions, ...(redis && { broker: { ...redis.log, revocations, broker: broker ?? makeBroker(redis) } }) }, notify);
  if (settings.engine === 'js') return createJs();
  try {
    const url = redis && nativeUrl(redis);
    const options = { ...engineOptions, ...(redis && { broker: { ...redis.log, revocations, ...(url === undefined ? broker && { broker } : { url }) } }) };
    const engine = createNativeEngine(options, notify);
    if (!redis || engine.broker) return engine;
    void engine.close();
    throw new Error('it has no link to Redis');
  } catch (thrown) {
    const why = messageOf(thrown);
    if (settings.engine === 'native') {
      void broker?.close();
      throw new PathcastError('NO_NATIVE', `the native engine could not be started: ${why}`, { cause: thrown });
    }
    warnOnce(why);
    return createJs();
  }
}

/** The path table of the same half as the engine. */
export function pathTableOf(engine: Engine): PathTableFactory {
  return engine.kind === 'native' ? createNativePathTable : createJsPathTable;
}

function warnOnce(why: string): void {
  const shared = globalThis as Record<symbol, unknown>;
  if (shared[WARNED] === true) return;
  shared[WARNED] = true;
  process.emitWarning(`pathcast runs on its JavaScript engine, because the native one could not be started: ${why}`, {
    type: 'PathcastWarning',
    code: 'PATHCAST_NO_NATIVE',
  });
}
