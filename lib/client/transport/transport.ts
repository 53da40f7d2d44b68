/** How a stream is opened. Three ways, one face: each tells what it hears and is told when to stop. */
import type { Failure } from '../machine/types.js';

/** Where a stream is to begin, and whose it is. */
export interface Ask {
  /** The position to go on from, or what the page already has; undefined: from now. */
  cursor: string | number | undefined;
  instance: string;
  generation: number;
  token: string | undefined;
}

export interface Hears {
  /** The answer has begun, and is a stream. */
  head: () => void;
  /** One message: its name (`message` without one), its JSON as text or already read, its id. */
  message: (name: string, data: unknown, id: string | undefined) => void;
  retry: (ms: number) => void;
  /** The attempt, or the stream, is over. Said once; nothing is heard after it. */
  failed: (failure: Failure) => void;
}

/** Begins, and gives back what ends it without a word. */
export type Transport = (ask: Ask, hears: Hears) => () => void;

/** Characters of one message. Beyond it what comes is none of pathcast's streams: an event is at most some 64 KiB. */
export const MAX_MESSAGE = 1 << 20;

/** The address of a stream. */
export function addressOf(url: URL, { cursor, instance, generation, token }: Ask, tokenParam: string | undefined): string {
  const address = new URL(url);
  const put = (name: string, value: string | number | undefined): void => {
    if (value !== undefined) address.searchParams.set(name, String(value));
  };
  put(typeof cursor === 'number' ? 'since' : 'lastEventId', cursor);
  put('clientInstanceId', instance);
  put('clientGeneration', generation);
  if (tokenParam !== undefined) put(tokenParam, token);
  return address.href;
}
