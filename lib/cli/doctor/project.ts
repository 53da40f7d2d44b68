/** What the files of a project say about its set-up: its package.json, next.config, pm2's file. None of its code is run. */
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { isObject, textOf } from '../stream/messages.js';
import type { Visit } from './report.js';

export interface Own {
  /** The folder of the pathcast that runs the doctor. */
  root: string;
  version: string;
}

interface Project {
  folder: string;
  /** Of every kind. */
  dependencies: Set<string>;
  scripts: [name: string, command: string][];
}

/** False where `folder` is no project. */
export function judgeProject(folder: string, own: Own, visit: Visit): boolean {
  const project = readProject(folder);
  if (!project) return false;
  judgeCopy(project, own, visit);
  judgeNext(project, visit);
  judgeBundlers(project, visit);
  judgeProcesses(project, visit);
  return true;
}

function readProject(folder: string): Project | undefined {
  const manifest = json(path.join(folder, 'package.json'));
  if (!isObject(manifest)) return undefined;
  const names = ['dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies'].flatMap((field) => {
    const group = manifest[field];
    return isObject(group) ? Object.keys(group) : [];
  });
  const { scripts } = manifest;
  return {
    folder,
    dependencies: new Set(names),
    scripts: isObject(scripts)
      ? Object.entries(scripts).map(([name, command]) => [name, textOf(command) ?? ''])
      : [],
  };
}

function judgeCopy({ folder, dependencies }: Project, own: Own, visit: Visit): void {
  if (!dependencies.has('pathcast')) return;
  let manifest: string;
  try {
    manifest = realpathSync(createRequire(path.join(folder, 'package.json')).resolve('pathcast/package.json'));
  } catch {
    visit.found('other-copy', `package.json asks for pathcast, and it is not installed; this doctor is ${own.version} of another place.`);
    return;
  }
  const read = json(manifest);
  const version = isObject(read) ? textOf(read['version']) : undefined;
  if (path.dirname(manifest) === realpathSync(own.root)) visit.checked(`The project’s pathcast is this one, ${own.version}.`);
  else visit.found('other-copy', `The project has pathcast ${version ?? '?'} of its own; what is said here of the engine is said of another copy, ${own.version}.`);
}

/** Next bundles what a server component imports unless it is told not to. */
function judgeNext({ folder, dependencies }: Project, visit: Visit): void {
  if (!dependencies.has('next')) return;
  const configs = files(folder, /^next\.config\.[cm]?[jt]s$/);
  const [name] = configs;
  const text = name === undefined ? '' : withoutComments(textIn(path.join(folder, name)));
  const list = /serverExternalPackages["']?\s*:\s*\[([^\]]*)\]/.exec(text)?.[1];
  if (list !== undefined && /["'`]pathcast["'`]/.test(list)) visit.checked(`Next leaves pathcast out of its bundles (${name}).`);
  else if (list === undefined && text.includes('serverExternalPackages')) {
    visit.notChecked(`Whether Next leaves pathcast out of its bundles: serverExternalPackages of ${name} is computed.`);
  } else {
    visit.found('next-packs-pathcast', `Next would pack pathcast into its bundles, and an addon cannot be packed: ${name === undefined ? 'there is no next.config' : `${name} does not name pathcast in serverExternalPackages`}.`);
  }
}

function judgeBundlers({ scripts }: Project, visit: Visit): void {
  for (const [name, command] of scripts) {
    // One for browsers holds no server.
    if (!/\besbuild\b.*--bundle\b/.test(command) || !/--platform=node\b/.test(command)) continue;
    if (/--packages=external\b|--external:pathcast\b|--external:\*/.test(command)) continue;
    visit.found('bundler-packs-pathcast', `The script ${JSON.stringify(name)} packs pathcast into a bundle, and an addon cannot be packed.`);
  }
}

function judgeProcesses({ folder, scripts }: Project, visit: Visit): void {
  const [file] = files(folder, /^ecosystem\.config\.(c?js|json)$|^pm2\.(config\.c?js|json)$/);
  if (file !== undefined) {
    const text = withoutComments(textIn(path.join(folder, file)));
    const instances = /\binstances["']?\s*:\s*["']?(max|-?\d+)/.exec(text)?.[1];
    if (instances !== undefined && instances !== '1') {
      visit.found('several-processes-configured', `${file} starts several processes (instances: ${instances}).`);
    }
  }
  for (const [name, command] of scripts) {
    const [, instances] = /\bpm2(?:-runtime)?\s+start\b.*?\s(?:-i|--instances)[\s=]+(max|-?\d+)/.exec(command) ?? [];
    if (instances !== undefined && instances !== '1') {
      visit.found('several-processes-configured', `The script ${JSON.stringify(name)} starts several processes by pm2 (${instances}).`);
    }
  }
}

/** Good enough for a look: what stands in a text is not told from code. */
function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\/|(^|[^:'"`])\/\/[^\n]*/g, '$1');
}

function files(folder: string, pattern: RegExp): string[] {
  return existsSync(folder) ? readdirSync(folder).filter((name) => pattern.test(name)).sort() : [];
}

function textIn(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function json(file: string): unknown {
  try {
    // A mark that editors on Windows put first; npm takes it off too.
    return JSON.parse(textIn(file).replace('\uFEFF', '')) as unknown;
  } catch {
    return undefined;
  }
}
