// The slips of test/mutants: small edits that somebody could make by mistake, each with the tests that must notice it.
// Here: reading the lists, finding where an edit goes, and checking that the tests which it names are there.
//
// A slip is `{ name, file, find, replace, tests, why }`. `find` is code: blanks, line ends and comments count only between
// words, so that no formatter can hide it. It has to be in `file` exactly once; where the code has moved, exactly once in one
// other file below the same top folder. A slip that changes nothing that anybody can see has `equivalent`, one line that
// says why, in place of `tests`; it is listed and never run.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const FOLDER = path.join('test', 'mutants');

/** Every slip below `root`, in the order of the lists, with `room`: the list that it stands in. */
export async function readSlips(root) {
  const slips = [];
  for (const file of readdirSync(path.join(root, FOLDER)).sort()) {
    if (!file.endsWith('.slips.mjs')) continue;
    const list = await import(pathToFileURL(path.join(root, FOLDER, file)).href);
    // Two that a merge has run together are one object, in which the last of two names counts.
    const named = readFileSync(path.join(root, FOLDER, file), 'utf8').match(/\bname: '/g)?.length ?? 0;
    if (named !== list.slips.length) throw new Error(`${FOLDER}/${file} names ${named} slips and holds ${list.slips.length}`);
    for (const slip of list.slips) slips.push({ ...slip, room: file.slice(0, -'.slips.mjs'.length) });
  }
  return slips;
}

/** Those with one of these names, or of these lists; all where none is given. Throws for a name that nothing has. */
export function selected(slips, names) {
  const unknown = names.filter((name) => !slips.some((slip) => slip.name === name || slip.room === name));
  if (unknown.length > 0) throw new RangeError(`no slip and no list is called ${unknown.join(', ')}; --list shows all`);
  return names.length === 0 ? slips : slips.filter((slip) => names.includes(slip.name) || names.includes(slip.room));
}

const WORD = /^\w+$/;

/** Blanks, line ends and comments. */
const GAP = '(?:\\s|//[^\\n]*|/\\*[^]*?\\*/)';

/** A pattern for `code` in which gaps count only between words. */
function patternOf(code) {
  const tokens = code.match(/\w+|[^\w\s]/g) ?? [];
  const escaped = tokens.map((token) => token.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&'));
  const glued = escaped.map((token, i) => (i > 0 && WORD.test(tokens[i]) && WORD.test(tokens[i - 1]) ? `${GAP}+` : i > 0 ? `${GAP}*` : '') + token);
  return new RegExp(glued.join(''), 'g');
}

function* sourcesBelow(root, folder) {
  for (const entry of readdirSync(path.join(root, folder), { withFileTypes: true })) {
    const file = `${folder}/${entry.name}`;
    if (entry.isDirectory()) yield* sourcesBelow(root, file);
    else if (/\.(ts|cts|mts|cjs|mjs|cc|h)$/.test(entry.name)) yield file;
  }
}

/**
 * Where the edit of a slip goes: `{ file, text }`, the file's new content. Or `{ problem }`. `cache` holds sources.
 */
export function applied(root, slip, cache = new Map()) {
  const read = (file) => {
    if (!cache.has(file)) cache.set(file, existsSync(path.join(root, file)) ? readFileSync(path.join(root, file), 'utf8') : '');
    return cache.get(file);
  };
  const pattern = patternOf(slip.find);
  const hitsIn = (file) => [...read(file).matchAll(pattern)].map((hit) => ({ file, at: hit.index, length: hit[0].length }));
  let hits = hitsIn(slip.file);
  if (hits.length === 0) {
    // Code moves, and takes its slips with it.
    const top = slip.file.split('/')[0];
    if (existsSync(path.join(root, top))) hits = [...sourcesBelow(root, top)].flatMap(hitsIn);
  }
  if (hits.length !== 1) {
    const where = hits.length === 0 ? 'nowhere' : `${hits.length} times (${[...new Set(hits.map(({ file }) => file))].join(', ')})`;
    return { problem: `what it changes is there ${where}, not once` };
  }
  const [{ file, at, length }] = hits;
  const text = read(file);
  const changed = text.slice(0, at) + slip.replace + text.slice(at + length);
  return changed === text ? { problem: 'it changes nothing' } : { file, text: changed };
}

/** What is wrong with a test that a slip names; undefined if it is there. */
function missing(root, test, cache) {
  const file = test.gtest ? `test/native/${test.gtest}.cc` : test.jest;
  if (!cache.has(file)) cache.set(file, existsSync(path.join(root, file)) ? readFileSync(path.join(root, file), 'utf8') : undefined);
  const text = cache.get(file);
  if (text === undefined) return `there is no ${file}`;
  if (test.gtest) {
    const [suite, name] = test.name.split('.');
    return new RegExp(`TEST(_F|_P)?\\(\\s*${suite},\\s*${name}\\s*\\)`).test(text) ? undefined : `${file} has no ${test.name}`;
  }
  return test.name === undefined || text.includes(test.name) ? undefined : `no title in ${file} has ${JSON.stringify(test.name)}`;
}

/** Everything that is wrong with the lists, one line each: what no longer applies, what names no test. */
export function problemsOf(root, slips) {
  const problems = [];
  const sources = new Map();
  const tests = new Map();
  const names = new Set();
  for (const slip of slips) {
    const say = (text) => problems.push(`${slip.name} (${slip.file}): ${text}`);
    if (names.has(slip.name)) say('another slip has the same name');
    names.add(slip.name);
    const { problem } = applied(root, slip, sources);
    if (problem) say(`no longer applies: ${problem}`);
    if (!slip.why) say('does not say what goes wrong');
    if (slip.equivalent) continue;
    if (!(slip.tests?.length > 0)) say('names no test that must notice it');
    for (const test of slip.tests ?? []) {
      const text = missing(root, test, tests);
      if (text) say(text);
    }
  }
  return problems;
}
