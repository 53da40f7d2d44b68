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

/** ' (musl)' where the C library is not glibc, which prebuilt addons for Linux want. */
function libc() {
  if (process.platform !== 'linux' || !process.report) return '';
  // The report would look up the names of open connections.
  const before = process.report.excludeNetwork;
  process.report.excludeNetwork = true;
  const { header } = process.report.getReport();
  process.report.excludeNetwork = before;
  return header.glibcVersionRuntime === undefined ? ' (musl)' : '';
}

module.exports = function loadBinding() {
  const foreign = foreignRuntime();
  if (foreign !== undefined) throw new Error(foreign);
  const root = packageRoot();
  if (root === undefined) {
    throw new Error(
      "a bundler has packed pathcast, and an addon cannot be packed: leave the package out (esbuild, tsup: external: ['pathcast']; ncc: -e pathcast; Next.js: serverExternalPackages: ['pathcast']; Rollup, webpack: docs/platforms.md)",
    );
  }
  try {
    return require('node-gyp-build')(root);
  } catch (error) {
    const { platform, arch } = process;
    const text = String(error && error.message);
    // A C library that the prebuilt one does not fit says so in its own words.
    const why = text.startsWith('No native build was found') ? `the package has no prebuilt addon for ${platform}-${arch}` : text;
    throw new Error(`${why}${libc()}: \`npx pathcast build\` compiles it`, { cause: error });
  }
};
