/** `npm run demo:weddingflo` (scripts/demo-weddingflo.mjs bundles and starts it, at the root of the repository). */
import { writeFileSync } from 'node:fs';
import { audit, type AuditReport } from '../../../lib/cli/audit/index.js';
import { COMPANY, FIRST, startApp, type RunningApp } from './app.js';
import { bridge } from './bridge.js';
import { printAudit, printOutcomes, printTally, tallyOf, type Tally } from './print.js';
import { isComplete, isRightlySilent, runAll, type Outcome, type Transport } from './run.js';

const print = (line = ''): void => void process.stdout.write(`${line}\n`);
const heading = (text: string): void => print(`\n=== ${text} ===\n`);
const bundled = (name: string): string => new URL(`./${name}.mjs`, import.meta.url).href;

/** Of one version: what the audit says, and what its mutations do. */
interface Part {
  totals: AuditReport['totals'];
  findings: number;
  outcomes: Outcome[];
  tally: Tally;
  /** What the hub had to say: warnings, failures, phantom paths. */
  complaints: string[];
}

export interface DemoResults {
  broken: Part;
  repaired: Part;
  /** What is not as it has to be; empty where all is right. */
  wrong: string[];
}

const [, , flag, file] = process.argv;
if (flag !== undefined && (flag !== '--json' || file === undefined)) {
  throw new Error(`demo:weddingflo: unknown argument ${flag}; allowed is --json FILE`);
}

function auditVersion(name: string): AuditReport {
  const report = audit(`test/fixtures/${name}`);
  printAudit(report, print);
  return report;
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

async function runRepaired(): Promise<Pick<Part, 'outcomes' | 'complaints'>> {
  const app = await startApp(bundled('weddingflo-repaired'));
  const complaints: string[] = [];
  app.module.hub?.on('warning', ({ message }) => complaints.push(message));
  app.module.hub?.on('error', ({ during, error }) => complaints.push(`${during}: ${String(error)}`));
  app.module.hub?.on('phantom', ({ path }) => complaints.push(`phantom path ${path}`));
  try {
    const outcomes = await runAll(app, ownTransport(app));
    return { outcomes, complaints };
  } finally {
    await app.close();
  }
}

async function runBroken(): Promise<Pick<Part, 'outcomes' | 'complaints'>> {
  const app = await startApp(bundled('weddingflo'));
  const transport = await bridge(app);
  try {
    return { outcomes: await runAll(app, transport), complaints: [] };
  } finally {
    await transport.close();
    await app.close();
  }
}

function told(report: AuditReport, { outcomes, complaints }: Pick<Part, 'outcomes' | 'complaints'>): Part {
  const tally = tallyOf(outcomes);
  printOutcomes(outcomes, print);
  print();
  printTally(tally, print);
  for (const complaint of complaints) print(`hub: ${complaint}`);
  return { totals: report.totals, findings: report.findings.length, outcomes, tally, complaints };
}

heading('Audit of the code base as it was found');
const brokenReport = auditVersion('weddingflo');
heading('Audit of the same code base, moved to pathcast');
const repairedReport = auditVersion('weddingflo-repaired');
heading('As it was found: what a second client\'s cache sees of each mutation');
const broken = told(brokenReport, await runBroken());
heading('Moved to pathcast: the same');
const repaired = told(repairedReport, await runRepaired());

const wrong = [
  ...repairedReport.findings.map(({ rule, message }) => `audit: ${rule}: ${message}`),
  ...repaired.outcomes
    .filter((outcome) => !(outcome.actions === 1 && isComplete(outcome)) && !isRightlySilent(outcome))
    .map(({ mutation }) => `${mutation} did not reach the second client's cache`),
  ...repaired.complaints,
  ...(repaired.tally.mutations === repairedReport.totals.mutations ? [] : ['not every mutation was called']),
];
heading(wrong.length === 0 ? 'All is right' : 'What is wrong');
for (const line of wrong) print(line);
if (wrong.length === 0) {
  print(`${repaired.tally.complete} of ${repaired.tally.mutations} mutations reach the second client's cache, the other ${repaired.tally.silent} have nothing to tell.`);
  print(`As it was found, ${broken.tally.complete} did.`);
}
if (file !== undefined) writeFileSync(file, JSON.stringify({ broken, repaired, wrong } satisfies DemoResults));
process.exitCode = wrong.length === 0 ? 0 : 1;
