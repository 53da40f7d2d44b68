'use strict';
// The sources import each other as './x.js', the name that the compiled file has. Jest reads the sources, so a
// relative '.js' that one of our own files asks for is looked up as '.ts' first.
const fs = require('node:fs');
const path = require('node:path');

module.exports = (request, options) => {
  if (/^\.{1,2}\/.*\.js$/.test(request) && !options.basedir.includes(`${path.sep}node_modules${path.sep}`)) {
    const source = path.resolve(options.basedir, request.replace(/\.js$/, '.ts'));
    if (fs.existsSync(source)) return source;
  }
  return options.defaultResolver(request, options);
};
