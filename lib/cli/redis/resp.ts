/** RESP2, as far as a program needs it that asks and listens: commands out, replies in. */

/** Redis refused a command; `text` begins with its word (`NOPERM`, `WRONGTYPE`, …). A server may have written anything there. */
export class Refusal {
  constructor(readonly text: string) {}
}

export type Reply = Buffer | number | null | Refusal | readonly Reply[];

/** What came is no RESP2: nobody who answers like that is a Redis. */
export class NoResp extends Error {
  override name = 'NoResp';
}

/** Bytes of one reply; beyond it, it is none that was asked for. */
const MAX_REPLY = 512 << 20;
const CRLF = 2;

export function encodeCommand(args: readonly (string | number | Buffer)[]): Buffer {
  const parts: Buffer[] = [Buffer.from(`*${args.length}\r\n`)];
  for (const arg of args) {
    const bytes = Buffer.isBuffer(arg) ? arg : Buffer.from(String(arg));
    parts.push(Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from('\r\n'));
  }
  return Buffer.concat(parts);
}

/** Replies out of the chunks of a socket. A reply that is not whole is read again when more has come: callers ask for long lists in pages. */
export class ReplyReader {
  #rest: Buffer = Buffer.alloc(0);
  /** No use to look before so many bytes are there. */
  #wanted = 1;
  #chunks: Buffer[] = [];
  #held = 0;

  /** @throws NoResp */
  feed(chunk: Buffer): Reply[] {
    this.#chunks.push(chunk);
    this.#held += chunk.length;
    if (this.#held < this.#wanted) return [];
    const bytes = Buffer.concat([this.#rest, ...this.#chunks]);
    this.#chunks = [];
    const replies: Reply[] = [];
    let at = 0;
    let wanted = 1;
    while (at < bytes.length) {
      const read = readReply(bytes, at);
      if (typeof read === 'number') {
        wanted = read - at;
        break;
      }
      replies.push(read.reply);
      at = read.end;
    }
    this.#rest = bytes.subarray(at);
    this.#held = this.#rest.length;
    this.#wanted = Math.max(wanted, this.#held + 1);
    return replies;
  }
}

/** The reply that begins there; a number: it needs the bytes up to there at least. */
function readReply(bytes: Buffer, at: number): { reply: Reply; end: number } | number {
  const lineEnd = bytes.indexOf('\r\n', at);
  if (lineEnd < 0) {
    if (bytes.length - at > 64 << 10) throw new NoResp('a line without an end');
    return bytes.length + 1;
  }
  const line = bytes.toString('utf8', at + 1, lineEnd);
  const end = lineEnd + CRLF;
  switch (String.fromCharCode(bytes[at] ?? 0)) {
    case '+':
      return { reply: bytes.subarray(at + 1, lineEnd), end };
    case '-':
      return { reply: new Refusal(line), end };
    case ':':
      return { reply: lengthIn(line), end };
    case '$': {
      const length = lengthIn(line);
      if (length < 0) return { reply: null, end };
      const after = end + length + CRLF;
      if (bytes.length < after) return after;
      // A copy: the buffer that it stands in goes on being used.
      return { reply: Buffer.from(bytes.subarray(end, end + length)), end: after };
    }
    case '*': {
      const count = lengthIn(line);
      if (count < 0) return { reply: null, end };
      const list: Reply[] = [];
      let next = end;
      for (let i = 0; i < count; i++) {
        const read = next < bytes.length ? readReply(bytes, next) : next + 1;
        if (typeof read === 'number') return read;
        list.push(read.reply);
        next = read.end;
      }
      return { reply: list, end: next };
    }
    default:
      throw new NoResp('it begins no reply');
  }
}

function lengthIn(line: string): number {
  const value = /^-?\d{1,18}$/.test(line) ? Number(line) : NaN;
  if (Number.isNaN(value) || value > MAX_REPLY * 1_024) throw new NoResp('a length that is none');
  return value;
}

/** Text of a reply; '' where it is none. */
export const textIn = (reply: Reply | undefined): string =>
  Buffer.isBuffer(reply) ? reply.toString('utf8') : typeof reply === 'number' ? String(reply) : '';

export const listIn = (reply: Reply | undefined): readonly Reply[] => (isList(reply) ? reply : []);

export const isList = (reply: Reply | undefined): reply is readonly Reply[] => Array.isArray(reply);

/** `[name, value, name, value]` as Redis gives hashes and settings. */
export function pairsIn(reply: Reply | undefined): Map<string, string> {
  const flat = listIn(reply).map(textIn);
  return new Map(Array.from({ length: flat.length >> 1 }, (_, n) => [flat[2 * n] ?? '', flat[2 * n + 1] ?? '']));
}
