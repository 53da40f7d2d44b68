/** What becomes of what a person did offline: the same things happen to each library, in Chromium, and the server counts. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { root } from '../harness/paths.mjs';
import { installPackages, versionOf } from '../offline/bundle.mjs';
import { markdown, terminalTable } from '../offline/report.mjs';
import { cells, chromiumVersion } from '../offline/run.mjs';
import { LIBRARIES } from '../offline/subjects.mjs';
import { WORDS } from '../offline/verdicts.mjs';

const metricOf = (word) => word.replace(/[ /](\w)/, (_, letter) => letter.toUpperCase());
/** What this run has found, by subject. */
const found = {};

export const offline = {
  name: 'offline',
  about: 'what becomes of what a person did offline: tabs closed and killed, answers lost, disks full, conflicts, sign-outs',
  subjects: Object.keys(LIBRARIES),
  trials: 1,
  parameters: { parallel: 4, patienceMs: 20_000 },
  quick: { patienceMs: 8_000 },
  metrics: Object.fromEntries(WORDS.map((word) => [metricOf(word), 'scenarios'])),
  trial: async (subject, { parallel, patienceMs }) => {
    const { adapter, packages } = LIBRARIES[subject];
    if (packages.length > 0) installPackages();
    const { done, failures } = await cells({ subject, adapter, parallel, patience: patienceMs });
    if (failures.length > 0) throw new Error(failures.map(({ scenario, error }) => `${scenario}: ${error.message.split('\n')[0]}`).join('; '));
    found[subject] = { cells: done, versions: Object.fromEntries(packages.map((name) => [name, versionOf(name)])), about: { chromium: await chromiumVersion() } };
    return Object.fromEntries(WORDS.map((word) => [metricOf(word), done.filter((cell) => cell.word === word).length]));
  },
  ratios: [],
  targets: [],
  /** Beside the figures: who got which word, and why. What other libraries got in runs before stays. */
  finish: ({ about, out }) => {
    const folder = path.dirname(out);
    const kept = path.join(folder, 'offline-cells.json');
    const runs = existsSync(kept) ? JSON.parse(readFileSync(kept, 'utf8')) : {};
    for (const [subject, run] of Object.entries(found)) runs[subject] = { ...run, about: { ...run.about, commit: about.commit, node: about.node, date: about.date } };
    mkdirSync(folder, { recursive: true });
    writeFileSync(kept, `${JSON.stringify(runs, null, 2)}\n`);
    writeFileSync(path.join(folder, 'offline.md'), markdown(runs));
    return `${terminalTable(runs)}\nwritten: ${path.relative(root, path.join(folder, 'offline.md'))}`;
  },
};
