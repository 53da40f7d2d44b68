/** `npm run demo:browsers` (scripts/demo-browsers.mjs bundles and starts it, at the root of the repository). */
import { readFileSync, writeFileSync } from 'node:fs';
import { Chromium } from '../../support/chromium/chromium.js';
import { planOf, type Plan } from './plan.js';
import { figuresOf, isReached, isSilent, printTable, type Figures } from './table.js';
import { handMade, withPathcast, type Version } from './versions.js';
import { walk, type Seen } from './walk.js';

export interface Part {
  seen: Seen[];
  figures: Figures;
  /** What the hub and the pages had to say. */
  complaints: string[];
}

export interface BrowserResults {
  handMade: Part;
  pathcast: Part;
  /** What is not as it has to be; empty where all is right. */
  wrong: string[];
}

const USAGE = 'demo:browsers: allowed is --json FILE, and --quick (both at once, one mutation right after the other: the times are worse)';

function argumentsOf(given: readonly string[]): { json: string | undefined; quick: boolean } {
  const rest = [...given];
  let json: string | undefined;
  let quick = false;
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    if (arg === '--quick') quick = true;
    else if (arg === '--json' && rest.length > 0) json = rest.shift();
    else throw new Error(`${USAGE}; got ${arg}`);
  }
  return { json, quick };
}

const print = (line = ''): void => void process.stdout.write(`${line}\n`);
const besideThis = (name: string): URL => new URL(`./${name}`, import.meta.url);

/** A browser of its own for each: neither waits for the other one's. */
async function run(begin: (bundle: string, script: string) => Promise<Version>, bundle: string, page: string, plan: Plan): Promise<Part> {
  const version = await begin(besideThis(bundle).href, readFileSync(besideThis(page), 'utf8'));
  const chromium = await Chromium.launch();
  try {
    const seen = await walk(chromium, version, plan, !quick);
    return { seen, figures: figuresOf(seen), complaints: version.complaints };
  } finally {
    await chromium.close();
    await version.close();
  }
}

const { json, quick } = argumentsOf(process.argv.slice(2));
// An instance of its own: what is called there is not in the database of the run.
const plan = await planOf(`${besideThis('weddingflo-repaired.mjs').href}?plan`);
const first = run(handMade, 'weddingflo.mjs', 'hand-made.js', plan);
// It is looked at below. Until then nobody else may.
void first.catch(() => undefined);
if (!quick) await first;
const pathcast = await run(withPathcast, 'weddingflo-repaired.mjs', 'with-pathcast.js', plan);
const old = await first;

const wrong = [
  ...pathcast.seen
    .filter((seen) => !isReached(seen) && !isSilent(seen))
    .map(({ mutation, stale, queries }) => `${mutation}: stale on the screen: ${stale.join(', ') || 'nothing'}; ${queries} queries read`),
  ...pathcast.complaints,
];
printTable(
  [
    { name: 'hand-made layer', figures: old.figures },
    { name: 'pathcast', figures: pathcast.figures },
  ],
  print,
);
for (const line of wrong) print(`WRONG: ${line}`);
if (json !== undefined) writeFileSync(json, JSON.stringify({ handMade: old, pathcast, wrong } satisfies BrowserResults));
process.exitCode = wrong.length === 0 ? 0 : 1;
