/** What is measured: how each subject is started and how its stream is asked for. */
import path from 'node:path';
import { sendLoop } from './binaries.mjs';
import { root } from './paths.mjs';

const node = (script, ...flags) => [
  process.execPath,
  '--expose-gc',
  ...flags,
  path.join(root, 'bench/servers', script),
];
const input = encodeURIComponent(JSON.stringify({ companyId: 'company-C' })).replace('company-C', 'company-{c}');

/** @type {Record<string, {command: () => string[], env?: Record<string, string>, path: string, cursors?: boolean}>} */
export const SUBJECTS = {
  'pathcast-native': {
    command: () => node('pathcast.mjs'),
    env: { PATHCAST_ENGINE: 'native' },
    path: '/company-{c}/{i}',
    cursors: true,
  },
  'pathcast-js': {
    command: () => node('pathcast.mjs'),
    env: { PATHCAST_ENGINE: 'js' },
    path: '/company-{c}/{i}',
    cursors: true,
  },
  'send-loop': { command: () => [sendLoop()], path: '/' },
  // 10,000 of its subscriptions need more than V8's default heap.
  trpc: { command: () => node('trpc.mjs', '--max-old-space-size=8192'), path: `/trpc/onSync?input=${input}` },
  'better-sse': { command: () => node('better-sse.mjs'), path: '/company-{c}/{i}' },
};

/** The subject of `--against`: the native engine of another built checkout, under the scripts of this one. */
export const BEFORE = 'before';

/** Measures the checkout at `folder` beside this one, in the same rounds. */
export function addBefore(folder) {
  const { command, env, path: route, cursors } = SUBJECTS['pathcast-native'];
  SUBJECTS[BEFORE] = { command, env: { ...env, BENCH_PATHCAST: folder }, path: route, cursors };
}
