/**
 * The Chrome DevTools Protocol over the browser's pipe (`--remote-debugging-pipe`): messages of JSON, each ended by a NUL.
 * No port is opened, and no library sets switches of its own.
 */
import { EventEmitter } from 'node:events';
import type { Readable, Writable } from 'node:stream';

export interface CdpEvent {
  readonly method: string;
  readonly params: Record<string, unknown>;
  /** Which attached target it is about; none for the browser itself. */
  readonly sessionId?: string;
}

interface Answer {
  readonly id?: number;
  readonly result?: unknown;
  readonly error?: { message: string; data?: string };
}

interface Waiting {
  readonly method: string;
  readonly sessionId: string | undefined;
  readonly resolve: (result: never) => void;
  readonly reject: (error: Error) => void;
}

/** `event` is emitted for each event of the protocol, `close` once, when the browser's end of the pipe has closed. */
export class Cdp extends EventEmitter<{ event: [CdpEvent]; close: [] }> {
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;
  #rest = '';
  #closed = false;
  #alone: Promise<void> = Promise.resolve();

  constructor(
    private readonly input: Writable,
    output: Readable,
  ) {
    super();
    this.setMaxListeners(0);
    output.setEncoding('utf8');
    output.on('data', (text: string) => this.#read(text));
    output.once('close', () => this.#end());
    // The browser may go while we write; the closed output tells that.
    input.on('error', () => undefined);
  }

  send<T = Record<string, unknown>>(method: string, params: object = {}, sessionId?: string): Promise<T> {
    if (this.#closed) return Promise.reject(new Error(`${method}: the browser has gone`));
    const id = ++this.#lastId;
    return new Promise<T>((resolve, reject) => {
      this.#waiting.set(id, { method, sessionId, resolve, reject });
      this.input.write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    });
  }

  /** The next event that `match` says yes to. Asked for before what causes it. */
  next(match: (event: CdpEvent) => boolean): Promise<CdpEvent> {
    const found = new Promise<CdpEvent>((resolve, reject) => {
      const gone = (): void => reject(new Error('The browser has gone before the event came'));
      const look = (event: CdpEvent): void => {
        if (!match(event)) return;
        this.off('event', look);
        this.off('close', gone);
        resolve(event);
      };
      this.on('event', look);
      this.once('close', gone);
    });
    // Whoever gave up meanwhile is not told.
    found.catch(() => undefined);
    return found;
  }

  /** Runs `work` when what was given before has ended: of some things a browser has one. */
  alone<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#alone.then(work);
    this.#alone = done.then(
      () => undefined,
      () => undefined,
    );
    return done;
  }

  #read(text: string): void {
    const parts = (this.#rest + text).split('\0');
    this.#rest = parts.pop() ?? '';
    for (const part of parts) {
      const message = JSON.parse(part) as Answer & CdpEvent;
      if (message.id === undefined) this.#tell(message);
      else this.#answer(message.id, message);
    }
  }

  #answer(id: number, { result, error }: Answer): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error) waiting?.reject(new Error(`${waiting.method}: ${error.message}${error.data === undefined ? '' : ` (${error.data})`}`));
    else waiting?.resolve(result as never);
  }

  #tell(event: CdpEvent): void {
    // What was asked of a target that has gone is never answered.
    if (event.method === 'Target.detachedFromTarget') this.#reject('the tab has gone', (sessionId) => sessionId === event.params['sessionId']);
    this.emit('event', event);
  }

  #reject(why: string, which: (sessionId: string | undefined) => boolean): void {
    for (const [id, waiting] of this.#waiting) {
      if (!which(waiting.sessionId)) continue;
      this.#waiting.delete(id);
      waiting.reject(new Error(`${waiting.method}: ${why}`));
    }
  }

  #end(): void {
    this.#closed = true;
    this.#reject('the browser has gone', () => true);
    this.emit('close');
  }
}
