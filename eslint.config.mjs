import tseslint from 'typescript-eslint';

/** The arrows of the library: what the sources of each folder may not import. test/architecture holds them to it too. */
const outside = (...allowed) => {
  const folders = ['cli', 'client', 'fastify', 'http', 'internal', 'jsengine', 'protocol', 'react', 'reference', 'server', 'trpc', 'web'];
  return folders.filter((folder) => !allowed.includes(folder)).map((folder) => `**/${folder}/*`);
};
const NATIVE = ['**/native/*', '#binding'];
const PEERS = ['fastify', '@fastify/*', 'fastify-plugin', '@trpc/*', 'react', 'express', 'hono'];
const rule = (patterns, message) => ({
  'no-restricted-imports': ['error', { patterns: [{ group: patterns, message }] }],
});

const adapter = (folder, peers) => ({
  files: [`lib/${folder}/**/*.ts`],
  rules: rule(
    [...outside(folder, 'server', 'protocol', 'internal'), ...NATIVE, ...PEERS.filter((peer) => !peers.includes(peer))],
    `${folder} adapts the facade of server to its own peer dependency, nothing else.`,
  ),
});

export default tseslint.config(
  { ignores: ['dist/', 'build/', 'node_modules/', '**/node_modules/', 'test/clients/', 'test/fixtures/weddingflo*/', 'test/fixtures/codebases/', 'test/fixtures/readme/', 'test/fixtures/existing/', 'test/fixtures/wild/', 'templates/', 'examples/', '.setup/', 'coverage/', 'bench/results/', '**/*.d.cts'] },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: {
      parserOptions: { project: ['lib/tsconfig.json', 'lib/reference/pages/tsconfig.json', 'test/tsconfig.json'], tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/no-import-type-side-effects': 'error',
      '@typescript-eslint/prefer-promise-reject-errors': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      // An implementation of an asynchronous interface may have nothing to wait for.
      '@typescript-eslint/require-await': 'off',
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-console': 'error',
      'no-restricted-properties': [
        'error',
        { object: 'process', property: 'exit', message: 'Library code returns or throws; it never exits.' },
      ],
    },
  },
  // The programs that a person starts print, and decide how a process ends.
  {
    files: ['lib/reference/**/*.ts', 'lib/cli/**/*.ts', 'test/**/*.ts', 'bench/**/*.ts'],
    rules: { 'no-console': 'off', 'no-restricted-properties': 'off' },
  },
  {
    files: ['test/**/*.ts', 'bench/**/*.ts'],
    rules: {
      // What tests read from JSON, and from clients of old versions, has no type.
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/no-explicit-any': 'off',
      '@typescript-eslint/no-base-to-string': 'off',
      '@typescript-eslint/restrict-template-expressions': 'off',
      '@typescript-eslint/unbound-method': 'off',
      // A test throws and rejects with what it must not be hurt by, and a value that is missing fails it anyhow.
      '@typescript-eslint/only-throw-error': 'off',
      '@typescript-eslint/prefer-promise-reject-errors': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
    },
  },
  {
    files: ['lib/protocol/**/*.ts'],
    rules: rule([...outside('protocol'), ...NATIVE, ...PEERS, 'node:*'], 'protocol imports nothing: it runs in browsers too.'),
  },
  {
    files: ['lib/internal/**/*.ts'],
    rules: rule([...outside('internal', 'protocol'), ...NATIVE, ...PEERS], 'internal sees protocol alone.'),
  },
  {
    files: ['lib/jsengine/**/*.ts'],
    rules: rule([...outside('jsengine', 'protocol', 'internal'), ...NATIVE, ...PEERS], 'An engine sees protocol and internal.'),
  },
  {
    files: ['lib/native/**/*.ts'],
    rules: rule([...outside('protocol', 'internal'), '#binding', ...PEERS], 'An engine sees protocol and internal; binding.ts alone loads the addon.'),
  },
  {
    files: ['lib/native/binding.ts'],
    rules: rule([...outside('protocol', 'internal'), ...PEERS], 'An engine sees protocol and internal.'),
  },
  {
    files: ['lib/server/**/*.ts'],
    rules: rule(
      [...outside('server', 'jsengine', 'protocol', 'internal'), '#binding', ...PEERS],
      'server sees the engines, protocol and internal; frameworks come through their adapters.',
    ),
  },
  adapter('http', []),
  adapter('web', []),
  adapter('fastify', ['fastify', '@fastify/*', 'fastify-plugin']),
  adapter('trpc', ['@trpc/*']),
);
