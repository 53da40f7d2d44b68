// What building the addon needs of the Node that runs: its headers and npm's node-gyp. Ships with the package, for
// those who install it where no prebuilt addon fits. Plain Node without dependencies.
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import path from 'node:path';

const programsOnPath = (name) =>
  (process.env.PATH ?? '')
    .split(path.delimiter)
    .map((dir) => path.join(dir, name))
    .filter((file) => existsSync(file));

/**
 * Where this Node's own headers are, so that node-gyp has nothing to download: beside Node itself (its archives,
 * version managers and most packages bring them) or where a distribution's libnode-dev puts them. Null where there
 * are none of this major version; node-gyp then fetches them.
 */
export function findNodeDir() {
  const candidates = [
    process.env.npm_config_nodedir,
    path.dirname(path.dirname(process.execPath)),
    '/usr',
    '/usr/local',
    '/usr/include/nodejs',
  ];
  for (const dir of candidates) {
    if (!dir) continue;
    for (const headers of [path.join(dir, 'include/node'), path.join(dir, 'src')]) {
      const file = path.join(headers, 'node_version.h');
      if (!existsSync(file)) continue;
      // Node-API and libuv keep their ABI within a major version.
      const major = /#define NODE_MAJOR_VERSION (\d+)/.exec(readFileSync(file, 'utf8'))?.[1];
      if (major === process.versions.node.split('.')[0]) return dir;
    }
  }
  return null;
}

/** npm's own node-gyp, or null. */
export function findNodeGyp() {
  const npm = process.env.npm_execpath ?? programsOnPath('npm')[0];
  const candidates = [process.env.npm_config_node_gyp];
  if (npm && existsSync(npm)) {
    candidates.push(path.join(path.dirname(realpathSync(npm)), '../node_modules/node-gyp/bin/node-gyp.js'));
  }
  candidates.push('/usr/share/nodejs/node-gyp/bin/node-gyp.js', '/usr/lib/node_modules/npm/node_modules/node-gyp/bin/node-gyp.js');
  return candidates.find((file) => file && existsSync(file)) ?? null;
}
