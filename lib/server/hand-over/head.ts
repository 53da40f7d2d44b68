/** When has the head of a response been written? And what does it say? */
import type { ServerResponse } from 'node:http';
import type { NodeResponse } from '../request-parts.js';

type WriteHead = ServerResponse['writeHead'];

/**
 * Node has no event for a head, so `writeHead`, through which each goes, is watched, as `on-headers` does.
 */
export class HeadWatch {
  readonly #response: ServerResponse;
  #tell: ((written: boolean) => void) | undefined;

  /** `before` is called when all is set, on the response or in what goes to `writeHead`, and returns what goes there. */
  constructor(response: NodeResponse, before: (args: unknown[]) => unknown[]) {
    const res = (this.#response = response as ServerResponse);
    if (res.headersSent) return;
    const own = Object.getOwnPropertyDescriptor(res, 'writeHead');
    const former: unknown = Reflect.get(res, 'writeHead');
    const watched = (...args: unknown[]): ServerResponse => {
      if (Reflect.get(res, 'writeHead') === watched) {
        if (own) Object.defineProperty(res, 'writeHead', own);
        else delete (res as Partial<ServerResponse>).writeHead;
      }
      const result = Reflect.apply(former as WriteHead, res, before(args)) as ServerResponse;
      if (this.#tell) setImmediate(this.#tell, true);
      return result;
    };
    res.writeHead = watched;
  }

  /**
   * Calls back in a later turn of the loop once the head is written (`true`), or after `ms` without one (`false`). What the
   * framework writes in the same turn (tRPC: its `connected`) has left before the call.
   */
  whenWritten(ms: number, tell: (written: boolean) => void): void {
    let told = false;
    const once = (written: boolean): void => {
      clearTimeout(timer);
      if (told) return;
      told = true;
      tell(written);
    };
    this.#tell = once;
    const timer = setTimeout(once, ms, false).unref();
    if (this.#response.headersSent) setImmediate(once, true);
  }
}
