'use strict';
// The one loader of the native addon. It loads on the first call and throws, with what to do about it, where no addon can
// run. An application that asks for the JavaScript engine loads it with its first stream on a socket of Node's, for one
// socket option, and does without where it does not load. It stays plain CommonJS, one level below the package root in the
// repository and in the package alike. Nothing is required before the first call: in an ES module that a bundler has made,
// `require` itself throws.

/** Why this runtime must not load the addon, although it could find it; undefined on Node. */
function foreignRuntime() {
  // Both load Node-API addons, but have no libuv: the first call into it ends the process.
  if (process.versions.bun !== undefined) return 'Bun has no libuv, which the addon runs on';
  if (typeof globalThis.Deno === 'object') return 'Deno has no libuv, which the addon runs on';
  return undefined;
}

/** The package's folder; undefined where this text is no longer in its file, because a bundler has copied it. */
function packageRoot() {
  if (typeof __dirname !== 'string') return undefined;
  const { existsSync } = require('node:fs');
  const path = require('node:path');
  return existsSync(path.join(__dirname, 'binding.cjs')) ? path.dirname(__dirname) : undefined;
}

module.exports = function loadBinding() {
  const foreign = foreignRuntime();
  if (foreign !== undefined) throw new Error(foreign);
  const root = packageRoot();
  if (root === undefined) {
    throw new Error(
      "a bundler has packed pathcast, and an addon cannot be packed: leave the package out (esbuild, Rollup, webpack: external: ['pathcast']; Next.js: serverExternalPackages: ['pathcast'])",
    );
  }
  try {
    return require('node-gyp-build')(root);
  } catch (error) {
    if (!String(error && error.message).startsWith('No native build was found')) throw error;
    throw new Error(
      'no addon was built for this machine when pathcast was installed: `npm rebuild pathcast --foreground-scripts` builds it and says what it lacks (pnpm: `pnpm approve-builds` first)',
      { cause: error },
    );
  }
};
