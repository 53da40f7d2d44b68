/** A strict reader of HTTP/1.1 chunks: no extensions, no trailers, nothing behind the last one. */

export class Dechunker {
  private rest = Buffer.alloc(0);
  /** The last chunk has come. */
  ended = false;

  /** What the whole chunks hold that are complete now. Throws on the first byte that is not as it must be. */
  feed(bytes: Uint8Array): Buffer {
    if (this.ended && bytes.length > 0) throw new Error('Bytes behind the last chunk');
    this.rest = Buffer.concat([this.rest, bytes]);
    const out: Buffer[] = [];
    for (;;) {
      const lineEnd = this.rest.indexOf('\r\n');
      if (lineEnd < 0) break;
      const line = this.rest.toString('latin1', 0, lineEnd);
      if (!/^(0|[1-9a-f][0-9a-f]{0,7})$/.test(line)) throw new Error(`A chunk begins with ${JSON.stringify(line)}`);
      const size = parseInt(line, 16);
      const begin = lineEnd + 2;
      if (this.rest.length < begin + size + 2) break;
      if (this.rest.toString('latin1', begin + size, begin + size + 2) !== '\r\n') throw new Error('A chunk does not end where it says');
      if (size > 0) out.push(this.rest.subarray(begin, begin + size));
      this.rest = this.rest.subarray(begin + size + 2);
      if (size > 0) continue;
      this.ended = true;
      if (this.rest.length > 0) throw new Error('Bytes behind the last chunk');
      break;
    }
    return Buffer.concat(out);
  }

  /** True between chunks. */
  get atBoundary(): boolean {
    return this.rest.length === 0;
  }
}
