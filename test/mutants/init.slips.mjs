// pathcast init.
import { jest } from './tests.mjs';

export const slips = [
  {
    name: 'I01',
    file: 'lib/cli/init/command.ts',
    why: 'a folder with other files in it is taken for an empty one',
    find: 'if (found.length > 0) {',
    replace: 'if (found.length > 100) {',
    tests: [jest('test/examples/init-command.test.ts', 'a folder with something in it is left alone')],
  },
  {
    name: 'I02',
    file: 'lib/cli/init/choices.ts',
    why: 'a combination that was not tried is written',
    find: "if (framework !== 'next' || data === 'none') return;",
    replace: "if (framework === 'next' || data === 'none') return;",
    tests: [jest('test/examples/init-command.test.ts', 'is refused in one line')],
  },
  {
    name: 'I03',
    file: 'lib/cli/init/existing/index.ts',
    why: 'any answer is a yes',
    find: 'if (!/^y(es)?$/i.test(answer)) {',
    replace: 'if (/^n(o)?$/i.test(answer)) {',
    tests: [jest('test/examples/existing.test.ts', 'at a terminal waits for a yes')],
  },
  {
    name: 'I04',
    file: 'lib/cli/init/existing/index.ts',
    why: 'what was edited since it was read is overwritten',
    find: 'if (changed) throw new CommandError',
    replace: 'if (changed === undefined && changes.length === 0) throw new CommandError',
    tests: [jest('test/examples/existing.test.ts', 'is never written over what has changed since')],
  },
  {
    name: 'I05',
    file: 'lib/cli/terminal/diff.ts',
    why: 'an empty side of a hunk begins at line 1: a file that is new is no longer told as one',
    find: 'count(head, but) + (size === 0 ? 0 : 1)',
    replace: 'count(head, but) + 1',
    tests: [jest('test/examples/diff.test.ts', 'a file that is new begins at line 0 of nothing')],
  },
  {
    name: 'I06',
    file: 'lib/cli/init/existing/map.ts',
    why: 'a mutation whose paths are not known makes nothing stale',
    find: 'return `[${quoted(prefix)}]`;',
    replace: "return '[]';",
    tests: [jest('test/examples/existing.test.ts', 'Next in T3 shape')],
  },
  {
    name: 'I07',
    file: 'lib/cli/init/existing/trpc.ts',
    why: 'each mutation of one base procedure puts the middleware there once more',
    find: 'found.set(base.node, base)',
    replace: 'found.set({} as ts.Node, base)',
    tests: [jest('test/examples/existing.test.ts', 'Fastify with Drizzle')],
  },
  {
    name: 'I08',
    file: 'lib/cli/init/existing/session.ts',
    why: 'what only a middleware has made sure is taken for sure before it',
    find: "head + rest.replaceAll('.', '?.')",
    replace: 'head + rest',
    tests: [jest('test/examples/existing.test.ts', 'Fastify with Drizzle'), jest('test/examples/existing.test.ts', 'Next in T3 shape')],
  },
];
