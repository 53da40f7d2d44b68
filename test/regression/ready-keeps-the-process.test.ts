/**
 * What broke: `await hub.ready()` at the top of a module, before anything listens, ended the process with exit code 13. A link of the native engine
 * keeps no process, and a promise does not either. Now the process lives as long as somebody waits for `ready()`, and no longer: a hub that nobody
 * waits for still lets it end. Runs the built package, as an app would.
 */
import { execFile } from 'node:child_process';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { RedisServer } from '../support/redis.js';

const run = promisify(execFile);
const built = pathToFileURL(path.resolve(__dirname, '../../dist/esm/index.js')).href;

let redis: RedisServer;
beforeAll(async () => {
  redis = await RedisServer.start();
});
afterAll(() => redis?.end());

const program = (engine: string, body: string): Promise<{ stdout: string; stderr: string }> => {
  const source = `import { createHub } from ${JSON.stringify(built)};
    const hub = createHub({ engine: '${engine}', redis: 'redis+unix://${redis.socket}' });
    ${body}`;
  return run(process.execPath, ['--input-type=module', '-e', source], { timeout: 90_000 });
};

describe.each(['native', 'js'])('%s engine', (engine) => {
  test('ready, a broadcast and close at the top of a module', async () => {
    const action = "{ type: 'update', module: 'guests', entityId: '1', companyId: 'acme', userId: 'ann', queryPaths: ['guests'] }";
    const { stdout, stderr } = await program(
      engine,
      `await hub.ready();
       const { ok, seq } = await hub.broadcast(${action});
       await hub.close();
       console.log(ok, seq > 0, hub.health().status);`,
    );
    expect({ stdout, stderr }).toEqual({ stdout: 'true true closed\n', stderr: '' });
  });
});

test('native engine: once it is ready the hub lets the process end, closed or not', async () => {
  expect(await program('native', `await hub.ready(); console.log('ready');`)).toMatchObject({ stdout: 'ready\n' });
});
