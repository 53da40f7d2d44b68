/** Every byte of a stream (SPEC §3). A message is whole: it ends with its empty line. */
import type { EncodedEphemeral, EngineOptions, StreamSpec } from '../internal/engine.js';
import type { CloseReason, HelloEvent, Reason } from '../protocol/events.js';
import type { LogEntry } from './action-log.js';
import type { PathUnion } from './path-union.js';

/** What tells the bytes of one stream from those of another with the same filter; a number in 0 … 7. */
export type Variant = number;
export const VARIANTS = 8;
const IDS = 1;
const TRANSFORMED = 2;
const TRPC = 4;

export function variantOf(spec: Pick<StreamSpec, 'dialect' | 'ids' | 'transformed'>): Variant {
  return (spec.ids ? IDS : 0) | (spec.transformed ? TRANSFORMED : 0) | (spec.dialect === 'trpc' ? TRPC : 0);
}

/** One SSE message and what is needed to account for it, or to conflate it later. Shared between streams. */
export interface Message {
  readonly bytes: Buffer;
  /** Where the stream is once this is written; its id. */
  readonly seq: number;
  /** Set on an action. */
  readonly entry?: LogEntry;
  /** Set on an `invalidate`. */
  readonly union?: PathUnion;
  /** It stands for a long catch-up or an import, not for a backlog. */
  readonly compaction?: true;
  /** Set on a `resync`. */
  readonly resync?: Reason;
  /** Of an ephemeral event: lost to a slow sink. */
  readonly ephemeral?: true;
}

export type Refusal =
  | { code: 'USER_LIMIT' | 'COMPANY_LIMIT'; limit: number; current: number }
  | { code: 'DRAINING'; limit: 0; current: 0 };

export interface Hello extends Omit<HelloEvent, 'type' | 'queryPaths'> {
  /** The SSE id: where it is safe to resume from if the stream is cut right after. */
  id: string;
}

export class Frames {
  private readonly prefix: string;
  private readonly suffix: string;
  private readonly connected: string;

  constructor({ transformWrap, heartbeatMs }: Pick<EngineOptions, 'transformWrap' | 'heartbeatMs'>) {
    [this.prefix, this.suffix] = transformWrap ?? ['', ''];
    this.connected = `event: connected\ndata: {"reconnectAfterInactivityMs":${Math.round(heartbeatMs * 2.5)}}\n\n`;
  }

  /** The first bytes of a stream. */
  opening(variant: Variant, httpHead: string, retryMs: number, hello: Hello): Buffer {
    const { timestamp, recovered, reason, cursor, epoch, serverTime, heartbeatMs, connectionId } = hello;
    const event = { type: 'hello', timestamp, queryPaths: [], recovered, reason, cursor, epoch, serverTime, heartbeatMs, connectionId };
    const connected = variant & TRPC ? this.connected : '';
    return Buffer.from(`${httpHead}retry: ${retryMs}\n${connected}${this.message(variant, hello.id, JSON.stringify(event))}`);
  }

  action(variant: Variant, epoch: string, entry: LogEntry): Message {
    const { seq, head, tail, transformed } = entry;
    const id = `${epoch}.${seq}`;
    const text =
      variant & TRANSFORMED && transformed
        ? raw(variant, id, `${transformed.head}${seq}${transformed.tail}`)
        : this.message(variant, id, `${head}${seq}${tail}`);
    return { bytes: Buffer.from(text), seq, entry };
  }

  invalidate(variant: Variant, epoch: string, union: PathUnion, now: number): Message {
    return { bytes: Buffer.from(this.message(variant, `${epoch}.${union.to}`, union.toJson(now))), seq: union.to, union };
  }

  resync(variant: Variant, epoch: string, seq: number, reason: Reason, paths: readonly string[], now: number): Message {
    const event = { type: 'resync', timestamp: now, queryPaths: paths, reason };
    return { bytes: Buffer.from(this.message(variant, `${epoch}.${seq}`, JSON.stringify(event))), seq, resync: reason };
  }

