/** What a page sends beside a mutation, so that it is done once however often it is sent. */
import { useRef } from 'preact/hooks';

export interface Once {
  /** Of other content it is another one. */
  of(what: unknown): { transactionId: string };
  /** There was an answer: the same content once more is another one, too. */
  done(): void;
}

/** One id for what the user does, the same for each try of it: where the answer was lost, who presses the button again gets it. */
export function useOnce(): Once {
  const last = useRef<{ key: string; transactionId: string } | undefined>(undefined);
  return {
    of: (what) => {
      const key = JSON.stringify(what);
      if (last.current?.key !== key) last.current = { key, transactionId: crypto.randomUUID() };
      return { transactionId: last.current.transactionId };
    },
    done: () => (last.current = undefined),
  };
}
