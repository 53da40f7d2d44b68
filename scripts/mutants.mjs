// npm run mutants [-- NAME…]: makes each slip of test/mutants by itself in a copy of the tree and runs the tests that
// must notice it. A name is a slip's or a list's. Says for each who noticed it; the exit code is 1 if one survived, no
// longer applies, or could not be judged.
//   --list      names, files and what each does
//   --check     only whether each still applies and names tests that exist (npm test does this)
//   --jobs N    so many copies of the tree at a time (1)
//   --in DIR    another checkout than this one
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { exclusively, main, Refusal, root as here, say } from './support.mjs';
import { applied, problemsOf, readSlips, selected } from './mutants/slips.mjs';
import { Workshop } from './mutants/workshop.mjs';

function parse(args) {
  const options = { root: here, jobs: 1, mode: 'run', names: [] };
  const rest = [...args];
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    if (arg === '--list' || arg === '--check') options.mode = arg.slice(2);
    else if (arg === '--jobs') options.jobs = Number(rest.shift());
    else if (arg === '--in') options.root = path.resolve(rest.shift() ?? '');
    else if (arg.startsWith('-')) throw new Refusal(`mutants: ${arg} is none of --list, --check, --jobs N, --in DIR.`);
    else options.names.push(arg);
  }
  if (!Number.isSafeInteger(options.jobs) || options.jobs < 1 || options.jobs > 64)
    throw new Refusal('mutants: --jobs takes a number from 1 to 64.');
  return options;
}

const isNative = (slip) => slip.file.startsWith('src/');
const programsOf = (slips) => [...new Set(slips.flatMap(({ tests }) => tests.flatMap(({ gtest }) => gtest ?? [])))];
const filesOf = (slips) => [...new Set(slips.flatMap(({ tests }) => tests.flatMap(({ jest }) => jest ?? [])))];

/**
 * Without a slip every test has to pass: one that fails anyhow notices nothing. Resolves to what failed: program or
 * file → the failed titles.
 */
async function cleanRun(workshop, slips) {
  const failing = new Map();
  const note = (where, title) => failing.set(where, [...(failing.get(where) ?? []), title]);
  const programs = programsOf(slips);
  if (programs.length > 0) {
    say(`building ${programs.length} test programs`);
    const problem = await workshop.buildNative(programs);
    if (problem) throw new Refusal(`${problem}\nThe copy of the tree does not build.`);
  }
  const files = filesOf(slips);
  if (files.length > 0) {
    say('building the addon');
    const problem = await workshop.buildAddon();
    if (problem) throw new Refusal(`${problem}\nThe addon of the copy does not build.`);
  }
  say('the tests without a slip');
  for (const program of programs) {
    const names = slips.flatMap(({ tests }) => tests.filter(({ gtest }) => gtest === program).map(({ name }) => name));
    const { failed, problem } = await workshop.gtest(program, [...new Set(names)]);
    if (problem) note(program, problem);
    for (const title of failed) note(program, title);
  }
  for (const file of files) {
    const { tests, late, problem } = await workshop.jest([file]);
    if (late || problem) note(file, late ? 'no end' : problem);
    for (const { title, status } of tests) if (status === 'failed') note(file, title);
    // A part of a title that no title has would pass for ever.
    for (const { name } of slips.flatMap((slip) => slip.tests).filter(({ jest, name }) => jest === file && name !== undefined)) {
      if (!late && !problem && !tests.some(({ title }) => title.includes(name))) note(file, `no title has ${JSON.stringify(name)}`);
    }
  }
  return failing;
}

/** `{ verdict, by }`: killed, SURVIVED, or why it could not be judged. */
async function judge(workshop, slip) {
  const place = applied(workshop.tree, slip);
  if (place.problem) return { verdict: 'no longer applies', by: place.problem };
  return await workshop.with(place.file, place.text, async () => {
    const native = slip.tests.filter(({ gtest }) => gtest);
    if (native.length > 0) {
      const problem = await workshop.buildNative(programsOf([slip]));
      if (problem) return { verdict: 'does not compile', by: problem };
      for (const program of programsOf([slip])) {
        const names = native.filter(({ gtest }) => gtest === program).map(({ name }) => name);
        const { failed, problem: trouble } = await workshop.gtest(program, names);
        if (failed.length > 0) return { verdict: 'killed', by: failed[0] };
        if (trouble) return { verdict: 'could not be judged', by: trouble };
      }
    }
    const others = slip.tests.filter(({ jest }) => jest);
    // That of the slip before this one would answer for it.
    if (others.length > 0 && (isNative(slip) || workshop.addonHasSlip)) {
      const problem = await workshop.buildAddon();
      workshop.addonHasSlip = isNative(slip);
      if (problem) return { verdict: 'does not compile', by: problem };
    }
    for (const { jest, name } of others) {
      const { tests, late, problem } = await workshop.jest([jest], name);
      if (late) return { verdict: 'killed', by: `${jest}: no end` };
      const failed = tests.find(({ status }) => status === 'failed');
      if (failed) return { verdict: 'killed', by: `${jest}: ${failed.title}` };
      if (problem) return { verdict: 'could not be judged', by: problem };
    }
    return { verdict: 'SURVIVED', by: '' };
  });
}

