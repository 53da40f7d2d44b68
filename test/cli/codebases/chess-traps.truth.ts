import { idle, type Truth } from './truth.js';

/** Verbs of databases and of sync that are neither: Map, Set, hashes, forms, headers, a game's own broadcast. */
export const truth: Truth = {
  root: 'src/games.ts#appRouter',
  queries: 1,
  mutations: {
    'games.move': idle,
    'games.resign': idle,
    'games.fingerprint': idle,
    'games.design': idle,
    'games.forward': idle,
  },
  findings: [
    'silent games.move',
    'silent games.resign',
    'silent games.fingerprint',
    'silent games.design',
    'silent games.forward',
  ],
};
