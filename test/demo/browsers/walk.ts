/** Each mutation from a first browser, and what a second browser's screen makes of it. */
import type { Chromium } from '../../support/chromium/chromium.js';
import type { Tab } from '../../support/chromium/tab.js';
import { waitFor } from '../../support/wait.js';
import { COMPANY, FIRST, SECOND } from '../weddingflo/app.js';
import { LOOK_UPS, prepare, steps, type Row } from '../weddingflo/calls.js';
import { entriesOf, type Entry } from '../weddingflo/entries.js';
import { rowOfGuest } from '../weddingflo/run.js';
import { differs, readTruth } from '../weddingflo/tables.js';
import { watchCommits } from './commits.js';
import type { Rendered } from './page/screen.js';
import type { Plan } from './plan.js';
import type { Counted } from './site.js';
import type { Version } from './versions.js';

export interface Seen extends Counted {
  mutation: string;
  /** Queries that were on the screen. */
  shown: string[];
  /** Those of them whose answer the mutation changed. */
  changed: string[];
  /** Those whose card does not say what the server answers now. */
  stale: string[];
  /** From the commit until the last of `changed` was on the screen; null: some never were. */
  ms: number | null;
  streamBytes: number;
}

/** After which the client takes a mutation for one that follows none, ms (SPEC §16). */
const CALM_MS = 1_200;
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** The browser of one user; nothing is shared with another one's. */
async function open(chromium: Chromium, { site, name }: Version, token: string): Promise<Tab> {
  const tab = await chromium.open(`${site.url}/?as=${token}`, { context: await chromium.privateContext() });
  await waitFor(() => tab.evaluate<boolean>('globalThis.app?.isLive() === true'), `a stream of ${name}`);
  return tab;
}

async function textsOf(tab: Tab): Promise<ReadonlyMap<string, unknown>> {
  const texts = await tab.evaluate<Record<string, string>>('app.texts()');
  return new Map(Object.entries(texts).map(([path, text]) => [path, JSON.parse(text)]));
}

/** Shows these queries anew, and waits until all of them are there. */
async function show(tab: Tab, entries: readonly Entry[]): Promise<void> {
  await tab.evaluate(`app.show(${JSON.stringify(entries)})`);
  await waitFor(
    () => tab.evaluate<boolean>(`app.isQuiet() && Object.keys(app.texts()).length === ${entries.length}`),
    `${entries.map(({ path }) => path).join(', ')} on the screen`,
  );
}

/** Waits until all that was told so far has been heard, and what follows from it has been read. */
async function settled(tab: Tab, version: Version, name: string): Promise<void> {
  await version.mark(name);
  await waitFor(() => tab.evaluate<boolean>(`app.heard.includes(${JSON.stringify(name)})`), `the mark behind ${name}`);
  await waitFor(() => tab.evaluate<boolean>('app.isQuiet()'), `the refetches of ${name}`);
}

/** From the commit until the last of these was on the screen as it is now. */
function delayOf(changed: readonly string[], committed: number, rendered: readonly Rendered[]): number {
  const last = changed.map((path) => rendered.findLast((one) => one.path === path)?.at ?? Infinity);
  return Math.max(0, ...last.map((at) => at - committed));
}

/** `calm`: each mutation stands alone; else it follows the one before as in a burst. */
export async function walk(chromium: Chromium, version: Version, plan: Plan, calm: boolean): Promise<Seen[]> {
  const { app, site } = version;
  const companyOf = await app.module.contextOfToken(FIRST.token);
  if (companyOf.companyId !== COMPANY) throw new Error(`the first user is of ${companyOf.companyId}`);
  const first = await open(chromium, version, FIRST.token);
  const mutate = (path: string, input: unknown): Promise<Row> =>
    first.evaluate<Row>(`app.mutate(${JSON.stringify(path)}, ${JSON.stringify(input)}).then((answer) => answer ?? {})`);
  const world = await prepare(mutate);
  const entries = entriesOf(world);
  const lastCommit = watchCommits(app);
  const second = await open(chromium, version, SECOND.token);

  const all: Seen[] = [];
  const rows: Record<string, Row> = {};
  for (const { path, input, as } of steps(world)) {
    const lookUp = LOOK_UPS[path];
    if (lookUp) rows[lookUp.as] = await rowOfGuest(app, lookUp.query, world);
    const shown = entries.filter((entry) => plan.get(path)?.includes(entry.path));
    await show(second, shown);
    const before = await readTruth(app, shown);
    // A mutation comes at any moment of a round.
    await sleep((calm ? CALM_MS : 0) + Math.random() * version.roundMs);

    site.forget();
    const streamBytes = version.streamBytes();
    await second.evaluate('void app.takeRendered()');
    const answer = await mutate(path, input(rows));
    if (as !== undefined) rows[as] = answer;
    const committed = lastCommit();
    await settled(second, version, path);

    const after = await readTruth(app, shown);
    const texts = await textsOf(second);
    const rendered = await second.evaluate<Rendered[]>('app.takeRendered()');
    const changed = after.filter(({ value }, index) => differs(value, before[index]?.value)).map(({ entry }) => entry.path);
    const stale = after.filter(({ entry, value }) => differs(texts.get(entry.path), value)).map(({ entry }) => entry.path);
    all.push({
      mutation: path,
      shown: shown.map((entry) => entry.path),
      changed,
      stale,
      ms: changed.length > 0 && stale.length === 0 ? delayOf(changed, committed, rendered) : null,
      ...(await site.counted(SECOND.userId)),
      streamBytes: version.streamBytes() - streamBytes,
    });
  }
  version.complaints.push(...[first, second].flatMap(({ complaints }) => complaints));
  return all;
}
