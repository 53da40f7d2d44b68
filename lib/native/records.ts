/** Reads the records of src/core/wire.h: messages in parts, as they cross from the hub thread. */
import type { SinkMessage } from '../internal/engine.js';

/** `RecordKind`, in its order; a `retry` belongs to the message that follows. */
const KINDS = ['message', 'retry', 'connected', 'ping', 'server_close', 'serialized-error'] as const;
const HAS_ID = 1;
/** Length, kind, flags, length of the id. */
const HEAD_BYTES = 8;

/** REQUIRES: whole records. */
export function readRecords(bytes: Buffer): SinkMessage[] {
  const messages: SinkMessage[] = [];
  let retryMs: number | undefined;
  for (let at = 0; at + HEAD_BYTES <= bytes.length; ) {
    const end = at + 4 + bytes.readUInt32LE(at);
    const kind = KINDS[bytes.readUInt8(at + 4)] ?? 'message';
    const hasId = (bytes.readUInt8(at + 5) & HAS_ID) !== 0;
    const dataAt = at + HEAD_BYTES + bytes.readUInt16LE(at + 6);
    const data = bytes.toString('utf8', dataAt, end);
    if (kind === 'retry') {
      retryMs = Number(data);
    } else {
      messages.push({
        kind,
        ...(hasId ? { id: bytes.toString('latin1', at + HEAD_BYTES, dataAt) } : undefined),
        data,
        ...(retryMs === undefined ? undefined : { retryMs }),
      });
      retryMs = undefined;
    }
    at = end;
  }
  return messages;
}
