'use strict';
// The one loader of the native addon. It loads on the first call and throws when no binary fits this machine, so
// that an application which asks for the JavaScript engine never touches the addon. It stays plain CommonJS, one
// level below the package root in the repository and in the package alike, and is left out of bundles.
const path = require('node:path');

module.exports = function loadBinding() {
  return require('node-gyp-build')(path.join(__dirname, '..'));
};
