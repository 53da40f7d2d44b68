// npm run build:native: builds the addon with npm's own node-gyp when its sources have changed since the last time.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { findNodeDir, findNodeGyp } from './node-gyp.mjs';
import { at, capture, exclusively, hashOf, ifChanged, main, Refusal, run, startedAs, stateDir, which } from './support.mjs';
import { isVendored, VENDORED, vendorSources } from './vendor.mjs';

const PRODUCT = at('build/Release/pathcast.node');

/** Builds if needed. Throws a `Refusal` with the compiler's last words if it cannot. */
export async function buildNative() {
  vendorSources();
  const inputs = ['src', 'binding.gyp', ...Object.values(VENDORED).map(({ folder }) => folder), 'node_modules/node-addon-api/package.json'];
  return ifChanged('building the native addon', hashOf(inputs), PRODUCT, async () => {
    const nodeDir = findNodeDir();
    const nodeGyp = findNodeGyp();
    if (!nodeGyp) throw new Refusal('npm comes without node-gyp here. Install it (npm install -g node-gyp) and run this again.');
    const common = [nodeGyp, ...(nodeDir ? [`--nodedir=${nodeDir}`] : []), '--loglevel=warn'];
    const ccache = which('ccache');
    const env = { ...process.env };
    if (ccache && !env.CXX) env.CXX = `${ccache} g++`;
    const log = path.join(stateDir, 'build-native.log');

    // "configure" only when the list of files or the settings changed: make then compiles what is new.
    const settings = path.join(stateDir, 'configure-native.sha256');
    const wanted = hashOf(['binding.gyp', 'src/addon.gypi', 'src/sources.json'], `${Object.keys(VENDORED).map(isVendored)} ${nodeDir} ${env.CXX ?? ''}`);
    const configured = existsSync(at('build/Makefile')) && existsSync(settings) && readFileSync(settings, 'utf8') === wanted;
    for (const step of configured ? [['build']] : [['configure'], ['build']]) {
      const done = capture(process.execPath, [...common, ...step, ...(step[0] === 'build' ? ['--jobs=max'] : [])], { env });
      writeFileSync(log, done.output);
      if (!done.ok) throw new Refusal(`${done.output.split('\n').slice(-60).join('\n')}\nThe native addon does not build.`);
      if (step[0] === 'configure') writeFileSync(settings, wanted);
    }
    const check = capture(process.execPath, ['-e', "require('./lib/binding.cjs')()"]);
    if (!check.ok) throw new Refusal(`${check.output}\nThe native addon was built but does not load.`);
  });
}

if (startedAs(import.meta.url)) {
  main(() => {
    mkdirSync(stateDir, { recursive: true });
    return exclusively(buildNative);
  });
}
