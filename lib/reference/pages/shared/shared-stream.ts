/**
 * One stream for all tabs. A browser keeps six connections to a server over HTTP/1.1, for all its tabs together, and each
 * stream holds one for good: a page that opens three of them per tab stops answering with the second tab. So the tabs that
 * show the same person elect one (Web Locks) which has the stream, and it hands what it hears to the others
 * (BroadcastChannel). When it closes, the next one goes on from its own cursor.
 *
 * Without Web Locks (a page that was loaded over HTTP from another machine) each tab has a stream of its own.
 */
import type { SyncEvent } from '../../../protocol/events.js';

/** Streams of this browser, all people and companies together. At the bound a stream waits, and says so. */
const MAX_STREAMS = 4;

export type LineState = 'connecting' | 'waiting' | 'live';

/** What a subscription tells whoever opened it. */
export interface SubscriptionHandlers {
  onState: (state: LineState, detail?: string) => void;
  onData: (id: string, event: SyncEvent) => void;
}

export interface SharedStreamOptions {
  /** The same for all tabs that may share. */
  key: string;
  /** Opens the stream after this cursor; ends it when it is called again. Called in the tab that leads. */
  open(cursor: string | undefined, handlers: SubscriptionHandlers): () => void;
  /** Told in every tab. */
  onState(state: LineState, detail?: string): void;
  /** `relayed`: another tab has the stream. */
  onData(id: string, event: SyncEvent, relayed: boolean): void;
}

type Message =
  | { kind: 'joined' }
  | { kind: 'state'; state: LineState; detail: string | undefined }
  | { kind: 'data'; id: string; event: SyncEvent };

/** How far `id` is from `cursor`, in actions; NaN where they are of different lives of the log, or there is no cursor. */
function distance(id: string, cursor: string | undefined): number {
  const [epoch, seq] = id.split('.');
  const [ownEpoch, ownSeq] = cursor?.split('.') ?? [];
  return epoch === ownEpoch ? Number(seq) - Number(ownSeq) : NaN;
}

/** Actions that an event stands for. */
function actionsIn(event: SyncEvent): number {
  if (event.type === 'invalidate') return event.count ?? 0;
  return 'seq' in event ? 1 : 0;
}

export class SharedStream {
  readonly #options: SharedStreamOptions;
  #channel: BroadcastChannel | undefined;
  /** Ends what `start` began. */
  #stopped = new AbortController();
  #cursor: string | undefined;
  #leading = false;
  /** Has a cursor, and must hear from it on: what other tabs hear is further on. Until this tab leads. */
  #catchingUp = false;
  /** What a tab that joins is told. */
  #state: { state: LineState; detail: string | undefined } = { state: 'connecting', detail: undefined };
  #hello: { id: string; event: SyncEvent } | undefined;

  constructor(options: SharedStreamOptions) {
    this.#options = options;
  }

  /**
   * From now on nothing is missed: read the page's data after this. With a `cursor` this tab takes the lead, because only
   * a stream of its own can tell it what it missed.
   */
  start(cursor?: string): void {
    this.stop();
    this.#cursor = cursor;
    this.#catchingUp = cursor !== undefined;
    const stopped = (this.#stopped = new AbortController());
    this.#channel = new BroadcastChannel(`pathcast ${this.#options.key}`);
    this.#channel.onmessage = ({ data }: MessageEvent<Message>) => this.#heard(data);
    this.#post({ kind: 'joined' });
    this.#elect(stopped.signal, cursor !== undefined).catch((error: unknown) => this.#options.onState('connecting', String(error)));
  }

  /** Idempotent. */
  stop(): void {
    this.#stopped.abort();
    this.#channel?.close();
    this.#channel = undefined;
  }

  async #elect(stopped: AbortSignal, steal: boolean): Promise<void> {
    if (!('locks' in navigator)) return this.#lead(stopped);
    for (let take = steal; !stopped.aborted; take = false) {
      const lost = new AbortController();
      const over = AbortSignal.any([stopped, lost.signal]);
      try {
        // A lock that is stolen may not be waited for as well.
        const options: LockOptions = take ? { steal: true } : { signal: stopped };
        await navigator.locks.request(`pathcast ${this.#options.key}`, options, () => this.#lead(over));
      } catch (error) {
        // Stolen: another tab leads now, and this one follows. Aborted: the loop ends.
        if ((error as Error).name !== 'AbortError') throw error;
      } finally {
        lost.abort();
      }
    }
  }

  /** Has the stream until `over`. */
  async #lead(over: AbortSignal): Promise<void> {
    const handlers: SubscriptionHandlers = {
      onState: (state, detail) => {
        if (over.aborted) return;
        this.#state = { state, detail };
        this.#post({ kind: 'state', state, detail });
        this.#options.onState(state, detail);
      },
      onData: (id, event) => {
        if (over.aborted) return;
        this.#cursor = id;
        if (event.type === 'hello') this.#hello = { id, event };
        this.#post({ kind: 'data', id, event });
        this.#options.onData(id, event, false);
      },
    };
    const giveBack = await takeSlot(over, () => handlers.onState('waiting', 'other tabs hold the streams that this browser may have'));
    if (over.aborted) return giveBack();
    this.#leading = true;
    this.#catchingUp = false;
    const end = this.#options.open(this.#cursor, handlers);
    await new Promise<void>((resolve) => over.addEventListener('abort', () => resolve(), { once: true }));
    this.#leading = false;
    end();
    giveBack();
  }

