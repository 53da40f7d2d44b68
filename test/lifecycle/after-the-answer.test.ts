/**
 * A hub that waits for nothing keeps no process alive, though nobody closed it (SPEC, G8). The stages of lifecycle.test.ts
 * hold it for the built package; here the sources are bundled and run as they are, so that a slip in them shows at once.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buildSync } from 'esbuild';
import { ENGINES } from '../support/engines.js';

const root = path.resolve(__dirname, '../..');
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'pathcast-sources-'));
  const outfile = path.join(folder, 'pathcast.cjs');
  buildSync({ entryPoints: [path.join(root, 'lib/index.ts')], outfile, bundle: true, platform: 'node', format: 'cjs', external: ['#binding'], logLevel: 'error' });
  const bundle = readFileSync(outfile, 'utf8').replaceAll('require("#binding")', `require(${JSON.stringify(path.join(root, 'lib/binding.cjs'))})`);
  writeFileSync(outfile, bundle);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const ASKED = {
  'a publish': "console.log((await hub.broadcast({ type: 'update', module: 'm', entityId: '1', companyId: 'c', userId: 'u', queryPaths: ['m.q'] })).ok);",
  'a read of the log': "console.log((await hub.readLog('c')).actions.length === 0);",
  'several at once': "console.log((await Promise.all([1, 2, 3].map(() => hub.readLog('c')))).length === 3);",
};

test.each(ENGINES.flatMap((engine) => Object.entries(ASKED).map(([what, code]) => [engine, what, code] as const)))(
  '%s engine: after %s is answered the process ends by itself',
  (engine, what, code) => {
    const script = path.join(folder, `${engine}-${what.replaceAll(' ', '-')}.cjs`);
    writeFileSync(
      script,
      `const { createHub } = require('./pathcast.cjs');\nconst hub = createHub({ engine: '${engine}' });\nvoid (async () => {\n  ${code}\n})();\n`,
    );
    const { status, signal, stdout, stderr } = spawnSync(process.execPath, [script], { encoding: 'utf8', timeout: 90_000 });
    expect({ status, signal, stdout, stderr }).toEqual({ status: 0, signal: null, stdout: 'true\n', stderr: '' });
  },
);
