/**
 * The code blocks of README.md. A comment before each says what becomes of it:
 *
 *   <!-- file: folder/name.ts -->     is written there, compiled with all others, and run where a test says so
 *   <!-- shell: why -->               what a reader types; its `npm install` lines name what the blocks may import
 *   <!-- output: folder/name.ts -->   what that file prints
 *   <!-- not run: why -->             configuration of something that is not here, an outline
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { root } from '../package/packed.js';

export interface Block {
  kind: 'file' | 'shell' | 'output' | 'not run';
  /** What stands behind the colon. */
  about: string;
  language: string;
  text: string;
  line: number;
}

const FENCE = /^```(\w*)\n([\s\S]*?)^```$/gm;
const DIRECTIVE = /<!-- (file|shell|output|not run): (.+) -->\n$/;

/** Throws for a block that does not say what it is. */
export function readmeBlocks(): Block[] {
  const readme = readFileSync(path.join(root, 'README.md'), 'utf8');
  return [...readme.matchAll(FENCE)].map((match) => {
    const before = readme.slice(0, match.index);
    const line = before.split('\n').length;
    const [, kind, about = ''] = DIRECTIVE.exec(before) ?? [];
    if (kind === undefined) throw new Error(`README.md:${line}: the block has no comment that says what it is (file, shell, output, not run)`);
    return { kind: kind as Block['kind'], about, language: match[1] ?? '', text: match[2] ?? '', line };
  });
}

/** Packages that a source imports, by their names as npm knows them. */
export function packagesOf(source: string): string[] {
  const specifiers = [...source.matchAll(/^(?:import|export)\b[^;]*?from '([^'.][^']*)'/gm)].map(([, name = '']) => name);
  return specifiers
    .filter((name) => !name.startsWith('node:'))
    .map((name) => name.split('/').slice(0, name.startsWith('@') ? 2 : 1).join('/'));
}
