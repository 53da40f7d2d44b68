/** Scripts by their SHA. */
import { createHash } from 'node:crypto';
import { BrokerError, type BrokerReply, type Script } from '../../internal/broker.js';

type Argument = string | number | Buffer;
export type SendCommand = (args: readonly Argument[]) => Promise<BrokerReply>;

interface Known {
  readonly sha: string;
  /** Calls by SHA that are not answered. */
  open: number;
  /** One of them found no script: those that follow wait until all are answered, so that none overtakes another. */
  held: (() => void)[] | undefined;
}

export class Scripts {
  readonly #known = new WeakMap<Script, Known>();

  constructor(private readonly send: SendCommand) {}

  async run(script: Script, keys: readonly string[], args: readonly Argument[]): Promise<BrokerReply> {
    const known = this.#of(script);
    const held = known.held;
    if (held) await new Promise<void>((resolve) => held.push(resolve));
    known.open++;
    try {
      return await this.send(['EVALSHA', known.sha, keys.length, ...keys, ...args]);
    } catch (thrown) {
      if (!(thrown instanceof BrokerError) || !thrown.message.startsWith('NOSCRIPT')) throw thrown;
      known.held ??= [];
      // Carries it out, and makes it known.
      return await this.send(['EVAL', script.body, keys.length, ...keys, ...args]);
    } finally {
      if (--known.open === 0) {
        const waiting = known.held;
        known.held = undefined;
        for (const go of waiting ?? []) go();
      }
    }
  }

  #of(script: Script): Known {
    let known = this.#known.get(script);
    if (!known) {
      known = { sha: createHash('sha1').update(script.body).digest('hex'), open: 0, held: undefined };
      this.#known.set(script, known);
    }
    return known;
  }
}
