/**
 * The code blocks of README.md and of the pages in docs/. A comment before each says what becomes of it:
 *
 *   <!-- file: folder/name.ts -->     is written there, compiled with all others, and run where a test says so
 *   <!-- shell: why -->               what a reader types; its `npm install` lines name what the blocks may import
 *   <!-- output: folder/name.ts -->   what that file prints
 *   <!-- proxy: name -->              configuration of a proxy; test/integration/proxy-recipes.test.ts runs it
 *   <!-- redis: name -->              settings of a Redis and of what stands beside it; test/redis/docs.test.ts runs them
 *   <!-- sql: name -->                what a reader gives to psql; postgres.test.ts runs it
 *   <!-- not run: why -->             configuration of something that is not here, an outline
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(__dirname, '../..');

export const KINDS = ['file', 'shell', 'output', 'proxy', 'redis', 'sql', 'not run'] as const;

export interface Block {
  /** README.md, docs/trpc.md, … */
  page: string;
  kind: (typeof KINDS)[number];
  /** What stands behind the colon. */
  about: string;
  language: string;
  text: string;
  line: number;
}

const FENCE = /^```(\w*)\n([\s\S]*?)^```$/gm;
const DIRECTIVE = new RegExp(`<!-- (${KINDS.join('|')}): (.+) -->\\n$`);

/** README.md, and what stands in docs/. */
export function pages(): string[] {
  const docs = readdirSync(path.join(root, 'docs')).filter((name) => name.endsWith('.md'));
  return ['README.md', ...docs.sort().map((name) => `docs/${name}`)];
}

/** Throws for a block that does not say what it is. */
export function blocksOf(page: string): Block[] {
  const text = readFileSync(path.join(root, page), 'utf8');
  return [...text.matchAll(FENCE)].map((match) => {
    const before = text.slice(0, match.index);
    const line = before.split('\n').length;
    const [, kind, about = ''] = DIRECTIVE.exec(before) ?? [];
    if (kind === undefined) throw new Error(`${page}:${line}: the block has no comment that says what it is (${KINDS.join(', ')})`);
    return { page, kind: kind as Block['kind'], about, language: match[1] ?? '', text: match[2] ?? '', line };
  });
}

/** Packages that a source imports, by their names as npm knows them. */
export function packagesOf(source: string): string[] {
  const specifiers = [...source.matchAll(/^(?:import|export)\b[^;]*?from '([^'.][^']*)'/gm)].map(([, name = '']) => name);
  return specifiers
    .filter((name) => !name.startsWith('node:'))
    .map((name) => name.split('/').slice(0, name.startsWith('@') ? 2 : 1).join('/'));
}
