/** What a page loads: sources of lib, bundled as an app's bundler would. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { build, type Plugin } from 'esbuild';

const root = path.resolve(__dirname, '../../..');

export interface BundleOptions {
  /** Packages that stand in for others: `{ react: 'react-18/node_modules/react' }`. */
  readonly alias?: Readonly<Record<string, string>>;
  /** Made of the sources as they are read; one that none of them has is an error. */
  readonly replace?: readonly (readonly [RegExp, string])[];
  /** `node`: for this process, as a function body that is given `require`. */
  readonly platform?: 'browser' | 'node';
}

/** TypeScript, with paths from the root of the repository, as one script. */
export async function bundle(source: string, { alias = {}, replace = [], platform = 'browser' }: BundleOptions = {}): Promise<string> {
  const missing = new Set(replace.map(([pattern]) => pattern));
  const standIns: Plugin = {
    name: 'stand-ins',
    setup(building) {
      for (const [name, folder] of Object.entries(alias)) {
        building.onResolve({ filter: new RegExp(`^${name}(/|$)`) }, ({ path: asked, kind, pluginData }) =>
          pluginData === standIns
            ? null
            : building.resolve(`./${path.join(folder, asked.slice(name.length))}`, { kind, resolveDir: root, pluginData: standIns }),
        );
      }
      if (replace.length === 0) return;
      building.onLoad({ filter: /\/lib\/(client|tanstack)\/.*\.ts$/ }, ({ path: file }) => ({
        contents: replace.reduce((text, [pattern, by]) => {
          if (pattern.test(text)) missing.delete(pattern);
          return text.replace(pattern, by);
        }, readFileSync(file, 'utf8')),
        loader: 'ts',
      }));
    },
  };
  const { outputFiles } = await build({
    stdin: { contents: source, resolveDir: root, loader: 'tsx', sourcefile: 'page.tsx' },
    bundle: true,
    write: false,
    format: 'iife',
    target: 'es2022',
    jsx: 'automatic',
    platform,
    define: { 'process.env.NODE_ENV': '"development"' },
    plugins: [standIns],
    // For sources from elsewhere.
    nodePaths: [path.join(root, 'node_modules')],
    logLevel: 'silent',
  });
  if (missing.size > 0) throw new Error(`No source of the bundle has ${[...missing].join(', ')}`);
  return outputFiles[0]?.text ?? '';
}
