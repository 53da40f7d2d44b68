/** A key and a certificate for localhost that exist for tests alone, and a `fetch` that trusts nothing else. */
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import path from 'node:path';
import { Readable } from 'node:stream';

export const TLS_FOLDER = path.resolve(__dirname, '../fixtures/tls');

export function tlsFiles(): { key: Buffer; cert: Buffer } {
  return { key: readFileSync(path.join(TLS_FOLDER, 'key.pem')), cert: readFileSync(path.join(TLS_FOLDER, 'cert.pem')) };
}

/** As much of `fetch` as an EventSource asks for. */
export function trustingFetch(
  url: string | URL,
  init: { headers?: Record<string, string>; signal?: AbortSignal } = {},
): Promise<Response> {
  return new Promise((resolve, reject) => {
    const { headers = {}, signal } = init;
    const sent = request(url, { ca: tlsFiles().cert, headers, ...(signal ? { signal } : {}) }, (response) => {
      const pairs = Object.entries(response.headers).map(([name, value]): [string, string] => [name, String(value)]);
      const body = Readable.toWeb(response) as ReadableStream<Uint8Array<ArrayBuffer>>;
      const answer = new Response(body, { status: response.statusCode ?? 0, headers: pairs });
      // A Response of one's own making has no URL, and an EventSource reads its origin from there.
      Object.defineProperty(answer, 'url', { value: String(url) });
      resolve(answer);
    });
    sent.on('error', reject);
    sent.end();
  });
}
