/** `--fix`: puts the right name in the place of each query path that no query has, where only one name can be meant. */
import { isUtf8 } from 'node:buffer';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { codeOf } from './config.js';
import { AuditError } from './errors.js';
import { plural } from './findings/words.js';
import type { AuditReport, PhantomReport, Place } from './report.js';
import { unifiedDiff } from '../terminal/diff.js';
import { at, visible } from '../terminal/text.js';

export interface Fix {
  files: { file: string; before: string; after: string }[];
  corrected: (Place & { from: string; to: string })[];
  left: (Place & { path: string; why: string })[];
}

/**
 * Reads the files, and writes none.
 *
 * @param isKept Whether a file may be changed. Without it all are.
 */
export function planFix(root: string, { phantoms }: Pick<AuditReport, 'phantoms'>, isKept?: (file: string) => boolean): Fix {
  const fix: Fix = { files: [], corrected: [], left: [] };
  const byFile = new Map<string, { place: Place; phantom: PhantomReport; to: string }[]>();
  for (const phantom of phantoms) {
    // What an alias table repairs is right on the wire.
    if (phantom.alias !== undefined) continue;
    const places = new Map(phantom.uses.map((use) => [at(use) + `:${use.column}`, use]));
    for (const { file, line, column } of places.values()) {
      const place = { file, line, column };
      if (phantom.certain === undefined) {
        const near = phantom.nearest.length > 0 ? `; nearest: ${phantom.nearest.join(', ')}` : '';
        fix.left.push({ ...place, path: phantom.path, why: `no name is certain${near}` });
      } else byFile.set(file, [...(byFile.get(file) ?? []), { place, phantom, to: phantom.certain }]);
    }
  }
  for (const [file, uses] of byFile) {
    const before = read(path.join(root, file));
    const why = before === undefined ? 'the file is not UTF-8' : isKept?.(file) === false ? 'Git does not keep the file, so nothing could take the change back; --force makes it' : undefined;
    if (before === undefined || why !== undefined) {
      for (const { place, phantom, to } of uses) fix.left.push({ ...place, path: phantom.path, why: `${why}; the right name is ${to}` });
      continue;
    }
    let after = before;
    // From the end, so that what stands before keeps its place.
    const last = [...uses].sort((a, b) => b.place.line - a.place.line || b.place.column - a.place.column);
    for (const { place, phantom, to } of last) {
      const start = offsetOf(before, place);
      const whole = after.slice(start, start + phantom.path.length + 2);
      if (!['\'', '"', '`'].some((quote) => whole === `${quote}${phantom.path}${quote}`)) {
        fix.left.push({ ...place, path: phantom.path, why: `it is put together here; the right name is ${to}` });
        continue;
      }
      after = `${after.slice(0, start + 1)}${to}${after.slice(start + 1 + phantom.path.length)}`;
      fix.corrected.push({ ...place, from: phantom.path, to });
    }
    if (after !== before) fix.files.push({ file, before, after });
  }
  const inOrder = (a: Place, b: Place): number => (a.file === b.file ? a.line - b.line || a.column - b.column : a.file < b.file ? -1 : 1);
  fix.corrected.sort(inOrder);
  fix.left.sort(inOrder);
  return fix;
}

export const diffOf = ({ files }: Fix): string => files.map(({ file, before, after }) => unifiedDiff(file, before, after)).join('');

/** @throws AuditError where a file cannot be written. */
export function applyFix(root: string, { files }: Fix): void {
  for (const { file, after } of files) {
    try {
      writeFileSync(path.join(root, file), after);
    } catch (error) {
      throw new AuditError(`cannot write ${file}: ${codeOf(error)}`, { cause: error });
    }
  }
}

/** What was done, or would be, line by line. */
export function saysOf({ files, corrected, left }: Fix): string {
  const lines = [corrected.length === 0 ? 'Nothing to correct.' : `${plural(corrected.length, 'query path')} corrected in ${plural(files.length, 'file')}.`];
  for (const { from, to, ...place } of corrected) lines.push(`  ${at(place)}  ${visible(from)} → ${visible(to)}`);
  return `${lines.join('\n')}\n${leftOf(left)}`;
}

export function leftOf(left: Fix['left']): string {
  if (left.length === 0) return '';
  const lines = left.map(({ path: name, why, ...place }) => `  ${at(place)}  ${visible(name)}: ${visible(why)}`);
  return `${plural(left.length, 'query path')} left as ${left.length === 1 ? 'it is' : 'they are'}:\n${lines.join('\n')}\n`;
}

/**
 * Changes are made where Git can take them back.
 *
 * @throws AuditError where there is no repository, or it has changes of somebody's.
 */
export function checkClean(root: string): void {
  const { status, stdout, error } = spawnSync('git', ['-C', root, 'status', '--porcelain'], { encoding: 'utf8' });
  if (error !== undefined || status !== 0) throw new AuditError('--fix: this is no Git repository, so nothing could take the changes back; --force makes them, --dry-run shows them');
  if (stdout.trim() !== '') throw new AuditError('--fix: there are changes that are not committed; commit them first, or --force; --dry-run shows what it would do');
}

/** A file that Git ignores is not in what it could bring back, nor is one of another repository. */
export function keptByGit(root: string): (file: string) => boolean {
  return (file) => spawnSync('git', ['-C', path.dirname(path.join(root, file)), 'ls-files', '--error-unmatch', '--', path.basename(file)], { stdio: 'ignore' }).status === 0;
}

/** Undefined where it is not UTF-8: written again, its other bytes would be lost. */
function read(file: string): string | undefined {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    throw new AuditError(`cannot read ${file}: ${codeOf(error)}`, { cause: error });
  }
  return isUtf8(bytes) ? bytes.toString('utf8') : undefined;
}

/** Lines end as TypeScript sees them. A byte order mark is no column. */
function offsetOf(text: string, { line, column }: Place): number {
  let start = text.startsWith('\ufeff') ? 1 : 0;
  const ends = /\r\n|[\n\r\u2028\u2029]/g;
  for (let number = 1; number < line; number++) {
    if (ends.exec(text) === null) return text.length;
    start = ends.lastIndex;
  }
  return start + column - 1;
}
