/** `usePresence`: who is there. */
import { useCallback, useEffect, useMemo, useState, useSyncExternalStore } from 'react';
import type { SyncClient } from '../client/index.js';
import { useNewest, useStatus, useStore } from './context.js';

/** As `hub.presence()` gives it. */
export interface PresentUser {
  userId: string;
  topics: readonly string[];
  data: unknown;
  /** Unix ms: when the first of its streams opened. */
  since: number;
}

export interface PresenceOptions {
  /** Only users who are at this topic. Default: all of the company. */
  topic?: string | undefined;
  /**
   * Asks the server who is there: a procedure of yours over `hub.presence(companyId, topic)`. Called each time the stream is live anew, for joins
   * and leaves are lost to who is not there. Without it only those are known who came since.
   */
  load?: (() => Promise<readonly PresentUser[]>) | undefined;
}

export interface Presence {
  /** In the order in which they came. */
  readonly users: readonly PresentUser[];
  /** Why the last `load` failed; undefined after one that did not. */
  readonly error: unknown;
  /** Asks `load` again. The same function in each render. */
  readonly reload: () => void;
}

type Change = PresentUser & { event: 'join' | 'update' | 'leave' };

const isChange = (data: unknown): data is Change => {
  const { event, userId } = Object(data) as Partial<Change>;
  return typeof userId === 'string' && (event === 'join' || event === 'update' || event === 'leave');
};

/** What a change makes of who was there. Pure. */
function after(users: readonly PresentUser[], { event, ...user }: Change): readonly PresentUser[] {
  const at = users.findIndex(({ userId }) => userId === user.userId);
  if (event === 'leave') return at < 0 ? users : users.filter((_, index) => index !== at);
  return at < 0 ? [...users, user] : users.map((one, index) => (index === at ? user : one));
}

interface Known {
  /** The client that it was heard from. */
  of: SyncClient | undefined;
  all: readonly PresentUser[];
  error: unknown;
}
const NONE: Omit<Known, 'of'> = { all: [], error: undefined };
const nobody = (): undefined => undefined;

export function usePresence({ topic, load }: PresenceOptions = {}): Presence {
  const store = useStore('usePresence');
  const { state } = useStatus(store);
  const newest = useNewest(load);
  const client = useSyncExternalStore(store.watch, () => store.client, nobody);
  const [known, set] = useState<Known>({ of: undefined, ...NONE });
  // Of another client, and of its company, nothing is shown.
  const { all, error } = known.of === client ? known : NONE;
  const [asked, ask] = useState(0);
  const hasLoad = load !== undefined;

  useEffect(() => {
    /** What came while the answer was on its way: it is newer than the answer. */
    let meanwhile: Change[] | undefined = [];
    let over = false;
    const change = (made: (before: Pick<Known, 'all' | 'error'>) => Partial<Known>): void =>
      set((before) => {
        const own = before.of === client ? before : NONE;
        return { ...own, ...made(own), of: client };
      });
    const end = store.subscribe(
      (event) => {
        if (event.type !== 'ephemeral' || !isChange(event.data)) return;
        const one = event.data;
        meanwhile?.push(one);
        change(({ all: before }) => ({ all: after(before, one) }));
      },
      { topics: ['presence'] },
    );
    const now = newest.current;
    if (state === 'live' && now) {
      // One that throws at once has failed as one that rejects has.
      new Promise<readonly PresentUser[]>((resolve) => resolve(now())).then(
        (users) => {
          if (over) return;
          if (!Array.isArray(users)) return change(() => ({ error: new TypeError(`usePresence: load must give a list of users, got ${typeof users}`) }));
          change(() => ({ all: (meanwhile ?? []).reduce(after, users as readonly PresentUser[]), error: undefined }));
          meanwhile = undefined;
        },
        (failed: unknown) => {
          if (!over) change(() => ({ error: failed }));
        },
      );
    }
    return () => {
      over = true;
      end();
    };
  }, [store, client, newest, state, hasLoad, asked]);

  const users = useMemo(() => (topic === undefined ? all : all.filter(({ topics }) => topics.includes(topic))), [all, topic]);
  const reload = useCallback(() => ask((times) => times + 1), []);
  return useMemo(() => ({ users, error, reload }), [users, error, reload]);
}
