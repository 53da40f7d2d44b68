/** One person's browser, as it were: a session, a stream and a cache of its own. */
import { useEffect, useMemo, useReducer, useState } from 'preact/hooks';
import { LiveStream } from '../shared/live-stream.js';
import { QueryCache } from '../shared/query-cache.js';
import type { Api, Person } from '../shared/session.js';
import { BudgetCard, ClientsCard, HotelCard, TimelineCard, TransportCard } from './cards.js';
import { GuestList } from './guest-list.js';
import { Pane, type PaneContext } from './hooks.js';
import { PageList } from './page-list.js';
import { StatusPill, StreamStrip } from './stream-strip.js';

/** The first of the demo clients of each company. */
const FIRST_CLIENT = 'demo-rose-and-theo';

export function PersonPane({ person, tint }: { person: Person; tint: string }) {
  const [, redraw] = useReducer((count: number) => count + 1, 0);
  const [clientId, selectClient] = useState(FIRST_CLIENT);
  const [problem, setProblem] = useState<string>();
  const [ready, setReady] = useState(false);
  const stream = useMemo(() => new LiveStream(person, new QueryCache(), () => redraw(undefined)), [person]);
  useEffect(() => {
    void stream.start().then(() => setReady(true));
  }, [stream]);

  useEffect(
    () =>
      stream.offline.onProblem(({ code, message }) => {
        // Badge and lists say what has become of an entry.
        if (!['conflict', 'rejected', 'dead'].includes(code)) setProblem(message);
      }),
    [stream],
  );

  const { view } = stream;
  const online = view.status !== 'offline';
  const act = async (work: (api: Api) => Promise<unknown>): Promise<boolean> => {
    try {
      await work(stream.api);
      setProblem(undefined);
      return true;
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
      return false;
    }
  };

  const keep: PaneContext['keep'] = async (path, input, options) => {
    let kept: string | undefined;
    await act(async () => {
      const { id, answer } = await stream.offline.add(path, input, options);
      kept = id;
      // What the server makes of it is in the entry.
      answer.catch(() => undefined);
    });
    return kept;
  };

  return (
    <Pane.Provider value={{ stream, clientId, selectClient, online, act, keep }}>
      <article class={`pane ${tint} ${online ? '' : 'away'}`} aria-label={`${person.name} of ${person.companyName}`} data-pane={person.userId}>
        <header class="pane-head">
          <span class="avatar" aria-hidden="true">{person.name[0]}</span>
          <div class="grow">
            <h2>
              {person.name} <StatusPill view={view} />
            </h2>
            <p class="company">{person.companyName}</p>
          </div>
          <button type="button" class="button quiet small" onClick={() => (online ? stream.goOffline() : void stream.comeBack())}>
            {online ? 'Go offline' : 'Come back'}
          </button>
        </header>
        <StreamStrip view={view} />
        {problem !== undefined && (
          <p class="notice bad" role="alert">
            <span class="grow">{problem}</span>
            <button type="button" class="link" onClick={() => setProblem(undefined)}>Dismiss</button>
          </p>
        )}
        {ready ? (
          <>
            {view.hasPages && <PageList />}
            <GuestList />
            <div class="cards">
              <HotelCard />
              <TransportCard />
              <BudgetCard />
              <TimelineCard />
              <ClientsCard />
            </div>
          </>
        ) : (
          <p class="empty">Logging in…</p>
        )}
      </article>
    </Pane.Provider>
  );
}
