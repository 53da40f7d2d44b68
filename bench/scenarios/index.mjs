/** All scenarios, in the order of a full run. */
import { burst } from './burst.mjs';
import { catchUp } from './catch-up.mjs';
import { cdc } from './cdc.mjs';
import { connect } from './connect.mjs';
import { fanout, fanout2000 } from './fanout.mjs';
import { fence } from './fence.mjs';
import { latency } from './latency.mjs';
import { loopDelay } from './loop-delay.mjs';
import { memory } from './memory.mjs';
import { neighbours } from './neighbours.mjs';
import { offline } from './offline.mjs';
import { paths } from './paths.mjs';
import { reconnectStorm } from './reconnect-storm.mjs';
import { refetch } from './refetch.mjs';
import { redisScenarios } from './redis.mjs';
import { slowReaders } from './slow-readers.mjs';
import { types } from './types.mjs';

/**
 * A scenario: `trial(subject, parameters)` gives figures by metric; `metrics` names their units. `ratios` are made
 * of the trials of one round, which ran side by side; `targets` are what pathcast promises. `finish`: what a run prints
 * besides.
 */
export const SCENARIOS = [fanout, burst, fanout2000, loopDelay, memory, connect, reconnectStorm, slowReaders, catchUp, latency, neighbours, refetch, fence, paths, types, cdc, offline, ...redisScenarios];

/** Several by one name. */
export const GROUPS = { redis: redisScenarios.map(({ name }) => name) };
