/**
 * Everything that the client asks of the browser, in one object: a test gives another one. The shapes are the parts of the browser's own
 * that are used, so that no DOM types are needed, and what a browser lacks is simply not there.
 */

export interface LockManagerLike {
  request(
    name: string,
    options: { signal?: AbortSignal; steal?: boolean },
    held: () => Promise<void>,
  ): Promise<unknown>;
}

export interface ChannelLike {
  postMessage(message: unknown): void;
  close(): void;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- the browser's own takes its own kind of event
  onmessage: ((event: any) => void) | null;
}

export interface StorageLike {
  getItem(name: string): string | null;
  setItem(name: string, value: string): void;
  removeItem(name: string): void;
}

export interface EventSourceLike {
  readonly readyState: number;
  addEventListener(name: string, listener: (event: { data?: unknown; lastEventId?: string }) => void): void;
  close(): void;
}

export interface FetchInit {
  method?: 'HEAD';
  mode?: 'no-cors';
  redirect?: 'manual';
  headers?: Record<string, string>;
  credentials: 'omit' | 'same-origin' | 'include';
  cache: 'no-store';
  signal?: AbortSignal;
}

export interface ResponseLike {
  readonly type?: string;
  readonly status: number;
  readonly redirected: boolean;
  readonly url: string;
  readonly headers: { get: (name: string) => string | null };
  readonly body: { getReader: () => { read: () => Promise<{ done: boolean; value?: Uint8Array | undefined }> } } | null;
}

/** What a page lives through. `hide`: it is frozen, kept for later, or gone. `show`: it is back. `wake`: it became visible. */
export type PageEvent = 'online' | 'offline' | 'hide' | 'show' | 'wake';

export interface Environment {
  /** Unix ms. */
  now: () => number;
  /** From 0 to below 1. */
  random: () => number;
  setTimeout: (run: () => void, ms: number) => unknown;
  clearTimeout: (timer: unknown) => void;
  /** False where the browser is sure that there is no network; true says nothing. */
  online: () => boolean;
  /** Calls `heard` until what it gives back is called. */
  listen: (heard: (what: PageEvent) => void) => () => void;
  /** The page's address, for a relative `url`. */
  base: string | undefined;
  warn: (text: string) => void;
  /** What a listener threw. */
  report: (thrown: unknown) => void;
  fetch?: ((url: string, init: FetchInit) => Promise<ResponseLike>) | undefined;
  EventSource?: (new (url: string, options: { withCredentials: boolean }) => EventSourceLike) | undefined;
  /** Only in a secure context. */
  locks?: LockManagerLike | undefined;
  channel?: ((name: string) => ChannelLike) | undefined;
  /** Where the browser keeps things; reading it may throw. */
  storage?: StorageLike | undefined;
}

type Page = typeof globalThis & {
  navigator?: { onLine?: boolean; locks?: LockManagerLike };
  location?: { href: string };
  document?: Target & { visibilityState?: string };
  localStorage?: StorageLike;
  reportError?: (thrown: unknown) => void;
  EventSource?: Environment['EventSource'];
  BroadcastChannel?: new (name: string) => ChannelLike;
} & Target;

interface Target {
  addEventListener?: (name: string, listener: () => void) => void;
  removeEventListener?: (name: string, listener: () => void) => void;
}

/** The browser as it is. Read at the call: a test, or a polyfill, may have changed it. */
export function browserEnvironment(): Environment {
  const page = globalThis as Page;
  const { navigator, document, BroadcastChannel: Channel } = page;
  let storage: StorageLike | undefined;
  try {
    storage = page.localStorage;
  } catch {
    // Forbidden by the person, or by the frame around.
  }
  return {
    now: () => Date.now(),
    random: () => Math.random(),
    setTimeout: (run, ms) => page.setTimeout(run, ms),
    clearTimeout: (timer) => page.clearTimeout(timer as ReturnType<typeof setTimeout>),
    online: () => navigator?.onLine !== false,
    base: page.location?.href,
    // eslint-disable-next-line no-console -- the one word of those who listen to nothing
    warn: (text) => console.warn(text),
    // eslint-disable-next-line no-console -- as an uncaught error would be
    report: (thrown) => (page.reportError ? page.reportError(thrown) : console.error(thrown)),
    fetch: page.fetch && ((input, init) => page.fetch(input, init)),
    EventSource: page.EventSource,
    locks: navigator?.locks,
    channel: Channel && ((name) => new Channel(name)),
    storage,
    listen(heard) {
      const visible = (): void => {
        if (document?.visibilityState === 'visible') heard('wake');
      };
      const all: [Target | undefined, string, () => void][] = [
        [page, 'online', () => heard('online')],
        [page, 'offline', () => heard('offline')],
        [page, 'pagehide', () => heard('hide')],
        [page, 'pageshow', () => heard('show')],
        [document, 'freeze', () => heard('hide')],
        [document, 'resume', () => heard('show')],
        [document, 'visibilitychange', visible],
      ];
      for (const [target, name, run] of all) target?.addEventListener?.(name, run);
      return () => {
        for (const [target, name, run] of all) target?.removeEventListener?.(name, run);
      };
    },
  };
}
