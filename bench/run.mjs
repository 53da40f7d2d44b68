#!/usr/bin/env node
/** `npm run bench`: runs scenarios, prints a table of each, writes the figures. README.md beside this says how to read them. */
import { spawnSync } from 'node:child_process';
import { HELP, readArguments, UsageError } from './harness/arguments.mjs';
import { loadClient, sendLoop } from './harness/binaries.mjs';
import { endAll, LOAD_CORE, pinned } from './harness/child.mjs';
import { save, surroundings, table, verdictLine } from './harness/report.mjs';
import { runScenario, verdicts } from './harness/runner.mjs';
import { buildPathcast } from './harness/build.mjs';

function parametersOf(scenario, { quick, set }) {
  const parameters = { ...scenario.parameters, ...(quick ? scenario.quick : {}) };
  for (const key of Object.keys(parameters)) if (key in set) parameters[key] = set[key];
  return parameters;
}

async function main(options) {
  const subjectsOf = ({ subjects }) => subjects.filter((name) => options.subjects?.includes(name) ?? true);
  const subjects = new Set(options.scenarios.flatMap(subjectsOf));
  if (options.build) buildPathcast(subjects, options.scenarios.some(({ native, ...scenario }) => native && subjectsOf(scenario).length > 0));
  loadClient();
  if (subjects.has('send-loop')) sendLoop();
  // The harness shares the load's core: it sleeps while figures are taken.
  if (pinned) spawnSync('taskset', ['-acp', String(LOAD_CORE), String(process.pid)]);

  const about = surroundings();
  console.log(Object.entries(about).map(([key, value]) => `${key}: ${value}`).join('\n'));
  let failed = false;
  let missed = false;
  for (const scenario of options.scenarios) {
    if (subjectsOf(scenario).length === 0) continue;
    const parameters = parametersOf(scenario, options);
    const trials = options.trials ?? (options.quick ? 1 : scenario.trials);
    console.log(`\n${scenario.name}: ${scenario.about}`);
    console.log(`  ${Object.entries(parameters).map(([key, value]) => `${key}=${value}`).join(' ')}, trials: ${trials}`);
    const { rows, failures } = await runScenario(scenario, { subjects: subjectsOf(scenario), trials, parameters });
    if (rows.length > 0) console.log(table(rows));
    for (const [subject, error] of failures) console.log(`FAILED ${subject}: ${error.message}`);
    const targets = options.quick ? [] : verdicts(scenario, rows);
    for (const verdict of targets) console.log(verdictLine(verdict));
    save(options.out, scenario.name, rows, { ...about, parameters, trials });
    const more = scenario.finish?.({ about, out: options.out });
    if (more) console.log(more);
    failed ||= failures.size > 0;
    missed ||= targets.some(({ met }) => !met);
  }
  console.log(`\nwritten: ${options.out}`);
  return failed || (options.check && missed) ? 1 : 0;
}

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => void endAll().finally(() => process.exit(130)));
}

try {
  const options = readArguments(process.argv.slice(2));
  if (options.help) console.log(HELP);
  else process.exitCode = await main(options);
} catch (error) {
  console.error(error instanceof UsageError ? `${error.message}\n\n${HELP}` : error);
  process.exitCode = 2;
} finally {
  await endAll();
}
