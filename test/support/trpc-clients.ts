/** Unmodified tRPC clients of several versions, and what one of their subscriptions saw. */
import { EventSource } from 'eventsource';
import * as newest from '@trpc/client';
import * as v110 from 'trpc-client-11-0';
import * as v1113 from 'trpc-client-11-13';
import type { TransformerLike } from '../../lib/server/options.js';
import type { SyncEvent } from '../../lib/protocol/events.js';
import { waitFor } from './wait.js';

// The client of 11.0 compares with the global constructor's constants, which Node has not.
(globalThis as { EventSource?: unknown }).EventSource ??= EventSource;

export const CLIENTS = { '11.0': v110, '11.13': v1113, newest } as unknown as Record<ClientVersion, typeof newest>;
export const CLIENT_VERSIONS = ['11.0', '11.13', 'newest'] as const;
export type ClientVersion = (typeof CLIENT_VERSIONS)[number];

export interface SubscribeOptions {
  version: ClientVersion;
  url: string;
  /** `company/user`; absent: not signed in. */
  token?: string;
  procedure?: 'onSync' | 'bare';
  input?: unknown;
  transformer?: TransformerLike;
  fetch?: unknown;
}

/**
 * tRPC's own stream (the way of the JS engine) gives no `retry:`, and the EventSource then waits three seconds each
 * time. This puts one before whatever the server sent.
 */
export async function eagerFetch(url: string, init: RequestInit): Promise<Response> {
  const response = await fetch(url, init);
  const body = response.body?.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      start: (controller) => controller.enqueue(Buffer.from('retry: 4\n\n')),
    }),
  );
  const answer = new Response(body ?? null, response);
  Object.defineProperty(answer, 'url', { value: response.url });
  return answer;
}

export class Subscription {
  /** In order, with their ids. */
  readonly received: { id: string | undefined; event: SyncEvent & Record<string, unknown> }[] = [];
  readonly errors: { message: string; data?: { code?: string; httpStatus?: number; path?: string } }[] = [];
  readonly states: string[] = [];
  completed = false;
  started = 0;
  /** Of the last action received; 0: none yet. */
  lastSeq = 0;
  readonly #stop: () => void;

  constructor({ version, url, token, procedure = 'onSync', input, transformer, fetch }: SubscribeOptions) {
    const { createTRPCClient, httpSubscriptionLink } = CLIENTS[version];
    const client = createTRPCClient<never>({
      links: [
        httpSubscriptionLink({
          url,
          EventSource,
          ...(token === undefined ? {} : { connectionParams: { token } }),
          ...(transformer ? { transformer } : {}),
          ...(fetch ? { eventSourceOptions: { fetch } } : {}),
        } as never),
      ],
    }) as unknown as Record<
      string,
      Record<string, { subscribe(input: unknown, handlers: object): { unsubscribe(): void } }>
    >;
    const handle = client['sync']?.[procedure]?.subscribe(input, {
      onStarted: () => this.started++,
      onData: (value: { id: string; data: SyncEvent } | SyncEvent) => {
        const whole = 'data' in value && 'id' in value && !('type' in value) ? value : { id: undefined, data: value };
        this.received.push({ id: whole.id, event: whole.data as never });
        if ('seq' in whole.data) this.lastSeq = whole.data.seq;
      },
      onError: (error: Error & { data?: never }) =>
        this.errors.push({ message: error.message, ...(error.data ? { data: error.data } : {}) }),
      onComplete: () => (this.completed = true),
      onConnectionStateChange: ({ state }: { state: string }) => this.states.push(state),
    });
    this.#stop = () => handle?.unsubscribe();
  }

  get types(): string[] {
    return this.received.map(({ event }) => event.type);
  }

  get seqs(): number[] {
    return this.received.flatMap(({ event }) => ('seq' in event ? [event.seq as number] : []));
  }

  async untilType(type: string, count = 1): Promise<SyncEvent & Record<string, unknown>> {
    await waitFor(
      () => this.types.filter((each) => each === type).length >= count,
      `${count} × ${type}; got ${this.types.slice(-8).join()}; errors ${JSON.stringify(this.errors)}`,
    );
    return this.received.findLast(({ event }) => event.type === type)?.event as SyncEvent & Record<string, unknown>;
  }

  async untilError(): Promise<Subscription['errors'][number]> {
    return await waitFor(() => this.errors.at(-1), 'an error');
  }

  stop(): void {
    this.#stop();
  }
}
