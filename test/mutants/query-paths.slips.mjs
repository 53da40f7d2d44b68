// Query paths of the facade: binding, aliases, phantoms, usage.
import { jest } from './tests.mjs';

export const slips = [
  {
    name: 'T25',
    file: 'lib/server/paths/path-check.ts',
    why: 'aliases applied twice',
    find: 'const real = router.aliasOf(path) ?? path; if',
    replace: `const once = router.aliasOf(path) ?? path;
    const real = router.aliasOf(once) ?? once;
    if`,
    equivalent: 'an alias of an alias is refused when the router is bound',
  },
  {
    name: 'T26',
    file: 'lib/server/paths/path-check.ts',
    why: 'aliases not applied in mode warn',
    find: 'const real = router.aliasOf(path) ?? path; if',
    replace: `const real = mode === 'warn' ? path : (router.aliasOf(path) ?? path);
    if`,
    tests: [jest('test/conformance/query-paths.test.ts', 'aliases come first, in every mode, and are no phantoms')],
  },
  {
    name: 'T28',
    file: 'lib/server/paths/path-check.ts',
    why: 'repair takes the nearest path even when unsure',
    find: 'if (best?.confident) return best.path;',
    replace: 'if (best) return best.path;',
    tests: [jest('test/conformance/query-paths.test.ts', 'guests.seatingChart')],
  },
  {
    name: 'T29',
    file: 'lib/server/paths/path-check.ts',
    why: 'repair takes the shortest real prefix',
    find: "for (let dot = path.lastIndexOf('.'); dot > 0; dot = path.lastIndexOf('.', dot - 1)) {",
    replace: "for (let dot = path.indexOf('.'); dot > 0; dot = path.indexOf('.', dot + 1)) {",
    tests: [jest('test/conformance/query-paths.test.ts', 'admin.users.somethingElse')],
  },
  {
    name: 'T30',
    file: 'lib/server/paths/path-check.ts',
    why: 'mode error: result says ok',
    find: "refused: mode === 'error' && phantoms.size > 0",
    replace: 'refused: false',
    tests: [jest('test/unit/testing/recorder.test.ts', 'a broadcast by the middleware that the hub refused')],
  },
  {
    name: 'T31',
    file: 'lib/server/paths/path-check.ts',
    why: 'paths below a lazy router that is not loaded are phantoms',
    find: 'if (router.isReal(real) || router.isPending(real)) {',
    replace: 'if (router.isReal(real)) {',
    tests: [jest('test/conformance/query-paths.test.ts', 'lazy routers: their paths pass until they are loaded, and counts are kept')],
  },
  {
    name: 'T37',
    file: 'lib/server/paths/hub-paths.ts',
    why: "a replaced router's lazy load sets the resync paths again",
    find: 'if (this.#router === router) this.#follow(router);',
    replace: 'this.#follow(router);',
    tests: [jest('test/unit/server/bind-router.test.ts', 'a second call replaces the first, whose lazy routers come too late')],
  },
  {
    name: 'T38',
    file: 'lib/server/paths/bound-router.ts',
    why: 'resync names only the loaded queries while a lazy router is pending',
    find: "if (!this.complete) return ['*'];",
    replace: '',
    tests: [jest('test/conformance/query-paths.test.ts', 'a resync names the router’s queries; * before, and while a lazy router is away')],
  },
  {
    name: 'T39',
    file: 'lib/server/paths/bound-router.ts',
    why: 'filter paths below a pending lazy router widen to their real prefix or *',
    find: 'this.isReal(wide) || this.#pending.some((prefix) => prefix === wide || prefix.startsWith(`${wide}.`))',
    replace: 'this.isReal(wide)',
    tests: [jest('test/unit/server/filter.test.ts', 'what may lie in a lazy router becomes that router')],
  },
  {
    name: 'T40',
    file: 'lib/server/paths/path-usage.ts',
    why: 'an action that names a prefix and a path below counts twice',
    find: 'if (node < end) continue;',
    replace: '',
    tests: [jest('test/conformance/query-paths.test.ts', 'usage: what is published of each query, and what clients have')],
  },
  {
    name: 'T27',
    file: 'lib/server/paths/aliases.ts',
    why: 'an alias of an alias is accepted while a lazy router is away',
    find: '} else if (aliases.has(target)) {',
    replace: '} else if (aliases.has(target) && !known.isPending(target)) {',
    tests: [jest('test/unit/server/pending-routers.test.ts', 'an alias of an alias is refused, also where its target may come with the lazy router')],
  },
];
