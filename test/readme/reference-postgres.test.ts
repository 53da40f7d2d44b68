/** What README.md shows of the reference server with a PostgreSQL: the lines as they stand there, on a free port, and the row that is changed by hand on two screens. */
import { execFileSync } from 'node:child_process';
import { chownSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Browser } from '../reference/support/browser.js';
import { NodeProcess } from '../reference/support/node.js';
import { freePort } from '../support/free-port.js';
import { programs, runAs } from '../support/postgres.js';
import { blocksOf } from './blocks.js';

jest.setTimeout(180_000);

const linesOf = (about: string): string[] => {
  const block = blocksOf('README.md').find((one) => one.kind === 'shell' && one.about === about);
  if (!block) throw new Error(`README.md has no block ${about}`);
  return block.text.trim().split('\n');
};

test('a row that is changed by hand is on the screens', async () => {
  const [init = '', start = '', serve = ''] = linesOf('a PostgreSQL for the reference server');
  const [change = ''] = linesOf('a page by hand');
  const folder = mkdtempSync(path.join(tmpdir(), 'pathcast-readme-pg-'));
  const as = runAs();
  if (as.uid !== undefined) chownSync(folder, as.uid, as.gid ?? 0);
  const port = String(await freePort());
  const here = (line: string): string => line.replaceAll('5433', port);
  const run = (line: string): void => {
    // What a reader has in his PATH.
    execFileSync('sh', ['-c', here(line)], { ...as, cwd: folder, env: { ...process.env, PATH: `${programs()}:${process.env['PATH'] ?? ''}` }, stdio: 'ignore' });
  };
  let node: NodeProcess | undefined;
  let browser: Browser | undefined;
  try {
    run(init);
    run(start);
    const [, name = '', url = ''] = /^(PATHCAST_\w+)=(\S+) npm start$/.exec(here(serve)) ?? [];
    node = await NodeProcess.start({ [name]: url });
    browser = await Browser.launch();
    const page = await browser.page();
    await page.goto(node.url);
    const titles = ['ada', 'bilal', 'chen'].map((who) => page.locator(`[data-pane=${who}] [data-page="Changed by hand"]`));
    for (const who of ['ada', 'bilal', 'chen']) await page.locator(`[data-pane=${who}] [data-page=Speeches]`).waitFor();
    run(change);
    for (const title of titles) await title.waitFor();
  } finally {
    await browser?.close();
    await node?.kill();
    try {
      run('pg_ctl -D .data/postgres -m immediate -w stop');
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
});
