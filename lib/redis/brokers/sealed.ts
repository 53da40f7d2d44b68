/**
 * A broker that sees nothing of what actions and ephemeral events say: what goes to Redis is sealed by the app, and opened when it
 * comes back. In clear stay the company, the action's id, its place, and when it came.
 *
 * A text that does not open (another key, somebody else's) is passed on as it is: whoever reads it finds that it is no action, and counts it.
 */
import { Buffer } from 'node:buffer';
import { isUint8Array } from 'node:util/types';
import { describe, messageOf } from '../../internal/describe.js';
import { BrokerError, type Broker, type BrokerReply, type ChannelListener, type Script } from '../../internal/broker.js';
import { companyOfDoorbell, FORMAT } from '../keys.js';
import { PUBLISH_STORED, PUBLISH_RUNG } from '../scripts/publish.js';
import { READ_FIXED, READ_GROUP, READ_BYTES } from '../scripts/read.js';
import { readRung } from '../stored.js';

export interface Seal {
  /** Called with an action's bytes before they leave this process. */
  encrypt(bytes: Uint8Array, companyId: string): Uint8Array;
  /** The reverse. Throws for what `encrypt` never made. */
  decrypt(bytes: Uint8Array, companyId: string): Uint8Array;
}

/** `<format>s`, before a whole message that is sealed. */
const SEALED = Buffer.from(`${String(FORMAT)}s\n`);

type Argument = string | number | Buffer;

/** Closes with `broker`. */
export class SealedBroker implements Broker {
  readonly #broker: Broker;
  readonly #seal: Seal;
  readonly #prefix: string;
  readonly #publish: Script;
  readonly #read: Script;

  constructor(broker: Broker, seal: Seal, { prefix, publish, read }: { prefix: string; publish: Script; read: Script }) {
    this.#broker = broker;
    this.#seal = seal;
    this.#prefix = prefix;
    this.#publish = publish;
    this.#read = read;
  }

  get kind(): Broker['kind'] {
    return this.#broker.kind;
  }

  get ring(): Broker['ring'] {
    return this.#broker.ring;
  }

  get url(): string {
    return this.#broker.url;
  }

  get state(): Broker['state'] {
    return this.#broker.state;
  }

  async eval(script: Script, keys: readonly string[], args: readonly Argument[]): Promise<BrokerReply> {
    const companyId = companyOfHead(this.#prefix, keys[0]);
    if (companyId === undefined) return this.#broker.eval(script, keys, args);
    if (script === this.#publish) {
      const sealed = args.map((arg, i) => (i === PUBLISH_STORED || i === PUBLISH_RUNG ? this.#close(arg, companyId) : arg));
      return this.#broker.eval(script, keys, sealed);
    }
    const reply = await this.#broker.eval(script, keys, args);
    if (script !== this.#read || !Array.isArray(reply)) return reply;
    return (reply as readonly BrokerReply[]).map((part, i) =>
      i >= READ_FIXED && (i - READ_FIXED) % READ_GROUP === READ_BYTES && Buffer.isBuffer(part) ? this.#open(part, companyId) : part,
    );
  }

  async command(args: readonly Argument[]): Promise<BrokerReply> {
    const [word, channel, payload] = args;
    const companyId = /^S?PUBLISH$/.test(String(word)) ? companyOfDoorbell(this.#prefix, String(channel)) : undefined;
    if (companyId === undefined || payload === undefined) return this.#broker.command(args);
    const sealed = this.#close(Buffer.from(payload as Buffer | string), companyId);
    return this.#broker.command([word as string, channel as string, Buffer.concat([SEALED, sealed as Buffer])]);
  }

  subscribe(channel: string, listener: ChannelListener): () => void {
    const companyId = companyOfDoorbell(this.#prefix, channel);
    if (companyId === undefined) return this.#broker.subscribe(channel, listener);
    return this.#broker.subscribe(channel, {
      subscribed: () => listener.subscribed(),
      message: (payload) => listener.message(this.#opened(payload, companyId)),
    });
  }

  onState(listener: (state: Broker['state']) => void): () => void {
    return this.#broker.onState(listener);
  }

  resubscribe(): void {
    this.#broker.resubscribe();
  }

  close(): Promise<void> {
    return this.#broker.close();
  }

  /** The message of a company's channel with what is sealed in it opened. */
  #opened(payload: Buffer, companyId: string): Buffer {
    if (payload.subarray(0, SEALED.length).equals(SEALED)) return this.#open(payload.subarray(SEALED.length), companyId);
    const rung = readRung(payload);
    if (rung.kind !== 'action') return payload;
    const start = payload.length - rung.bytes.length;
    return Buffer.concat([payload.subarray(0, start), this.#open(rung.bytes, companyId)]);
  }

  /** An empty argument says that there is none. */
  #close(value: Argument, companyId: string): Argument {
    if (value === '' || typeof value === 'number') return value;
    let sealed: unknown;
    try {
      sealed = this.#seal.encrypt(ownBytes(value), companyId);
    } catch (thrown) {
      throw new BrokerError('refused', `SEALFAILED seal.encrypt threw: ${messageOf(thrown)}`);
    }
    if (isUint8Array(sealed) && sealed.byteLength > 0) return Buffer.from(sealed);
    throw new BrokerError('refused', `SEALFAILED seal.encrypt must return a Uint8Array with bytes in it, got ${describe(sealed)}`);
  }

  #open(bytes: Buffer, companyId: string): Buffer {
    try {
      const opened: unknown = this.#seal.decrypt(ownBytes(bytes), companyId);
      return isUint8Array(opened) ? Buffer.from(opened) : bytes;
    } catch {
      return bytes;
    }
  }
}

/** A copy with memory of its own: the app may take its `buffer`, and a small Buffer's is a pool with texts of others in it. */
function ownBytes(bytes: string | Buffer): Uint8Array {
  return new Uint8Array(Buffer.from(bytes as Buffer));
}

/** The company of a head's key. */
function companyOfHead(prefix: string, key: string | undefined): string | undefined {
  return key?.endsWith(':head') ? companyOfDoorbell(prefix, `${key.slice(0, -':head'.length)}:bell`) : undefined;
}
