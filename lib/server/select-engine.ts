/** Which engine runs a hub. */
import { PathcastError } from '../protocol/error.js';
import { messageOf } from '../internal/describe.js';
import type { Engine, EngineNotice } from '../internal/engine.js';
import type { PathTableFactory } from '../internal/path-table.js';
import { createJsEngine, createJsPathTable } from '../jsengine/index.js';
import { createNativeEngine, createNativePathTable } from '../native/index.js';
import type { Settings } from './validate-options.js';

const WARNED = Symbol.for('pathcast.warned-no-native');

/** `native` throws NO_NATIVE where the binary does not load or cannot start; `auto` then runs the JS engine, with one warning a process. */
export function selectEngine(settings: Settings, notify: (notice: EngineNotice) => void): Engine {
  if (settings.engine === 'js') return createJsEngine(settings.engineOptions, notify);
  try {
    return createNativeEngine(settings.engineOptions, notify);
  } catch (thrown) {
    const why = messageOf(thrown);
    if (settings.engine === 'native') {
      throw new PathcastError('NO_NATIVE', `the native engine could not be started: ${why}`, { cause: thrown });
    }
    warnOnce(why);
    return createJsEngine(settings.engineOptions, notify);
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
