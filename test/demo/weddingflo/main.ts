/** `npm run demo:weddingflo` (scripts/demo-weddingflo.mjs bundles and starts it). */
import { writeFileSync } from 'node:fs';
import { COMPANY, FIRST, startApp, type RunningApp } from './app.js';
import { bridge } from './bridge.js';
import { printOutcomes, printTally, tallyOf, type Tally } from './print.js';
import { isComplete, isRightlySilent, runAll, type Outcome, type Transport } from './run.js';

const print = (line = ''): void => void process.stdout.write(`${line}\n`);
const heading = (text: string): void => print(`\n=== ${text} ===\n`);
const bundled = (name: string): string => new URL(`./${name}.mjs`, import.meta.url).href;

export interface DemoResults {
  repaired: { outcomes: Outcome[]; tally: Tally };
  broken: { outcomes: Outcome[]; tally: Tally };
}

/** The repaired version serves its own streams, from its own hub. */
function ownTransport(app: RunningApp): Transport {
  const { hub } = app.module;
  if (!hub) throw new Error('the repaired version has no hub');
  return {
    streamUrl: `${app.url}/api/realtime`,
    send: (action) => hub.broadcast({ ...action, companyId: COMPANY, userId: FIRST.userId }),
  };
}

async function runRepaired(): Promise<Outcome[]> {
  const app = await startApp(bundled('weddingflo-repaired'));
  try {
    return (await runAll(app, ownTransport(app))).outcomes;
  } finally {
    await app.close();
  }
}

async function runBroken(): Promise<Outcome[]> {
  const app = await startApp(bundled('weddingflo'));
  const transport = await bridge(app);
  try {
    return (await runAll(app, transport)).outcomes;
  } finally {
    await transport.close();
    await app.close();
  }
}

heading('As it was found: which of its mutations reach a second client');
const broken = await runBroken();
printOutcomes(broken, print);
print();
const brokenTally = tallyOf(broken);
printTally(brokenTally, print);
