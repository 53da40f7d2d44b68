'use strict';
// The suites that take longest begin first: what begins last is waited for with one core.
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
