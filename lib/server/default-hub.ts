/**
 * The default hub behind the module-level functions: one a process, also where an ESM and a CommonJS copy of the
 * package meet, hence on globalThis. It starts at its first use.
 */
import { PathcastError } from '../protocol/error.js';
import { createHub, type Hub } from './hub.js';
import type { HubOptions } from './options.js';

const SLOT = Symbol.for('pathcast.hub');
const shared = globalThis as { [SLOT]?: Hub };

/**
 * Sets the default hub's options. Call it before the first broadcast or stream, once. Throws PathcastError
 * INVALID_OPTION where the options are bad or the default hub is running already.
 */
export function configure<const M extends string = string>(options: HubOptions<M>): Hub<M> {
  const running = shared[SLOT];
  if (running && !running.closed) {
    throw new PathcastError(
      'INVALID_OPTION',
      'the default hub is running already; call configure() before its first use, or close it first',
    );
  }
  const hub = createHub(options);
  shared[SLOT] = hub as unknown as Hub;
  return hub;
}

/** For a server that starts: the default hub, a new one in the place of one that an earlier server has closed. */
export function freshDefaultHub(): Hub {
  if (shared[SLOT]?.closed) delete shared[SLOT];
  return defaultHub();
}

/** The default hub; made with default options if there is none yet. A closed one stays closed. */
export function defaultHub(): Hub {
  return (shared[SLOT] ??= createHub());
}
