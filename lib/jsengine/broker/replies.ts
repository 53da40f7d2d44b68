/** What the scripts of the log answer (`lib/redis/scripts`). */
import type { BrokerReply } from '../../internal/broker.js';
import { READ_BYTES, READ_FIXED, READ_GROUP } from '../../redis/scripts/read.js';
import { textOf } from '../../redis/stored.js';
import type { FormerName } from '../action-log.js';

/** Why an epoch began (SPEC §13); '' where none did. */
export type Why = '' | 'new' | 'lost' | 'rewound' | 'unvouched' | 'vouched';

interface Place {
  readonly epoch: string;
  readonly seq: number;
  readonly at: number;
  readonly why: Why;
  readonly run: string;
}

type Refusal = { readonly status: 'UNVOUCHED' } | { readonly status: 'FORMAT'; readonly newer: string };

export type PublishReply =
  | ({ readonly status: 'OK' | 'DUPLICATE'; readonly former: readonly FormerName[] } & Place)
  /** `AGAIN`: it is to say its age. */
  | { readonly status: 'EARLY' }
  | { readonly status: 'AGAIN' }
  | { readonly status: 'FORGOTTEN' }
  | Refusal;

export interface ReadEntry {
  readonly seq: number;
  readonly at: number;
  readonly id: string;
  readonly bytes: Buffer;
}

export type ReadReply =
  | ({ readonly status: 'OK'; readonly born: number; readonly lost: number; readonly former: readonly FormerName[]; readonly entries: readonly ReadEntry[] } & Place)
  | Refusal;

/** Throws for what no script of ours answers. */
export function publishReply(reply: BrokerReply): PublishReply {
  const [status, epoch, seq, at, why, former, run] = textsOf(reply);
  if (status === 'OK' || status === 'DUPLICATE') return { status, ...place(epoch, seq, at, why, run), former: formerNames(former ?? '') };
  if (status === 'EARLY') return { status };
  if (status === 'FORGOTTEN') return { status: epoch === 'again' ? 'AGAIN' : status };
  return refusal(status, epoch);
}

/** Throws for what no script of ours answers. */
export function readReply(reply: BrokerReply): ReadReply {
  const parts = Array.isArray(reply) ? (reply as readonly BrokerReply[]) : [];
  const [status, epoch, seq, at, why, born, lost, former, run] = textsOf(parts.slice(0, READ_FIXED));
  if (status !== 'OK') return refusal(status, epoch);
  const entries: ReadEntry[] = [];
  for (let i = READ_FIXED; i + READ_GROUP <= parts.length; i += READ_GROUP) {
    const bytes = parts[i + READ_BYTES];
    entries.push({
      seq: numberOf(textOf(parts[i])),
      at: numberOf(textOf(parts[i + 1])),
      id: textOf(parts[i + 2]),
      bytes: Buffer.isBuffer(bytes) ? bytes : Buffer.alloc(0),
    });
  }
  return { status, ...place(epoch, seq, at, why, run), born: numberOf(born), lost: numberOf(lost), former: formerNames(former ?? ''), entries };
}

function place(epoch = '', seq = '', at = '', why = '', run = ''): Place {
  return { epoch, seq: numberOf(seq), at: numberOf(at), why: why as Why, run };
}

function refusal(status = '', detail = ''): Refusal {
  if (status === 'UNVOUCHED') return { status };
  if (status === 'FORMAT') return { status, newer: detail };
  throw new Error(`a script answered ${JSON.stringify(status.slice(0, 40))}`);
}

function formerNames(text: string): FormerName[] {
  return text
    .split(' ')
    .filter((name) => name !== '')
    .map((name) => {
      const dot = name.indexOf('.');
      return { epoch: name.slice(0, dot), last: numberOf(name.slice(dot + 1)) };
    });
}

function textsOf(reply: BrokerReply): string[] {
  return Array.isArray(reply) ? (reply as readonly BrokerReply[]).map(textOf) : [];
}

function numberOf(text = ''): number {
  const value = Number(text);
  if (text === '' || !Number.isSafeInteger(value)) throw new Error(`a script answered ${JSON.stringify(text.slice(0, 40))} where a number belongs`);
  return value;
}
