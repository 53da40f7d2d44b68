/** A stream as a web ReadableStream: pulled, with a bound in bytes. */
import type { ByteSink, SinkHandle } from '../internal/engine.js';

/** Bytes that may wait in the stream before the engine is told to wait. */
const HIGH_WATER = 16 * 1024;

/**
 * `signal`: that of the request; some servers abort it without cancelling the body. Whoever reads then sees the end:
 * what was written before is still read, and `done` follows.
 */
export function streamToReadable(
  open: (sink: ByteSink) => SinkHandle,
  signal?: AbortSignal,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  let handle: SinkHandle | undefined;
  let full = false;
  let over = false;
  let finish = (): void => undefined;
  const leave = (): void => {
    finish();
    handle?.abort();
  };
  return new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      start(controller) {
        const abort = (): void => {
          if (over) return;
          leave();
          controller.close();
        };
        finish = () => {
          over = true;
          signal?.removeEventListener('abort', abort);
        };
        signal?.addEventListener('abort', abort, { once: true });
        handle = open({
          write: (chunk) => {
            if (over) return true;
            controller.enqueue(chunk as Uint8Array<ArrayBuffer>);
            // Stays so until `ready()`: the engine counts every chunk that got `false` as still held here.
            full ||= (controller.desiredSize ?? 0) <= 0;
            return !full;
          },
          close: () => {
            if (over) return;
            finish();
            controller.close();
          },
        });
        // Aborted before, or while it opened: there was no handle yet to abort.
        if (over) handle.abort();
        else if (signal?.aborted) abort();
      },
      pull() {
        if (!full) return;
        full = false;
        handle?.ready();
      },
      cancel: leave,
    },
    new ByteLengthQueuingStrategy({ highWaterMark: HIGH_WATER }),
  );
}
