/**
 * The ranges that a new app asks for: those that pathcast itself is tested with. test/examples holds them to the
 * devDependencies of the repository.
 */
import type { Data, Framework } from './choices.js';

const RANGES = {
  '@hono/node-server': '^2.1.8',
  '@libsql/client': '^0.18.0',
  '@prisma/adapter-libsql': '^7.10.0',
  '@prisma/client': '^7.10.0',
  '@trpc/client': '^11.25.2',
  '@trpc/server': '^11.25.2',
  '@types/express': '^5.0.6',
  '@types/node': '^20.19.43',
  '@types/react': '^19.3.3',
  '@types/react-dom': '^19.3.0',
  'drizzle-orm': '^0.45.4',
  esbuild: '^0.28.2',
  express: '^5.3.0',
  fastify: '^5.12.8',
  hono: '^4.13.19',
  next: '^16.4.6',
  prisma: '^7.10.1',
  react: '^19.3.1',
  'react-dom': '^19.3.1',
  // Newer ones have no compiler API, which `pathcast audit` reads code with.
  typescript: '~5.9.3',
  zod: '^4.6.7',
} as const satisfies Record<string, string>;
type Package = keyof typeof RANGES;

interface Needs {
  run: readonly Package[];
  build: readonly Package[];
}

const OF_FRAMEWORK: Readonly<Record<Framework, Needs>> = {
  fastify: { run: ['@trpc/client', '@trpc/server', 'fastify', 'zod'], build: ['esbuild'] },
  express: { run: ['express'], build: ['@types/express'] },
  hono: { run: ['@hono/node-server', 'hono'], build: [] },
  node: { run: [], build: [] },
  next: { run: ['next', 'react', 'react-dom'], build: ['@types/react', '@types/react-dom'] },
};
const OF_DATA: Readonly<Record<Data, Needs>> = {
  none: { run: [], build: [] },
  drizzle: { run: ['@libsql/client', 'drizzle-orm'], build: [] },
  prisma: { run: ['@prisma/adapter-libsql', '@prisma/client'], build: ['prisma'] },
};
const ALWAYS: readonly Package[] = ['@types/node', 'typescript'];

export const rangeOf = (name: string): string | undefined => (RANGES as Record<string, string>)[name];
/** Of pathcast itself: this version, and what is compatible with it. */
export const ownRange = (version: string): string => `^${version}`;

function ranges(names: readonly Package[]): Record<string, string> {
  return Object.fromEntries([...names].sort().map((name) => [name, RANGES[name]]));
}

function buildOf(framework: Framework, data: Data): string {
  const steps = data === 'prisma' ? ['prisma generate', 'tsc'] : ['tsc'];
  // tRPC's client is a package, which a browser cannot import by its name.
  if (framework === 'fastify') steps.push('esbuild src/page.ts --bundle --format=esm --outfile=dist/page.js');
  return framework === 'next' ? 'next build' : steps.join(' && ');
}

/** The text of the package.json of a new app. */
export function manifestOf(name: string, framework: Framework, data: Data, version: string): string {
  const needs = [OF_FRAMEWORK[framework], OF_DATA[data]];
  const run = ranges(needs.flatMap((one) => one.run));
  const dependencies = Object.fromEntries(
    Object.entries({ ...run, pathcast: ownRange(version) }).sort(([a], [b]) => (a < b ? -1 : 1)),
  );
  const manifest = {
    name,
    private: true,
    type: 'module',
    engines: { node: '>=20.11' },
    scripts: {
      build: buildOf(framework, data),
      prestart: 'npm run build',
      start: framework === 'next' ? 'next start' : 'node dist/server.js',
    },
    dependencies,
    devDependencies: ranges([...needs.flatMap((one) => one.build), ...ALWAYS]),
  };
  return `${JSON.stringify(manifest, null, 2)}\n`;
}