  #heard(message: Message): void {
    if (message.kind === 'joined') {
      if (!this.#leading) return;
      this.#post({ kind: 'state', ...this.#state });
      if (this.#hello) this.#post({ kind: 'data', ...this.#hello, id: this.#cursor ?? this.#hello.id });
      return;
    }
    if (this.#leading) return;
    if (message.kind === 'state') {
      this.#options.onState(message.state, message.detail);
      return;
    }
    if (this.#catchingUp) return;
    const { id, event } = message;
    if (event.type === 'hello') {
      this.#cursor ??= id;
    } else {
      // It has no place in the log yet, and repeats the cursor of the one that leads.
      if (event.type === 'invalidate' && event.count === undefined) {
        if (this.#cursor !== undefined) this.#options.onData(this.#cursor, event, true);
        return;
      }
      const ahead = distance(id, this.#cursor);
      // The one that leads may catch up on what this tab has heard already.
      if (ahead <= 0 && event.type !== 'resync') return;
      // Or it may have come from further on, which leaves a gap here: this tab takes the lead, from its own cursor.
      if (ahead > actionsIn(event) && event.type !== 'resync') return this.start(this.#cursor);
      this.#cursor = id;
    }
    this.#options.onData(this.#cursor, event, true);
  }

  #post(message: Message): void {
    this.#channel?.postMessage(message);
  }
}

/** One of the browser's streams; resolves to what gives it back. `onWait` is called where none is free. */
async function takeSlot(over: AbortSignal, onWait: () => void): Promise<() => void> {
  if (!('locks' in navigator)) return () => undefined;
  const names = Array.from({ length: MAX_STREAMS }, (_, index) => `pathcast stream ${index}`);
  // Asked one by one: a look at which are free would be out of date as soon as several streams look at once.
  for (const name of names) {
    const giveBack = await takeIfFree(name);
    if (giveBack) return giveBack;
  }
  onWait();
  return await takeFirstFree(names, over);
}

/** Resolves to what gives the lock back, or to undefined where somebody has it. */
function takeIfFree(name: string): Promise<(() => void) | undefined> {
  return new Promise((resolve, reject) => {
    const hold = (lock: Lock | null): Promise<void> | undefined => {
      if (lock) return new Promise<void>((free) => resolve(free));
      resolve(undefined);
      return undefined;
    };
    navigator.locks.request(name, { ifAvailable: true }, hold).catch(reject);
  });
}

/** Waits for whichever of the locks is free first, or for `over`. */
function takeFirstFree(names: readonly string[], over: AbortSignal): Promise<() => void> {
  let taken = false;
  const settled = new AbortController();
  const signal = AbortSignal.any([over, settled.signal]);
  return new Promise((resolve) => {
    over.addEventListener('abort', () => resolve(() => undefined), { once: true });
    for (const name of names) {
      const hold = (): Promise<void> | undefined => {
        // Several may be granted at once; one is enough.
        if (taken || over.aborted) return undefined;
        taken = true;
        return new Promise<void>((free) => {
          resolve(free);
          // The requests for the others end.
          queueMicrotask(() => settled.abort());
        });
      };
      navigator.locks.request(name, { signal }, hold).catch(() => undefined);
    }
  });
}
