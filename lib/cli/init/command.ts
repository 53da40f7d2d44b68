/** `pathcast init`: a new app in an empty folder, or what an existing one needs as a diff. */
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { CommandError } from '../errors.js';
import type { Streams } from '../streams.js';
import { visible } from '../terminal/text.js';
import { terminalAsker, type Asker } from './ask.js';
import { checkCombination, chosen, FRAMEWORKS, TITLES, type Framework } from './choices.js';
import { initExisting } from './existing/index.js';
import { filesOf, packageNameOf } from './new-app.js';
import { HELP, parseOptions, type InitOptions } from './options.js';

/** What may lie in a folder that counts as empty. */
const HARMLESS = new Set(['.git', '.DS_Store']);

/** @throws CommandError where it cannot be done. */
export async function initCommand(argv: readonly string[], streams: Streams, asker: Asker = terminalAsker): Promise<number> {
  const options = parseOptions(argv);
  if (options.help) {
    await streams.stdout.print(HELP);
    return 0;
  }
  const folder = path.resolve(options.folder);
  if (existsSync(folder) && !statSync(folder).isDirectory()) throw new CommandError(`${options.folder} is no folder`);
  const found = existsSync(folder) ? readdirSync(folder).filter((name) => !HARMLESS.has(name)) : [];
  if (found.includes('package.json')) return await initExisting(folder, options, streams, asker);
  if (found.length > 0) {
    throw new CommandError(
      `${options.folder} is not empty (${visible(found[0] ?? '')}), and has no package.json; name an empty or missing folder, or that of an app`,
    );
  }
  return await initNew(folder, options, streams, asker);
}

async function initNew(folder: string, options: InitOptions, streams: Streams, asker: Asker): Promise<number> {
  const { stdout, version } = streams;
  const framework = options.framework ?? (await frameworkFor(options, asker));
  const data = options.data ?? 'none';
  checkCombination(framework, data);
  const files = filesOf({ name: packageNameOf(folder), framework, data, version });
  try {
    for (const [file, text] of files) {
      mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
      // Whoever has put one there in the meantime keeps it.
      writeFileSync(path.join(folder, file), text, { flag: 'wx' });
    }
  } catch (error) {
    const { path: where = folder, code, message } = error as NodeJS.ErrnoException;
    throw new CommandError(`cannot write ${where}: ${code ?? message}`, { cause: error });
  }
  const away = path.relative('', folder);
  const steps = [...(away === '' ? [] : [`cd ${shellWord(away)}`]), 'npm install', 'npm start'];
  await stdout.print(
    `Wrote an app in ${away === '' ? 'this folder' : visible(away)}: ${TITLES[framework]}, ${TITLES[data]}.\n\n` +
      [...files.keys()].map((file) => `  ${file}\n`).join('') +
      `\nGo on with:\n\n${steps.map((step) => `  ${step}\n`).join('')}\n` +
      'Then open the address that it prints in two windows, and add a guest in one.\n',
  );
  return 0;
}

async function frameworkFor({ yes }: InitOptions, asker: Asker): Promise<Framework> {
  if (yes || !asker.present) return 'fastify';
  const answer = await asker.ask(`Which framework: ${FRAMEWORKS.join(', ')}? [fastify] `);
  return answer === '' ? 'fastify' : chosen('framework', answer, FRAMEWORKS);
}

const shellWord = (text: string): string => (/^[\w./@+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
