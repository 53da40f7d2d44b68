/** When has the head of a response been written? */
import type { ServerResponse } from 'node:http';
import type { NodeResponse } from '../request-parts.js';

/**
 * Calls back in a later turn of the loop once the head is written (`true`), or after `ms` without one (`false`). Node
 * has no event for it, so `writeHead`, through which each head goes, is watched, as `on-headers` does. What the framework writes in
 * the same turn (tRPC: its `connected`) has left before the call.
 */
export function whenHeadIsWritten(response: NodeResponse, ms: number, tell: (written: boolean) => void): void {
  const res = response as ServerResponse;
  if (res.headersSent) {
    setImmediate(tell, true);
    return;
  }
  const own = Object.getOwnPropertyDescriptor(res, 'writeHead');
  const former: unknown = Reflect.get(res, 'writeHead');
  const restore = (): void => {
    clearTimeout(timer);
    if (Reflect.get(res, 'writeHead') !== watched) return;
    if (own) Object.defineProperty(res, 'writeHead', own);
    else delete (res as Partial<ServerResponse>).writeHead;
  };
  const watched = (...args: unknown[]): ServerResponse => {
    restore();
    const result = Reflect.apply(former as ServerResponse['writeHead'], res, args) as ServerResponse;
    setImmediate(tell, true);
    return result;
  };
  const timer = setTimeout(() => {
    restore();
    tell(false);
  }, ms).unref();
  res.writeHead = watched;
}
