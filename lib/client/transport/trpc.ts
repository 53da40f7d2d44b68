/** A stream by a tRPC client's own links. tRPC keeps names other than its own, and its pings, to itself: it watches the silence, we come back. */
import type { TrpcSubscription } from '../types.js';
import type { Transport } from './transport.js';

interface Tracked {
  id?: unknown;
  data?: unknown;
}

/** Of a TRPCClientError, nothing believed. */
function statusOf(error: unknown): number | undefined {
  const { data } = Object(error) as { data?: { httpStatus?: unknown } };
  return typeof data?.httpStatus === 'number' ? data.httpStatus : undefined;
}

export function trpcSubscription(subscription: TrpcSubscription): Transport {
  return ({ cursor, instance, generation }, hears) => {
    let over = false;
    let begun = false;
    let unsubscribe = (): void => undefined;
    const end = (): void => {
      over = true;
      unsubscribe();
    };
    const fail = (failure: Parameters<typeof hears.failed>[0]): void => {
      if (over) return;
      end();
      hears.failed(failure);
    };
    const input = {
      ...(cursor !== undefined && { [typeof cursor === 'number' ? 'since' : 'lastEventId']: cursor }),
      clientInstanceId: instance,
      clientGeneration: generation,
    };
    const running = subscription.subscribe(input, {
      onStarted: () => {
        if (over || begun) return;
        begun = true;
        hears.head();
      },
      onData: (given: unknown) => {
        if (over) return;
        const { id, data } = Object(given) as Tracked;
        // With ids tRPC hands over `{ id, data }`. An action has an `id` too, and a `type`.
        if (typeof id === 'string' && typeof data === 'object' && !('type' in (given as object))) hears.message('message', data, id);
        else hears.message('message', given, undefined);
      },
      onError: (error: unknown) => {
        const status = statusOf(error);
        fail(status === undefined ? { kind: 'network' } : { kind: 'status', status });
      },
      onStopped: () => fail({ kind: 'ended' }),
      onComplete: () => fail({ kind: 'ended' }),
      onConnectionStateChange: (change: unknown) => {
        // It would come back by itself, at once and as often as it likes.
        if (begun && (Object(change) as { state?: unknown }).state === 'connecting') fail({ kind: 'ended' });
      },
    });
    unsubscribe = () => running.unsubscribe();
    // It may have failed before it was there.
    if (over) unsubscribe();
    return end;
  };
}
