'use strict';
// The suites that take longest begin first. A worker that has run a hundred others computes several times slower, and what begins last is waited for with one core.
// Measured in a whole run: test/tanstack/simulation 500 s as one of the last, 32 s as one of the first; test/offline/simulation 193 s and 10 s.
const Sequencer = require(require.resolve('@jest/test-sequencer', { paths: [require.resolve('jest-cli', { paths: [require.resolve('jest')] })] })).default;

const LONG = ['tanstack/simulation', 'offline/simulation', 'where/oracle', 'where/wrong', 'where/nodes', 'chaos/chaos', 'client/simulation', 'postgres/edits', 'postgres/once'];

module.exports = class extends Sequencer {
  sort(tests) {
    const place = ({ path }) => {
      const at = LONG.findIndex((name) => path.includes(`/test/${name}`));
      return at < 0 ? LONG.length : at;
    };
    return super.sort(tests).sort((a, b) => place(a) - place(b));
  }
};
