/** What a failed command means for what waits. */
import { BrokerError } from '../../internal/broker.js';
import { messageOf } from '../../internal/describe.js';

/** Tried again: what was never sent, has no answer, or is refused for a while. Else it will always be refused. */
export interface Trouble {
  readonly kind: 'unsent' | 'lost' | 'refused' | 'final';
  /** Redis's own word, or what else is the matter. */
  readonly word: string;
  readonly message: string;
}

/** Words with which Redis refuses this very command, whenever it comes. Every other one may pass. */
const FINAL: ReadonlySet<string> = new Set(['WRONGTYPE', 'ERR', 'SEALFAILED', 'CROSSSLOT']);
/** Before 7.0 an error inside a script stands behind the script's own. */
const INSIDE = /^ERR Error running script .*?@user_script:\s*\d+:\s*-?([A-Z]+)\b/;

export function troubleOf(thrown: unknown): Trouble {
  const message = messageOf(thrown);
  if (!(thrown instanceof BrokerError)) return { kind: 'final', word: 'ERR', message };
  if (thrown.failure !== 'refused') return { kind: thrown.failure, word: thrown.failure, message };
  const word = INSIDE.exec(message)?.[1] ?? /^[A-Z]+/.exec(message)?.[0] ?? 'ERR';
  return { kind: FINAL.has(word) ? 'final' : 'refused', word, message };
}
