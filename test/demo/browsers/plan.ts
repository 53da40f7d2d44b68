/** Which queries each mutation concerns, found by calling all of them once in a process without browsers: those that read what it writes. */
import { startApp } from '../weddingflo/app.js';
import { LOOK_UPS, prepare, steps, type Row } from '../weddingflo/calls.js';
import { entriesOf } from '../weddingflo/entries.js';
import { rowOfGuest } from '../weddingflo/run.js';
import { differs, readAgain, readTruth, watchTables } from '../weddingflo/tables.js';

/** Paths by mutation; a path stands for one entry. */
export type Plan = ReadonlyMap<string, readonly string[]>;

export async function planOf(bundle: string): Promise<Plan> {
  const app = await startApp(bundle);
  try {
    const call = async (path: string, input: unknown): Promise<Row> => ((await app.call(path, input)) ?? {}) as Row;
    const world = await prepare(call);
    const entries = entriesOf(world);
    const rows: Record<string, Row> = {};
    const plan = new Map<string, readonly string[]>();
    let before = await readTruth(app, entries);
    for (const { path, input, as } of steps(world)) {
      const lookUp = LOOK_UPS[path];
      if (lookUp) rows[lookUp.as] = await rowOfGuest(app, lookUp.query, world);
      const { writes } = await watchTables(app, async () => {
        const answer = await call(path, input(rows));
        if (as !== undefined) rows[as] = answer;
      });
      const after = await readAgain(app, before, writes);
      const concerned = after.filter(
        ({ value, reads }, index) => differs(value, before[index]?.value) || [...reads].some((table) => writes.has(table)),
      );
      // Of one that concerns nothing, what its router has: it has to stay as it is.
      const ofRouter = after.filter(({ entry }) => entry.path.startsWith(`${path.split('.')[0]}.`));
      plan.set(path, (concerned.length > 0 ? concerned : ofRouter).map(({ entry }) => entry.path));
      before = after;
    }
    return plan;
  } finally {
    await app.close();
  }
}
