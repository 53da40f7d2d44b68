'use strict';
// Node's test environment, which ends what a suite leaves to the whole process: each AsyncLocalStorage that was ever entered is asked about each promise from then
// on (Node 20 and 22). A worker that had run a hundred suites took several times as long for a computation full of promises; 300 of them: 3.3 times.
const { AsyncLocalStorage } = require('node:async_hooks');
const { TestEnvironment } = require(require.resolve('jest-environment-node', { paths: [require.resolve('jest-config', { paths: [require.resolve('jest-cli', { paths: [require.resolve('jest')] })] })] }));

const entered = new Set();
for (const name of ['run', 'enterWith']) {
  const enter = AsyncLocalStorage.prototype[name];
  AsyncLocalStorage.prototype[name] = function (...given) {
    entered.add(this);
    return enter.apply(this, given);
  };
}

module.exports = class extends TestEnvironment {
  async teardown() {
    await super.teardown();
    for (const one of entered) one.disable();
    entered.clear();
  }
};
