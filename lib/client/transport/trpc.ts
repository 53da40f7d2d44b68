/** A stream by a tRPC client's own links. tRPC keeps names other than its own, and its pings, to itself: it watches the silence, we come back. */
import type { TrpcSubscription } from '../types.js';
import { placeOf, type Transport } from './transport.js';

interface Tracked {
  id?: unknown;
  data?: unknown;
}

export function trpcSubscription(subscription: TrpcSubscription): Transport {
  return (ask, hears) => {
    let begun = false;
    const ended = (): void => hears.failed({ kind: 'cut' });
    const running = subscription.subscribe(placeOf(ask), {
      onStarted: () => {
        begun = true;
        hears.head();
      },
      onData: (given: unknown) => {
        const { id, data } = Object(given) as Tracked;
        // With ids tRPC hands over `{ id, data }`. An action has an `id` too, and a `type`.
        if (typeof id === 'string' && typeof data === 'object' && !('type' in (given as object))) hears.message('message', data, id);
        else hears.message('message', given, undefined);
      },
      onError: (error: unknown) => {
        // Of a TRPCClientError, nothing believed.
        const status = (error as { data?: { httpStatus?: unknown } | null } | null)?.data?.httpStatus;
        hears.failed(typeof status === 'number' ? { kind: 'status', status } : { kind: 'network' });
      },
      onStopped: ended,
      onComplete: ended,
      onConnectionStateChange: (change: unknown) => {
        // It would come back by itself, at once and as often as it likes.
        if (begun && (Object(change) as { state?: unknown }).state === 'connecting') ended();
      },
    });
    return () => running.unsubscribe();
  };
}
