/** Every message of a stream (SPEC §3). */
import type { EncodedEphemeral, EngineOptions, SinkMessage, StreamSpec } from '../internal/engine.js';
import type { CloseReason, HelloEvent, Reason } from '../protocol/events.js';
import type { LogEntry } from './action-log.js';
import type { PathUnion } from './path-union.js';
import { join, render, sizeOf, type Framing, type Payload } from './payload.js';

/** What tells the bytes of one stream from those of another with the same filter; a number below `VARIANTS`. */
export type Variant = number;
export const VARIANTS = 24;
const IDS = 1;
const TRANSFORMED = 2;
const TRPC = 4;
const FRAMINGS: Record<Framing, number> = { raw: 0, chunked: 8, records: 16 };

export function variantOf(spec: Pick<StreamSpec, 'dialect' | 'ids' | 'transformed'>, framing: Framing): Variant {
  return (spec.ids ? IDS : 0) | (spec.transformed ? TRANSFORMED : 0) | (spec.dialect === 'trpc' ? TRPC : 0) | FRAMINGS[framing];
}

/** One message and what is needed to account for it, or to conflate it later. Shared between streams. */
export interface Message {
  readonly payload: Payload;
  readonly size: number;
  /** Where the stream is once this is written; its id. */
  readonly seq: number;
  /** Unix ms, of an action or what stands for actions: arrival of the first one. As long as this is not written, a resume from here loses nothing. */
  readonly safeMs?: number;
  /** Of a `resync` that stands for a stretch: arrival of the last action. */
  readonly lastMs?: number;
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
    this.connected = `{"reconnectAfterInactivityMs":${Math.round(heartbeatMs * 2.5)}}`;
  }

  /** The first of a stream. */
  opening(variant: Variant, httpHead: string, retryMs: number, hello: Hello): Payload {
    const { id, timestamp, recovered, reason, cursor, epoch, serverTime, heartbeatMs, connectionId } = hello;
    const event = { type: 'hello', timestamp, queryPaths: [], recovered, reason, cursor, epoch, serverTime, heartbeatMs, connectionId };
    const verdict = this.event(variant, id, JSON.stringify(event));
    const messages: SinkMessage[] =
      variant & TRPC ? [{ kind: 'connected', data: this.connected, retryMs }, verdict] : [{ ...verdict, retryMs }];
    return render(messages, framingOf(variant), { before: httpHead });
  }

  action(variant: Variant, epoch: string, entry: LogEntry): Message {
    const { seq, head, tail, spread, transformed } = entry;
    const id = `${epoch}.${seq}`;
    const message =
      variant & TRANSFORMED && transformed
        ? ready(variant, id, `${transformed.head}${seq}${spread}${transformed.tail}`)
        : this.event(variant, id, `${head}${seq}${spread}${tail}`);
    return { ...rendered(variant, message), seq, safeMs: entry.arrivedAt, entry };
  }

  /** `seq`: where the stream is once it has this; of actions that have no place yet, where it was before. */
  invalidate(variant: Variant, epoch: string, union: PathUnion, spread: number, seq = union.to): Message {
    const event = this.event(variant, `${epoch}.${seq}`, union.toJson(spread));
    return { ...rendered(variant, event), seq, safeMs: union.firstMs, union };
  }

  /** `timestamp`: from there on nothing is lost by who got this. */
  resync(variant: Variant, epoch: string, seq: number, reason: Reason, paths: readonly string[], timestamp: number, spread: number): Message {
    const event = { type: 'resync', timestamp, queryPaths: paths, reason, ...(spread > 0 && { spreadMs: spread }) };
    return {
      ...rendered(variant, this.event(variant, `${epoch}.${seq}`, JSON.stringify(event))),
      seq,
      lastMs: timestamp,
      resync: reason,
    };
  }

  /** The id repeats where the stream is: a tRPC client's ids stick, one without would look like another kind of event. */
  ephemeral(variant: Variant, epoch: string, seq: number, event: EncodedEphemeral): Message {
    const idVariant = variant & TRPC ? variant : variant & ~IDS;
    const id = `${epoch}.${seq}`;
    const own = variant & TRANSFORMED ? event.transformedJson : undefined;
    const message = own === undefined ? this.event(idVariant, id, event.json) : ready(idVariant, id, own);
    return { ...rendered(variant, message), seq, ephemeral: true };
  }

  /** `safeMs`, here and below: a time from which a resume loses nothing. */
  ping(variant: Variant, id: string, safeMs: number): Payload {
    const data = `{"type":"ping","timestamp":${safeMs},"queryPaths":[]}`;
    return render([{ kind: 'ping', ...idPart(variant, id), data }], framingOf(variant));
  }

  close(variant: Variant, id: string, safeMs: number, reason: CloseReason, retryMs: number): Payload {
    const data = closeData(safeMs, reason, retryMs);
    return render([{ kind: 'server_close', ...idPart(variant, id), data, retryMs }], framingOf(variant), { last: true });
  }

  /** Of a stream that is not told why it ends; undefined where that takes no bytes. */
  silentEnd(variant: Variant): Payload | undefined {
    return framingOf(variant) === 'chunked' ? render([], 'chunked', { last: true }) : undefined;
  }

  /** All that a refused stream gets. */
  refusal(
    variant: Variant,
    spec: Pick<StreamSpec, 'dialect' | 'httpHead' | 'trpcPath'>,
    refusal: Refusal,
    safeMs: number,
    retryMs: number,
  ): Payload {
    return render(this.refusalMessages(variant, spec, refusal, safeMs, retryMs), framingOf(variant), { before: spec.httpHead, last: true });
  }

  /** All that a stream gets which ends before its log is known: it is where it was. */
  neverBegun(variant: Variant, { dialect, httpHead }: Pick<StreamSpec, 'dialect' | 'httpHead'>, reason: CloseReason, safeMs: number, retryMs: number): Payload {
    const close: SinkMessage = { kind: 'server_close', data: closeData(safeMs, reason, retryMs), retryMs };
    const messages: SinkMessage[] = dialect === 'plain' ? [close] : [{ kind: 'connected', data: this.connected }, close];
    return render(messages, framingOf(variant), { before: httpHead, last: true });
  }

  private refusalMessages(
    variant: Variant,
    { dialect, trpcPath }: Pick<StreamSpec, 'dialect' | 'trpcPath'>,
    refusal: Refusal,
    safeMs: number,
    retryMs: number,
  ): SinkMessage[] {
    if (dialect === 'plain') {
      const reason = refusal.code === 'DRAINING' ? 'drain' : 'limit';
      return [{ kind: 'server_close', data: closeData(safeMs, reason, retryMs), retryMs }];
    }
    const shape = JSON.stringify(trpcError(refusal, trpcPath));
    return [
      { kind: 'connected', data: this.connected, retryMs },
      { kind: 'serialized-error', data: this.transformed(variant, shape) },
    ];
  }

  /** An event of the stream, its payload through the transformer where the stream has one. */
  private event(variant: Variant, id: string, json: string): SinkMessage {
    return ready(variant, id, this.transformed(variant, json));
  }

  private transformed(variant: Variant, json: string): string {
    return variant & TRANSFORMED ? `${this.prefix}${json}${this.suffix}` : json;
  }
}

