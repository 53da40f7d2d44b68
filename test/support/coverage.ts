/** What a client knows, from what it was told. */
import type { SyncEvent } from '../../lib/protocol/events.js';

/** Events of the messages in a stream's text. */
export function eventsIn(text: string): SyncEvent[] {
  return text
    .split('\n')
    .flatMap((line) =>
      line.startsWith('data: {"') && !line.includes('"retryMs"') ? [JSON.parse(line.slice(6)) as SyncEvent] : [],
    );
}

/**
 * The seqs told of, each by an action or by an `invalidate` that covers it. Throws if one is told twice or out of order;
 * a client without a filter must end up with 1, 2, 3, …
 */
export function coveredSeqs(events: readonly SyncEvent[]): number[] {
  const seqs: number[] = [];
  for (const event of events) {
    const [from, to] =
      event.type === 'invalidate' ? [event.from ?? 1, event.to ?? 0] : 'seq' in event ? [event.seq, event.seq] : [1, 0];
    for (let seq = from; seq <= to; seq++) {
      if (seq <= (seqs.at(-1) ?? 0)) throw new Error(`${seq} is told after ${seqs.at(-1)}`);
      seqs.push(seq);
    }
  }
  return seqs;
}
