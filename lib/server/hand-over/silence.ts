/** A response that the hub goes on with: what its framework still writes is not for the client. */
import type { ServerResponse } from 'node:http';
import type { NodeResponse } from '../request-parts.js';

/** What a response could do before it was silenced. */
export interface Voice {
  write: (chunk: Uint8Array) => boolean;
  end: () => void;
}

function called(args: unknown[]): void {
  const done = args.find((argument) => typeof argument === 'function') as (() => void) | undefined;
  if (done) process.nextTick(done);
}

function write(...args: unknown[]): boolean {
  called(args);
  return true;
}

function end(this: unknown, ...args: unknown[]): unknown {
  called(args);
  return this;
}

/** tRPC's `return` would tell the client never to come back; a write after the end would throw. */
export function silence(response: NodeResponse): Voice {
  const res = response as ServerResponse;
  const voice: Voice = { write: res.write.bind(res), end: res.end.bind(res) };
  Object.assign(res, { write, end });
  return voice;
}

/** Completes the response, through whatever the app has put around `end` (sessions are saved there), and silences it. */
export function complete(response: NodeResponse): void {
  (response as ServerResponse).end();
  Object.assign(response, { write, end });
}
