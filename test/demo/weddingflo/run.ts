/** Calls every mutation from a first client and looks at what a second client's cache makes of it. */
import { createTRPCUntypedClient, httpLink } from '@trpc/client';
import { FIRST, SECOND, type RunningApp } from './app.js';
import { LOOK_UPS, prepare, steps, type Row, type World } from './calls.js';
import { entriesOf } from './entries.js';
import { fenceAction, SecondClient, type FenceAction } from './second-client.js';
import { differs, readAgain, readTruth, watchTables, type Truth } from './tables.js';

export interface Outcome {
  mutation: string;
  /** Tables that its SQL wrote. */
  wrote: string[];
  /** Actions that arrived at the second client. */
  actions: number;
  /** Query paths that those carried. */
  queryPaths: string[];
  /** Entries of the cache whose value in the database changed. */
  changed: string[];
  /** Entries that read a table which was written. */
  readers: string[];
  /** Entries that were invalidated. */
  invalidated: string[];
  /** Entries of `changed` that equal the database afterwards. */
  current: string[];
  /** Entries of the whole cache that do not. */
  stale: string[];
}

export interface Transport {
  /** Where the second client subscribes. */
  streamUrl: string;
  /** Sends an action to the second client's stream, behind all that was sent before. */
  send(action: FenceAction): Promise<unknown>;
}

export async function runAll(app: RunningApp, transport: Transport): Promise<Outcome[]> {
  const apiUrl = `${app.url}/api/trpc`;
  const first = createTRPCUntypedClient({
    links: [httpLink({ url: apiUrl, headers: { authorization: `Bearer ${FIRST.token}` } })],
  });
  const mutate = async (path: string, input: unknown): Promise<Row> => ((await first.mutation(path, input)) ?? {}) as Row;

  const world = await prepare(mutate);
  const entries = entriesOf(world);
  const second = new SecondClient(entries);
  await second.open(apiUrl, transport.streamUrl, SECOND.token);
  const outcomes: Outcome[] = [];
  try {
    const rows: Record<string, Row> = {};
    let before = await readTruth(app, entries);
    for (const { path, input, as } of steps(world)) {
      const lookUp = LOOK_UPS[path];
      if (lookUp) rows[lookUp.as] = await rowOfGuest(app, lookUp.query, world);
      const seen = await watchTables(app, async () => {
        const answer = await mutate(path, input(rows));
        if (as !== undefined) rows[as] = answer;
      });
      await passFence(second, transport, path);
      await second.settled();
      const after = await readAgain(app, before, seen.writes);
      const outcome = judge(path, seen.writes, before, after, second);
      outcomes.push(outcome);
      before = after;
      await second.refetch(entries.filter((entry) => outcome.stale.includes(entry.path)));
      second.takeSeen();
    }
    await second.settled();
    const wrong = (await readTruth(app, entries)).filter(({ entry, value }) => differs(second.read(entry), value));
    if (wrong.length > 0) throw new Error(`at the end the cache is wrong about ${wrong.map(({ entry }) => entry.path).join(', ')}`);
  } finally {
    second.close();
  }
  return outcomes;
}

async function passFence(second: SecondClient, transport: Transport, name: string): Promise<void> {
  const arrived = second.fence(name);
  await transport.send(fenceAction(name));
  await arrived;
}

export async function rowOfGuest(app: RunningApp, query: string, { clientId }: World): Promise<Row> {
  const rows = (await app.call(query, { clientId })) as Row[];
  const row = rows.find(({ guestId }) => typeof guestId === 'string');
  if (!row) throw new Error(`${query} has no row of a guest`);
  return row;
}

function judge(
  mutation: string,
  writes: ReadonlySet<string>,
  before: readonly Truth[],
  after: readonly Truth[],
  second: SecondClient,
): Outcome {
  const { invalidated, actions } = second.takeSeen();
  const named = (truths: readonly Truth[]): string[] => truths.map(({ entry }) => entry.path);
  const isCurrent = ({ entry, value }: Truth): boolean => !differs(second.read(entry), value);
  const changed = after.filter(({ value }, index) => differs(value, before[index]?.value));
  return {
    mutation,
    wrote: [...writes],
    actions: actions.length,
    queryPaths: [...new Set(actions.flatMap(({ queryPaths }) => queryPaths))],
    changed: named(changed),
    readers: named(after.filter(({ reads }) => [...reads].some((table) => writes.has(table)))),
    invalidated: invalidated.map(({ path }) => path),
    current: named(changed.filter(isCurrent)),
    stale: named(after.filter((truth) => !isCurrent(truth))),
  };
}

/** All that the mutation changed is current in the second client's cache. */
export function hasReached({ changed, current }: Outcome): boolean {
  return changed.length > 0 && current.length === changed.length;
}

/** Also, what it may have changed was invalidated: each entry that reads a table which was written. */
export function isComplete({ changed, readers, invalidated, stale }: Outcome): boolean {
  return stale.length === 0 && [...changed, ...readers].every((path) => invalidated.includes(path));
}

/** Nothing was sent, and there was nothing to tell. */
export function isRightlySilent({ actions, changed, readers, stale }: Outcome): boolean {
  return actions === 0 && changed.length === 0 && readers.length === 0 && stale.length === 0;
}
