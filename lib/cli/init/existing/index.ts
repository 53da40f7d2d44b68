/** In an existing app: what has to be added, as a diff to review. It is written after a yes, and never over what nobody has seen. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { CommandError } from '../../errors.js';
import type { Streams } from '../../streams.js';
import { coloursFor, wantsColours } from '../../terminal/colours.js';
import { visible, wrap } from '../../terminal/text.js';
import type { Asker } from '../ask.js';
import { APPS } from '../choices.js';
import { unifiedDiff } from '../../terminal/diff.js';
import type { InitOptions } from '../options.js';
import { linesFor } from './by-hand.js';
import { detect } from './detect.js';
import { onDisk, planFor, type Change, type Plan } from './plan.js';
import { openProject } from '../../audit/project/index.js';
import { userOf } from './user.js';

/** Columns of a sentence. */
const WIDTH = 78;

/** @throws CommandError where it cannot be done. */
export async function initExisting(folder: string, options: InitOptions, streams: Streams, asker: Asker): Promise<number> {
  const { stdout } = streams;
  const detected = detect(folder, options);
  let plan: Plan;
  try {
    if (!detected.hasTrpc) throw new CommandError('no tRPC was found (package.json has no @trpc/server); nothing was written');
    const project = openProject(folder);
    const user = userOf(project);
    if (user !== undefined) {
      await stdout.print(`${visible(user)} imports pathcast already. Nothing was changed; \`npx pathcast audit\` says what is still missing.\n`);
      return 0;
    }
    plan = planFor(folder, project, detected, streams.version);
  } catch (error) {
    await stdout.print(`Found ${APPS[detected.framework]}. These are the lines to add by hand:\n\n  npm install pathcast\n\n${linesFor(detected.framework)}\n`);
    throw error;
  }
  const colours = coloursFor(wantsColours(stdout, streams.env));
  await stdout.print(`${plan.found.map((line) => visible(line)).join('; ')}.\n\n`);
  for (const { file, before, after } of plan.changes) {
    const lines = unifiedDiff(file, before, after).split('\n').map((line) => visibleLine(line));
    await stdout.print(
      lines
        .map((line) => (/^(---|\+\+\+)/.test(line) ? colours.bold(line) : line.startsWith('+') ? colours.green(line) : line.startsWith('-') ? colours.red(line) : line))
        .join('\n'),
    );
  }
  if (plan.byHand.length > 0) await stdout.print(`\nLeft to do by hand:\n${plan.byHand.map(item).join('')}`);

  if (!options.yes) {
    if (!asker.present) {
      await stdout.print('\nNothing was written: there is no terminal to ask at. --yes writes it.\n');
      return 1;
    }
    const answer = await asker.ask(`\nWrite this to ${plan.changes.length} files? [y/N] `);
    if (!/^y(es)?$/i.test(answer)) {
      await stdout.print('Nothing was written.\n');
      return 1;
    }
  }
  write(folder, plan.changes);
  await stdout.print(`\nWrote ${plan.changes.length} files. Go on with:\n\n${next(folder, plan)}`);
  return 0;
}

/** Tabs and the carriage return of a line's end are as they are. */
const visibleLine = (line: string): string => line.split(/([\t\r])/).map((part) => (/^[\t\r]$/.test(part) ? part : visible(part))).join('');

const item = (text: string): string => wrap(text, WIDTH - 4).map((line, index) => `${index === 0 ? '  - ' : '    '}${line}\n`).join('');

function next(folder: string, { byHand }: Plan): string {
  const away = path.relative('', folder);
  const steps = [...(away === '' ? [] : [`cd ${away}`]), 'npm install', 'npx tsc --noEmit', 'npx pathcast audit'];
  return `${steps.map((step) => `  ${step}\n`).join('')}${byHand.length > 0 ? '\nand with what is left to do by hand.\n' : ''}`;
}

/** Checks all before it writes the first: who has edited a file since it was read keeps that. */
function write(folder: string, changes: readonly Change[]): void {
  const changed = changes.find(({ file, before }) => onDisk(folder, file) !== before);
  if (changed) throw new CommandError(`${changed.file} has changed since it was read; nothing was written`);
  for (const { file, before, after } of changes) {
    const target = path.join(folder, file);
    try {
      mkdirSync(path.dirname(target), { recursive: true });
      writeFileSync(target, after, { flag: before === undefined ? 'wx' : 'w' });
    } catch (error) {
      throw new CommandError(`cannot write ${file}: ${(error as NodeJS.ErrnoException).code ?? String(error)}`, { cause: error });
    }
  }
}
