/** The command line of `npm run bench`. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { GROUPS, SCENARIOS } from '../scenarios/index.mjs';
import { root } from './paths.mjs';
import { addBefore, BEFORE, SUBJECTS } from './subjects.mjs';

export class UsageError extends Error {}

const NAMES = SCENARIOS.map(({ name }) => name);

export const HELP = `npm run bench -- [SCENARIO ...] [options]

Scenarios: ${NAMES.join(', ')} (default: all); ${Object.keys(GROUPS).join(', ')}: those that begin so
Subjects:  ${Object.keys(SUBJECTS).join(', ')}

  --quick            few connections, one trial: shows that everything runs, says nothing about speed
  --subjects A,B     only these
  --trials N         trials of each subject
  --set KEY=NUMBER   a parameter of the scenario (clients=1000, stallMs=10000); may be repeated
  --against FOLDER   the native engine of another built checkout too, as the subject '${BEFORE}', in the same rounds
  --out FILE         where the figures go (default bench/results/latest.json, quick ones quick.json)
  --no-build         measure pathcast as it was built last
  --check            exit with 1 when a target is missed
  --help`;

function pick(given, valid, what) {
  for (const name of given) {
    if (!valid.includes(name)) throw new UsageError(`unknown ${what} "${name}"; valid ones: ${valid.join(', ')}`);
  }
  return given;
}

function parameter(text) {
  const [key, value, ...rest] = text.split('=');
  const number = Number(value);
  if (!key || !value || rest.length > 0 || !Number.isFinite(number) || number < 0) {
    throw new UsageError(`--set takes KEY=NUMBER with a number of at least 0, got "${text}"`);
  }
  return [key, number];
}

/** Where the native engine is measured, the checkout of `--against` is measured right before it. */
function withBefore(scenario, against) {
  const { subjects } = scenario;
  if (!against || !subjects.includes('pathcast-native')) return scenario;
  return { ...scenario, subjects: subjects.flatMap((name) => (name === 'pathcast-native' ? [BEFORE, name] : [name])) };
}

/** Throws UsageError for what it does not understand. */
export function readArguments(argv) {
  let parsed;
  try {
    parsed = parseArgs({
      args: argv,
      allowPositionals: true,
      options: {
        quick: { type: 'boolean', default: false },
        subjects: { type: 'string' },
        trials: { type: 'string' },
        set: { type: 'string', multiple: true, default: [] },
        out: { type: 'string' },
        against: { type: 'string' },
        'no-build': { type: 'boolean', default: false },
        check: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    throw new UsageError(error.message);
  }
  const { values, positionals } = parsed;
  const names = pick(positionals.flatMap((name) => GROUPS[name] ?? [name]), NAMES, 'scenario');
  const scenarios = SCENARIOS.filter(({ name }) => names.length === 0 || names.includes(name));
  const set = Object.fromEntries(values.set.map(parameter));
  const known = new Set(scenarios.flatMap(({ parameters }) => Object.keys(parameters)));
  pick(Object.keys(set), [...known], 'parameter');
  const trials = values.trials === undefined ? undefined : Number(values.trials);
  if (trials !== undefined && !(Number.isInteger(trials) && trials > 0)) {
    throw new UsageError(`--trials takes a whole number of at least 1, got "${values.trials}"`);
  }
  if (values.against !== undefined) {
    const folder = path.resolve(values.against);
    if (!existsSync(path.join(folder, 'dist/esm/index.js'))) {
      throw new UsageError(`--against takes the folder of a checkout that is built, got "${values.against}"`);
    }
    addBefore(folder);
  }
  return {
    scenarios: scenarios.map((scenario) => withBefore(scenario, values.against !== undefined)),
    subjects: values.subjects === undefined ? undefined : pick(values.subjects.split(','), [...new Set([...Object.keys(SUBJECTS), ...SCENARIOS.flatMap(({ subjects }) => subjects)])], 'subject'),
    trials,
    set,
    quick: values.quick,
    build: !values['no-build'],
    check: values.check,
    help: values.help,
    out: path.resolve(values.out ?? path.join(root, 'bench/results', values.quick ? 'quick.json' : 'latest.json')),
  };
}
