/**
 * What broke: a process that exited while its hub looked for a Redis by name ended with SIGABRT now and then (4 of 25, with 100 hubs). Node shuts
 * libuv's pool before the process is gone, the hub's thread went on, and a lookup that begins then finds a mutex that was destroyed. Now the
 * threads of such hubs end at the process's `exit`, whatever ends it; the hub still answers who asks it in a listener of `exit`.
 */
import { execFile } from 'node:child_process';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const built = pathToFileURL(path.resolve(__dirname, '../../dist/esm/index.js')).href;

test.each([
  ['process.exit()', 'process.exit(0);', 0],
  ['the end of all work', '', 0],
  ['an error that nobody caught', "throw new Error('on purpose');", 1],
])('%s ends the hub thread first', async (_, ending, code) => {
  const source = `import { readdirSync, readFileSync } from 'node:fs';
    import { createHub } from ${JSON.stringify(built)};
    const threads = () => readdirSync('/proc/self/task').filter((id) => readFileSync('/proc/self/task/' + id + '/comm', 'utf8') === 'pathcast\\n').length;
    // Nobody listens at this port.
    const hub = createHub({ engine: 'native', redis: 'redis://localhost:1' });
    for (const event of ['warning', 'error']) hub.on(event, () => undefined);
    while (threads() === 0) await new Promise(setImmediate); // it has its name when it runs
    process.on('exit', () => {
      const asked = [hub.metrics(), hub.broadcast({ type: 'update', module: 'm', entityId: 'e', companyId: 'c', userId: 'u', queryPaths: ['m'] })];
      asked.push(hub.connections(), hub.close());
      console.log(threads(), asked.length);
    });
    setTimeout(() => { ${ending} });`;
  const ended = await run(process.execPath, ['--input-type=module', '-e', source], { timeout: 90_000 }).catch((error: unknown) => error);
  expect(ended).toMatchObject({ stdout: '0 4\n', ...(code > 0 && { code }) });
});
