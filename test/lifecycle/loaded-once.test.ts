/** Workers that come and go in a process that has no hub of its own: the addon is loaded once, and nothing is lost with their ends. */
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Where the addon's code is mapped, after each of three workers with a hub. */
const PROGRAM = `
const { once } = require('node:events');
const { readFileSync } = require('node:fs');
const { Worker } = require('node:worker_threads');
const code = () => readFileSync('/proc/self/maps', 'utf8').split('\\n').filter((line) => / r-xp .*pathcast.*\\.node$/.test(line)).map((line) => line.split(' ')[0]);
(async () => {
  const seen = [];
  for (let i = 0; i < 3; i++) {
    const worker = new Worker(process.argv[1], { workerData: { stage: 'awaited publish', engine: 'native' } });
    await once(worker, 'exit');
    seen.push(code());
  }
  console.log(JSON.stringify(seen));
})();
`;

test('G8: the addon stays where it is when a worker ends, and the next worker finds it there', async () => {
  const { stdout } = await run(process.execPath, ['-e', PROGRAM, path.join(__dirname, 'stages.cjs')], { timeout: 90_000 });
  const seen = JSON.parse(stdout) as string[][];
  expect(seen[0]).toHaveLength(1);
  expect(seen).toEqual([seen[0], seen[0], seen[0]]);
});