  /** The id repeats where the stream is: a tRPC client's ids stick, one without would look like another kind of event. */
  ephemeral(variant: Variant, epoch: string, seq: number, event: EncodedEphemeral): Message {
    const idVariant = variant & TRPC ? variant : variant & ~IDS;
    const ready = variant & TRANSFORMED ? event.transformedJson : undefined;
    const text = ready === undefined ? this.message(idVariant, `${epoch}.${seq}`, event.json) : raw(idVariant, `${epoch}.${seq}`, ready);
    return { bytes: Buffer.from(text), seq, ephemeral: true };
  }

  ping(variant: Variant, id: string): Buffer {
    return Buffer.from(`event: ping\n${idLine(variant, id)}data:\n\n`);
  }

  close(variant: Variant, id: string, reason: CloseReason, retryMs: number): Buffer {
    return Buffer.from(`${closeHead(retryMs)}${idLine(variant, id)}${closeData(reason, retryMs)}`);
  }

  /** All that a refused stream gets. */
  refusal(spec: Pick<StreamSpec, 'dialect' | 'ids' | 'transformed' | 'httpHead' | 'trpcPath'>, refusal: Refusal, retryMs: number): Buffer {
    const { httpHead } = spec;
    if (spec.dialect === 'plain') {
      const reason = refusal.code === 'DRAINING' ? 'drain' : 'limit';
      return Buffer.from(`${httpHead}${closeHead(retryMs)}${closeData(reason, retryMs)}`);
    }
    const shape = JSON.stringify(trpcError(refusal, spec.trpcPath));
    const data = spec.transformed ? `${this.prefix}${shape}${this.suffix}` : shape;
    return Buffer.from(`${httpHead}retry: ${retryMs}\n${this.connected}event: serialized-error\ndata: ${data}\n\n`);
  }

  /** A message without `event:`, its payload through the transformer where the stream has one. */
  private message(variant: Variant, id: string, json: string): string {
    return raw(variant, id, variant & TRANSFORMED ? `${this.prefix}${json}${this.suffix}` : json);
  }
}

function raw(variant: Variant, id: string, data: string): string {
  return `${idLine(variant, id)}data: ${data}\n\n`;
}

function idLine(variant: Variant, id: string): string {
  return variant & IDS ? `id: ${id}\n` : '';
}

function closeHead(retryMs: number): string {
  return `retry: ${retryMs}\nevent: server_close\n`;
}

function closeData(reason: CloseReason, retryMs: number): string {
  return `data: {"reason":"${reason}","retryMs":${retryMs}}\n\n`;
}

/** tRPC's own error shape: -32029 is final to a client, -32603 means "come back". */
function trpcError(refusal: Refusal, path: string | undefined): object {
  const pathPart = path === undefined ? {} : { path };
  if (refusal.code === 'DRAINING') {
    const data = { code: 'SERVICE_UNAVAILABLE', httpStatus: 503, ...pathPart };
    return { message: 'The server is draining; reconnect', code: -32603, data };
  }
  const whose = refusal.code === 'USER_LIMIT' ? 'user' : 'company';
  const message = `Too many connections for this ${whose}: ${refusal.current} of ${refusal.limit}`;
  return { message, code: -32029, data: { code: 'TOO_MANY_REQUESTS', httpStatus: 429, ...pathPart } };
}

/** Bytes to write in one go, and what is in them. */
export interface Chunk {
  readonly bytes: Buffer;
  /** The messages in it: `messages[start … end - 1]` of the list it was packed from. */
  readonly start: number;
  readonly end: number;
  /** Actions in it. */
  readonly actions: number;
  /** It holds a `resync` or a compaction, which are counted one by one. */
  readonly special: boolean;
}

/** Packs messages into chunks of at most `maxBytes`, or one message where that alone is longer. */
export function pack(messages: readonly Message[], maxBytes: number): Chunk[] {
  const chunks: Chunk[] = [];
  for (let start = 0; start < messages.length; ) {
    let end = start;
    let bytes = 0;
    let actions = 0;
    let special = false;
    for (let next = messages[end]; next && (end === start || bytes + next.bytes.length <= maxBytes); next = messages[++end]) {
      bytes += next.bytes.length;
      if (next.entry) actions++;
      if (next.resync || next.compaction) special = true;
    }
    const parts = messages.slice(start, end).map((message) => message.bytes);
    const [only] = parts;
    chunks.push({ bytes: only && parts.length === 1 ? only : Buffer.concat(parts, bytes), start, end, actions, special });
    start = end;
  }
  return chunks;
}
