/** How a stream is opened. Three ways, one face: each tells what it hears and is told when to stop. */
import type { Failure } from '../machine/types.js';

/** Where a stream is to begin, and whose it is. */
export interface Ask extends Partial<Credentials> {
  /** The position to go on from, or what the page already has; undefined: from now. */
  cursor: string | number | undefined;
  instance: string;
  generation: number;
}

/** What the app gives to be let in. */
export interface Credentials {
  readonly headers: Readonly<Record<string, string>>;
  /** For the address: a token, where the app wants it there. */
  readonly params: Readonly<Record<string, string>>;
}

/** Whoever opened it hears nothing of an attempt that has failed or was ended: a transport need not keep that itself. */
export interface Hears {
  /** The answer has begun, and is a stream. */
  head: () => void;
  /** One message: its name (`message` without one), its JSON as text or already read, its id. */
  message: (name: string, data: unknown, id: string | undefined) => void;
  retry: (ms: number) => void;
  /** The attempt, or the stream, is over; it is ended next. */
  failed: (failure: Failure) => void;
}

/** Begins, and gives back what ends it without a word. */
export type Transport = (ask: Ask, hears: Hears) => () => void;

/** Characters of one message. Beyond it what comes is none of pathcast's streams: an event is at most some 64 KiB. */
export const MAX_MESSAGE = 1 << 20;

/** The place of a stream, under the server's names. */
export const placeOf = ({ cursor, instance, generation }: Ask): Record<string, string | number> => ({
  ...(cursor !== undefined && (typeof cursor === 'number' ? { since: Math.floor(cursor) } : { lastEventId: cursor })),
  clientInstanceId: instance,
  clientGeneration: generation,
});

/** The address of a stream. */
export function addressOf(url: URL, ask: Ask): string {
  const address = new URL(url);
  for (const [name, value] of Object.entries({ ...ask.params, ...placeOf(ask) })) address.searchParams.set(name, value as string);
  return address.href;
}
