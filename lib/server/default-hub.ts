/**
 * The default hub behind the module-level functions: one a process, also where an ESM and a CommonJS copy of the
 * package meet, hence on globalThis. It starts at its first use. What `configure` said outlives a closed hub: the next
 * server of the process gets a hub of the same options.
 */
import { isDeepStrictEqual } from 'node:util';
import { PathcastError } from '../protocol/error.js';
import { createHub, type Hub } from './hub.js';
import type { HubOptions } from './options.js';
import { validateOptions } from './validate-options.js';

const SLOT = Symbol.for('pathcast.hub');
const OPTIONS = Symbol.for('pathcast.hub.options');
const shared = globalThis as { [SLOT]?: Hub; [OPTIONS]?: HubOptions };

/**
 * Sets the default hub's options. Call it before the first broadcast or stream. The same call again, with equal options, is
 * no error and gives the hub that runs: bundlers and reloads evaluate a module twice. Throws PathcastError INVALID_OPTION
 * where the options are bad, or where the default hub runs already with others.
 */
export function configure<const M extends string = string>(options: HubOptions<M> = {}): Hub<M> {
  const running = shared[SLOT];
  if (running && !running.closed) {
    // What is wrong is said first; null and nothing are the defaults, as for createHub().
    validateOptions(options, running.id);
    if (sameOptions(shared[OPTIONS] ?? {}, options ?? {})) return running;
    throw new PathcastError(
      'INVALID_OPTION',
      'the default hub is running already with other options; call configure() before its first use, or close it first',
    );
  }
  const hub = createHub(options);
  shared[SLOT] = hub as unknown as Hub;
  shared[OPTIONS] = { ...options };
  return hub;
}

/** For a server that starts: the default hub, a new one in the place of one that an earlier server has closed. */
export function freshDefaultHub(): Hub {
  if (shared[SLOT]?.closed) delete shared[SLOT];
  return defaultHub();
}

/** The default hub; made with the options of the last `configure`, else with the defaults, if there is none yet. A closed one stays closed. */
export function defaultHub(): Hub {
  return (shared[SLOT] ??= createHub(shared[OPTIONS]));
}

/** Another copy of a module has other copies of its functions (transformer, logger, the check of `reauthorize`): that there is one is all that is compared. */
function sameOptions(one: HubOptions, other: HubOptions): boolean {
  return isDeepStrictEqual(comparable(one), comparable(other));
}

function comparable(options: object, under = ''): Record<string, unknown> {
  const set = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(
    set.map(([name, value]: [string, unknown]) => {
      if (COPIED.has(under + name)) return [name, true];
      // It may be a client, which is no group of options.
      if (under + name === 'redis') return [name, value];
      const isGroup = typeof value === 'object' && value !== null && !Array.isArray(value);
      return [name, isGroup ? comparable(value, `${name}.`) : value];
    }),
  );
}

const COPIED: ReadonlySet<string> = new Set(['transformer', 'logger', 'reauthorize.check']);
