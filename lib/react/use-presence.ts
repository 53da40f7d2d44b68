/** `usePresence`: who is there. */
import { useCallback, useEffect, useMemo, useState } from 'react';
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

export function usePresence({ topic, load }: PresenceOptions = {}): Presence {
  const store = useStore('usePresence');
  const { state } = useStatus(store);
  const newest = useNewest(load);
  const [{ all, error }, set] = useState<{ all: readonly PresentUser[]; error: unknown }>({ all: [], error: undefined });
  const [asked, ask] = useState(0);
  const hasLoad = load !== undefined;

  useEffect(() => {
    /** What came while the answer was on its way: it is newer than the answer. */
    let meanwhile: Change[] | undefined = [];
    let over = false;
    const end = store.subscribe(
      (event) => {
        if (event.type !== 'ephemeral' || !isChange(event.data)) return;
        const change = event.data;
        meanwhile?.push(change);
        set((before) => ({ ...before, all: after(before.all, change) }));
      },
      { topics: ['presence'] },
    );
    if (state === 'live' && newest.current) {
      newest.current().then(
        (users) => {
          if (over) return;
          set({ all: (meanwhile ?? []).reduce(after, users), error: undefined });
          meanwhile = undefined;
        },
        (failed: unknown) => {
          if (!over) set((before) => ({ ...before, error: failed }));
        },
      );
    }
    return () => {
      over = true;
      end();
    };
  }, [store, newest, state, hasLoad, asked]);

  const users = useMemo(() => (topic === undefined ? all : all.filter(({ topics }) => topics.includes(topic))), [all, topic]);
  const reload = useCallback(() => ask((times) => times + 1), []);
  return useMemo(() => ({ users, error, reload }), [users, error, reload]);
}
