/**
 * What broke: the package lacked pages that its README links to. Every link within the packed pages leads to something in the
 * package, and every anchor to a heading. The pages of the repository that are not packed are held to the repository.
 */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { listed, root } from '../package/packed.js';
import { trackedFiles } from '../architecture/tracked.js';

const packed = listed();
const pages = trackedFiles().filter((file) => file.endsWith('.md') && !/^(test\/fixtures|examples|lib\/cli\/templates)\//.test(file));

const textOf = (page: string): string => readFileSync(path.join(root, page), 'utf8').replace(/^```[\s\S]*?^```$/gm, '');

interface Link {
  /** As it is written. */
  text: string;
  /** From the repository's root; of the page itself where only an anchor is given. */
  file: string;
  anchor: string | undefined;
  /** By the repository's address: it need not be in the package. */
  ofRepository: boolean;
}

const REPOSITORY = 'https://github.com/pathcast/pathcast/blob/main/';

/** Links to files and headings; addresses of the web are not looked at, but for the repository's own. */
function linksOf(page: string): Link[] {
  const found = [...textOf(page).matchAll(/(?<!`)\[[^\]]*\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
  return found
    .filter((target) => target.startsWith(REPOSITORY) || !/^[a-z]+:/.test(target))
    .map((text) => {
      const ofRepository = text.startsWith(REPOSITORY);
      const [file = '', anchor] = (ofRepository ? text.slice(REPOSITORY.length) : text).split('#');
      return { text, file: ofRepository ? file : file === '' ? page : path.posix.join(path.posix.dirname(page), file), anchor, ofRepository };
    });
}

/** As GitHub and npm name a heading. */
function anchorsOf(page: string): string[] {
  return [...textOf(page).matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

test('the README, its pages and what they link to are looked at', () => {
  expect(pages).toEqual(expect.arrayContaining(['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'docs/proxies.md', 'lib/SPEC.md', 'src/README.md']));
  expect(linksOf('README.md').length).toBeGreaterThan(20);
  expect(packed).toEqual(expect.arrayContaining(['README.md', 'docs/proxies.md', 'docs/action.svg']));
  expect(pages.flatMap(linksOf).filter(({ ofRepository }) => ofRepository).length).toBeGreaterThan(5);
});

test.each(pages)('%s: every link leads somewhere', (page) => {
  const isPacked = packed.includes(page);
  const isThere = ({ file, ofRepository }: Link): boolean => {
    if (ofRepository) return existsSync(path.join(root, file));
    const folder = file.endsWith('/') ? file : `${file}/`;
    return isPacked ? packed.includes(file) || packed.some((other) => other.startsWith(folder)) : existsSync(path.join(root, file));
  };
  const links = linksOf(page);
  expect(links.filter((link) => !isThere(link)).map(({ text }) => text)).toEqual([]);
  const toHeadings = links.filter(({ file, anchor }) => anchor !== undefined && file.endsWith('.md'));
  expect(toHeadings.filter(({ file, anchor = '' }) => !anchorsOf(file).includes(anchor)).map(({ text }) => text)).toEqual([]);
});

test('a heading is found by the name that a reader has of it', () => {
  expect(anchorsOf('README.md')).toEqual(expect.arrayContaining(['bundlers-and-nextjs', 'deploys-and-502']));
});
