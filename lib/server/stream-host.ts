import type { Engine } from '../internal/engine.js';
import type { Held } from '../internal/held.js';
import type { EarlyEnd } from './early-end.js';
import type { Servers } from './hand-over/servers.js';
import type { PathBinding } from './paths/binding.js';
import type { SeatedEngine } from './seated/seated-engine.js';
import type { Codec } from './transformer.js';

/** What a stream needs of its hub. */
export interface StreamHost {
  engine: Engine;
  codec: Codec;
  /** Asks for the seat of a stream that is to get a socket; absent where the engine counts by itself. */
  seating: Pick<SeatedEngine, 'seatOf' | 'ask' | 'abandon'> | undefined;
  /** The bound one. */
  router: () => PathBinding | undefined;
  isClosed: () => boolean;
  now: () => number;
  /** ms after which a peer that acknowledges nothing has vanished. */
  silenceMs: number;
  warn: (message: string) => void;
  report: (error: unknown) => void;
  taken: () => void;
  servers: Servers;
  /** What `disconnect` must find, and the engine does not know yet. */
  waiting: Held<EarlyEnd>;
}
