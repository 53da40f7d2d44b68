// Packages that ship ES modules only, or import dynamically. Jest runs CommonJS, so these go through the transform as our
// own sources do.
const esmOnly = [
  '@electric-sql', 'better-sse', 'copy-anything', 'eventsource', 'eventsource-parser', 'hono', '@hono', 'is-what', 'jose', 'superjson', '@trpc',
];

/** @type {import('jest').Config} */
export default {
  testEnvironment: '<rootDir>/scripts/jest-environment.cjs',
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  // ms; real servers, sockets and browsers on two shared cores. Six of the longest waits of test/support/wait.ts: one in vain says what for.
  testTimeout: Math.max(30_000, 6_000 * Number(process.env['PATHCAST_TEST_DEADLINE_S'] ?? 30)),
  // One above the two cores that it is kept fast for: most suites wait for servers, browsers and time-outs.
  maxWorkers: 3,
  testSequencer: '<rootDir>/scripts/jest-sequencer.cjs',
  resolver: '<rootDir>/scripts/jest-resolver.cjs',
  transform: {
    '\\.([cm]?js|ts)$': [
      '@swc/jest',
      {
        jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
        module: { type: 'commonjs' },
        sourceMaps: 'inline',
      },
    ],
  },
  transformIgnorePatterns: [`/node_modules/(?!(${esmOnly.join('|')})/)`, '/lib/binding\\.cjs$', '<rootDir>/dist/'],
};
