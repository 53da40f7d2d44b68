/** A stream as a web ReadableStream: pulled, with a bound in bytes. */
import type { ByteSink, SinkHandle } from '../internal/engine.js';

/** Bytes that may wait in the stream before the engine is told to wait. */
const HIGH_WATER = 16 * 1024;

/** `signal`: that of the request; some servers abort it without cancelling the body. */
export function streamToReadable(
  open: (sink: ByteSink) => SinkHandle,
  signal?: AbortSignal,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  let handle: SinkHandle | undefined;
  let full = false;
  let over = false;
  const finish = (): void => {
    over = true;
    signal?.removeEventListener('abort', abort);
  };
  const abort = (): void => {
    finish();
    handle?.abort();
  };
  return new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      start(controller) {
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
        if (over || signal?.aborted) abort();
      },
      pull() {
        if (!full) return;
        full = false;
        handle?.ready();
      },
      cancel: abort,
    },
    new ByteLengthQueuingStrategy({ highWaterMark: HIGH_WATER }),
  );
}
