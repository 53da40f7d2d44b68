// Runs when the package is installed. Where no prebuilt addon loads it builds one; where that fails it says so in one
// line and ends well, because the JavaScript engine does the same work. A checkout is set up by `npm run setup`.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { findNodeDir, findNodeGyp } from './node-gyp.mjs';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const node = (...args) => spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8', maxBuffer: 64 << 20 });
const loads = () => node('-e', "require('./lib/binding.cjs')()").status === 0;

if (!existsSync(path.join(root, 'test')) && !loads()) {
  const nodeGyp = findNodeGyp();
  const nodeDir = findNodeDir();
  const built = nodeGyp && node(nodeGyp, 'rebuild', ...(nodeDir ? [`--nodedir=${nodeDir}`] : []));
  if (!loads()) {
    const why = built ? /error:.*|gyp ERR! stack Error:.*/.exec(`${built.stdout}${built.stderr}`)?.[0] : 'no node-gyp';
    console.warn(`pathcast: no native addon for this machine (${why ?? 'it does not build'}); the JavaScript engine is used.`);
    console.warn('pathcast: on Debian and Ubuntu, `apt-get install g++ make python3 libsimdjson-dev` and `npm rebuild pathcast` build it.');
  }
}