function table(rows) {
  const wide = Math.max(...rows.map(({ slip }) => slip.name.length));
  const far = Math.max(...rows.map(({ verdict }) => verdict.length));
  return rows.map(({ slip, verdict, by }) => `${slip.name.padEnd(wide)}  ${verdict.padEnd(far)}  ${by.split('\n')[0]}`).join('\n');
}

async function run({ root, jobs, names }) {
  const slips = selected(await readSlips(root), names);
  const stateDir = path.join(root, '.setup', 'mutants');
  mkdirSync(stateDir, { recursive: true });
  const begun = performance.now();
  const rows = new Map(slips.filter(({ equivalent }) => equivalent).map((slip) => [slip, { slip, verdict: 'equivalent', by: slip.equivalent }]));
  const real = slips.filter(({ equivalent }) => !equivalent);
  const workshops = Array.from({ length: Math.min(jobs, Math.max(1, real.length)) }, (_, i) => new Workshop(root, stateDir, i + 1));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.once(signal, () => {
      for (const workshop of workshops) workshop.stop();
      process.exit(signal === 'SIGINT' ? 130 : 143);
    });
  }
  for (const workshop of workshops) workshop.open();
  const applicable = real.filter((slip) => !applied(workshops[0].tree, slip).problem);
  const failing = applicable.length > 0 ? await cleanRun(workshops[0], applicable) : new Map();
  // The other copies build what the first one has shown to be sound.
  for (const workshop of workshops.slice(1)) {
    const problem = (await workshop.buildNative(programsOf(applicable))) ?? (filesOf(applicable).length > 0 ? await workshop.buildAddon() : undefined);
    if (problem) throw new Refusal(problem);
  }
  const waiting = [...real];
  const work = async (workshop) => {
    for (let slip = waiting.shift(); slip; slip = waiting.shift()) {
      const from = performance.now();
      const sick = slip.tests.find(({ gtest, jest, name }) => failing.get(gtest ?? jest)?.some((title) => name === undefined || title.includes(name)));
      const { verdict, by } = sick
        ? { verdict: 'could not be judged', by: `${sick.gtest ?? sick.jest} fails without it: ${failing.get(sick.gtest ?? sick.jest)[0]}` }
        : await judge(workshop, slip);
      rows.set(slip, { slip, verdict, by });
      say(`${slip.name} ${verdict} ${by.split('\n')[0]} (${((performance.now() - from) / 1000).toFixed(1)} s)`);
      if (verdict === 'does not compile' || verdict === 'could not be judged') process.stdout.write(`${by}\n`);
    }
  };
  await Promise.all(workshops.map(work));
  const result = slips.map((slip) => rows.get(slip));
  const counts = new Map();
  for (const { verdict } of result) counts.set(verdict, (counts.get(verdict) ?? 0) + 1);
  process.stdout.write(`\n${table(result)}\n\n`);
  for (const { slip, verdict } of result) if (verdict === 'SURVIVED') process.stdout.write(`${slip.name} survived: ${slip.why}\n`);
  const seconds = Math.round((performance.now() - begun) / 1000);
  process.stdout.write(`${slips.length} slips in ${seconds} s: ${[...counts].map(([verdict, count]) => `${count} ${verdict}`).join(', ')}\n`);
  const report = result.map(({ slip, verdict, by }) => ({ name: slip.name, file: slip.file, verdict, by }));
  writeFileSync(path.join(stateDir, 'report.json'), JSON.stringify(report, null, 1));
  return result.every(({ verdict }) => verdict === 'killed' || verdict === 'equivalent') ? 0 : 1;
}

main(async () => {
  const options = parse(process.argv.slice(2));
  const slips = await readSlips(options.root);
  try {
    selected(slips, options.names);
  } catch (error) {
    throw new Refusal(`mutants: ${error.message}`);
  }
  if (options.mode === 'list') {
    for (const { name, room, file, why, equivalent } of selected(slips, options.names))
      process.stdout.write(`${name}  ${room}  ${file}: ${why}${equivalent ? ` [equivalent: ${equivalent}]` : ''}\n`);
    return 0;
  }
  if (options.mode === 'check') {
    const problems = problemsOf(options.root, selected(slips, options.names));
    process.stdout.write(problems.map((line) => `${line}\n`).join(''));
    process.stdout.write(`${slips.length} slips, ${problems.length} problems\n`);
    return problems.length > 0 ? 1 : 0;
  }
  return await exclusively(() => run(options), path.join(options.root, '.setup', 'mutants', 'lock'));
});