function framingOf(variant: Variant): Framing {
  if (variant >= FRAMINGS.records) return 'records';
  return variant >= FRAMINGS.chunked ? 'chunked' : 'raw';
}

function ready(variant: Variant, id: string, data: string): SinkMessage {
  return { kind: 'message', ...idPart(variant, id), data };
}

function idPart(variant: Variant, id: string): { id: string } | undefined {
  return variant & IDS ? { id } : undefined;
}

function rendered(variant: Variant, message: SinkMessage): Pick<Message, 'payload' | 'size'> {
  const payload = render([message], framingOf(variant));
  return { payload, size: sizeOf(payload) };
}

function closeData(safeMs: number, reason: CloseReason, retryMs: number): string {
  return `{"type":"server_close","timestamp":${safeMs},"queryPaths":[],"reason":"${reason}","retryMs":${retryMs}}`;
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

/** What to write in one go, and what is in them. */
export interface Chunk {
  readonly payload: Payload;
  readonly size: number;
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
    for (let next = messages[end]; next && (end === start || bytes + next.size <= maxBytes); next = messages[++end]) {
      bytes += next.size;
      if (next.entry) actions++;
      if (next.resync || next.compaction) special = true;
    }
    const payload = join(messages.slice(start, end).map((message) => message.payload));
    chunks.push({ payload, size: bytes, start, end, actions, special });
    start = end;
  }
  return chunks;
}
