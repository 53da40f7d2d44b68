/** `offlineLink`: the mutations of a tRPC client that are declared go into the outbox, and what is asked is answered with what is kept laid over it. */
import { streamOf, type FenceLink, type Observer, type Operation, type Stream } from '../../tanstack/link.js';
import { invalid } from '../../client/invalid.js';
import { isPlain } from '../../protocol/where.js';
import { BYPASS, INSIDE, type Offline } from '../inside.js';
import { lay } from '../overlay/lay.js';
import { overlayOf, placeOf, type Item } from '../overlay/overlay.js';

/** A `TRPCLink`, of whichever router. */
export type OfflineLink = FenceLink;

/** For so long after it has failed the same input is the same mutation, tried again (`retry` of TanStack Query waits 30 s at most), ms. */
const AGAIN_MS = 60_000;

/** What is known of a refusal that no call of this page has met (another tab's, or one of before a reload), as tRPC's client takes it: `error.data` of an error of ours it would not see. */
function asAnswer(thrown: unknown): unknown {
  const { shape, data, httpStatus = 0 } = Object(thrown) as { shape?: object; data?: unknown; httpStatus?: number };
  // JSON-RPC's number, of which tRPC makes the status; what is none of these is an error inside.
  const code = httpStatus > 400 && httpStatus < 500 ? -31_600 - httpStatus : httpStatus === 400 ? -32_600 : -32_603;
  return httpStatus && data ? { error: { ...shape, code } } : thrown;
}

interface Answer {
  readonly result?: { readonly type?: string; readonly data?: unknown };
}

/**
 * First among a tRPC client's links, before `fenceLink`. A mutation that `createOffline` declares is kept, and its promise ends when the server has answered, or
 * refused it for good, whenever that is. To unsubscribe does not undo it; its `context` does not outlive the page. Everything else passes. Throws INVALID_OPTION for
 * what is no `createOffline()`.
 */
export function offlineLink(offline: Offline): OfflineLink {
  const inside = (Object(offline) as Partial<Offline>)[INSIDE];
  if (!inside) throw invalid('offline must be what createOffline() gave');
  const { environment: { now, report }, network, versions, versionsOf, mutations, clock } = inside;
  const overlay = overlayOf(inside);
  /** Calls on their way, and what was done when each began: its answer has that. */
  const calls = new Set<ReadonlySet<Item>>();
  overlay.hold({
    changed: () => undefined,
    expired: () => undefined,
    needs: (item) => [...calls].some((done) => !done.has(item)),
  });

  /** By the very object that a mutation was given: under which id it has failed, and with what in it. */
  const failed = new WeakMap<object, { id: string; text: string; at: number }>();

  const textOf = (path: string, input: unknown): string => guarded('', () => JSON.stringify([path, input])) as string;

  /** A mutation that is tried again keeps its id: what a person has decided about it meanwhile is decided. */
  async function add(path: string, input: unknown): Promise<unknown> {
    const before = Object(input) === input ? failed.get(input as object) : undefined;
    const again = before && isPlain(input) && Math.abs(now() - before.at) < AGAIN_MS && before.text === textOf(path, input);
    const { id, answer } = await offline.add(path, again ? { ...input, tx: { ...(input['tx'] as object | undefined), transactionId: before.id } } : input);
    try {
      return await answer;
    } catch (thrown) {
      if (Object(input) === input) failed.set(input as object, { id: before && again ? before.id : id, text: textOf(path, input), at: now() });
      throw thrown;
    }
  }

  /** What an app's own functions throw is reported, and keeps nobody from the answer. */
  function guarded(otherwise: unknown, run: () => unknown): unknown {
    try {
      return run();
    } catch (thrown) {
      report(thrown);
      return otherwise;
    }
  }

  return () => ({ op, next }: { op: Operation & { context?: Record<string, unknown> }; next: (op: Operation) => Stream }) => {
    const { type, path, input, context } = op;
    if (type === 'subscription' || context?.[BYPASS]) return next(op);
    const isQuery = type === 'query';
    return streamOf((observer: Observer) => {
      if (!isQuery && Object.hasOwn(mutations, path)) {
        const answered = (data: unknown): void => {
          observer.next?.({ result: { type: 'data', data } });
          observer.complete?.();
        };
        add(path, input).then(answered, (thrown) => observer.error?.(asAnswer(thrown)));
        return { unsubscribe: () => undefined };
      }
      const began = now();
      const done = new Set(overlay.items.filter(({ acked }) => acked));
      const prove = (): void => network.prove(Math.max(0, now() - began));
      const end = (): void => {
        calls.delete(done);
        overlay.look();
      };
      if (isQuery) calls.add(done);
      const source = next(op).subscribe({
        next(value) {
          prove();
          const { result } = value as Answer;
          if (isQuery && result && 'data' in result) {
            const { data } = result;
            guarded(undefined, () => {
              for (const { fields, ...key } of versionsOf[path]?.(data) || []) {
                versions.learn(key, fields);
                for (const version of Object.values(fields)) if (version !== null) clock?.receive(version);
              }
            });
            // A cache lays it itself, and keeps what is below.
            if (!overlay.caches) value = { ...(value as object), result: { ...result, data: guarded(data, () => laid(op, data, done)) } };
          }
          end();
          observer.next?.(value);
        },
        error(thrown) {
          end();
          const { data, cause } = Object(thrown) as { data?: unknown; cause?: { name?: unknown } };
          // An error of the app's is an answer, too.
          if (data) prove();
          else if (cause?.name !== 'AbortError') network.doubt();
          observer.error?.(thrown);
        },
        complete() {
          end();
          observer.complete?.();
        },
      }) as { unsubscribe?: () => void } | undefined;
      return {
        unsubscribe() {
          end();
          source?.unsubscribe?.();
        },
      };
    });
  };

  function laid({ path, input }: Operation, answer: unknown, done: ReadonlySet<Item>): unknown {
    return overlay.items.reduce((data, item) => {
      const { declared, layer } = item;
      const place = done.has(item) ? undefined : placeOf(declared, layer.id, path, input);
      return place ? lay(data, layer, place) : data;
    }, answer);
  }
}
