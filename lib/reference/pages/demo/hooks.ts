/** How components see a pane: its stream, and the results of its queries. */
import { createContext } from 'preact';
import { useContext, useEffect, useReducer, useRef } from 'preact/hooks';
import type { AddOptions } from '../../../offline/index.js';
import type { LiveStream } from '../shared/live-stream.js';
import type { QueryState } from '../shared/query-cache.js';
import type { Api } from '../shared/session.js';

export interface PaneContext {
  stream: LiveStream;
  clientId: string;
  selectClient(id: string): void;
  online: boolean;
  /** Keeps a mutation in this browser until the server has it, and shows what went wrong where that cannot be. Its id; undefined: it is not kept. */
  keep(path: string, input: object, options?: AddOptions): Promise<string | undefined>;
  /** Runs a mutation and shows what went wrong, if something did. */
  act(work: (api: Api) => Promise<unknown>): Promise<boolean>;
}

export const Pane = createContext<PaneContext | undefined>(undefined);

export function usePane(): PaneContext {
  const pane = useContext(Pane);
  if (!pane) throw new Error('usePane outside a pane');
  return pane;
}

/** A query's state; the component is drawn again whenever it changes. */
export function useQuery<T>(path: string, input: unknown, fetch: (api: Api) => Promise<T>): QueryState<T> {
  const { stream } = usePane();
  const [, redraw] = useReducer((count: number) => count + 1, 0);
  const key = JSON.stringify(input);
  useEffect(() => stream.cache.watch(path, input, () => fetch(stream.api), () => redraw(undefined)), [stream, path, key]);
  return stream.cache.state(path, input) as QueryState<T>;
}

/**
 * Which rows are new or differ from the last drawing: their id with a number that goes up each time,
 * so that an animation can start anew. Nothing flashes when the list is first there.
 */
export function useFlashes<R extends { id: string }>(rows: readonly R[] | undefined): ReadonlyMap<string, number> {
  const seen = useRef<{ rows: readonly R[] | undefined; texts: Map<string, string>; flashes: Map<string, number> }>({
    rows: undefined,
    texts: new Map(),
    flashes: new Map(),
  });
  const last = seen.current;
  if (rows && rows !== last.rows) {
    const texts = new Map(rows.map((row) => [row.id, JSON.stringify(row)]));
    if (last.rows) {
      for (const [id, text] of texts) {
        if (last.texts.get(id) !== text) last.flashes.set(id, (last.flashes.get(id) ?? 0) + 1);
      }
    }
    last.rows = rows;
    last.texts = texts;
  }
  return last.flashes;
}

/** Alternates between two names of one animation: changing the name starts it again. */
export const flashClass = (count: number | undefined): string => (count === undefined || count === 0 ? '' : count % 2 === 0 ? 'flash-even' : 'flash-odd');
