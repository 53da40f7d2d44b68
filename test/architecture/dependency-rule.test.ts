/** The arrows between layers, in C++ and in TypeScript: they point down only. */
import { checkImports, checkIncludes, circlesOf, circlesOfRooms } from './layers.js';
import { read, trackedFiles } from './tracked.js';

const files = trackedFiles();

describe('C++ layers', () => {
  const sources = files.filter((file) => /^src\/.+\.(h|cc)$/.test(file));

  test('each file includes only what its layer may see', () => {
    expect(sources.length).toBeGreaterThan(0);
    expect(sources.flatMap((file) => checkIncludes(file.slice('src/'.length), read(file)))).toEqual([]);
  });

  test('sources.json lists every source once, under its layer', () => {
    const layers = JSON.parse(read('src/sources.json')) as Record<string, string[]>;
    const listed = Object.values(layers).flat();
    expect([...listed].sort()).toEqual(sources.filter((file) => file.endsWith('.cc')));
    for (const [layer, list] of Object.entries(layers)) {
      for (const file of list) expect(file).toMatch(new RegExp(`^src/${layer}/[a-z0-9_/]+\\.cc$`));
    }
  });

  test.each([
    ['core/a.cc', '#include "engine/hub.h"', 'core may see core'],
    ['core/a.h', '#include <uv.h>', 'only loop may'],
    ['core/a.h', '#include <sys/socket.h>', 'core does no I/O'],
    ['engine/a.cc', '  #  include <simdjson.h>', 'only json may'],
    ['engine/a.cc', '#include "napi.h"', 'only addon may'],
    ['engine/a.cc', '#include "addon/hub_wrap.h"', 'engine may see'],
    ['loop/a.cc', '#include "json/action_reader.h"', 'loop may see loop, core'],
    ['loop/a.cc', '#include <boost/asio.hpp>', 'has no home'],
    ['misc/a.cc', '', 'no layer'],
  ])('a breach is seen: %s with %s', (file, text, problem) => {
    expect(checkIncludes(file, text)).toEqual([expect.stringContaining(problem)]);
  });

  test('what is allowed passes', () => {
    const text = '#include "engine/hub.h"\n\n#include <sys/socket.h>\n#include <vector>\n\n#include "core/status.h"\n#include "loop/timer.h"\n';
    expect(checkIncludes('engine/hub.cc', text)).toEqual([]);
  });
});

describe('TypeScript parts', () => {
  const sources = files.filter((file) => /^lib\/.+\.[cm]?ts$/.test(file) && !file.endsWith('.d.cts'));

  test('no files import each other in a circle, not for types either', () => {
    const all = files.filter((file) => /^lib\/.+\.tsx?$/.test(file));
    expect(circlesOf(new Map(all.map((file) => [file, read(file)])))).toEqual([]);
  });

  test('a circle is seen: of two, of three, of types, of one alone', () => {
    const of = (entries: Record<string, string>): string[][] => circlesOf(new Map(Object.entries(entries)));
    expect(of({ 'a/a.ts': "import { b } from '../b.js';", 'b.ts': "export * from './a/a.js';", 'c.ts': "import './b.js';" })).toEqual([['a/a.ts', 'b.ts']]);
    expect(of({ 'a.ts': "import type { B } from './b.js';", 'b.ts': "const c = import('./c.js');", 'c.ts': "import { a } from './a.js';" })).toEqual([['a.ts', 'b.ts', 'c.ts']]);
    expect(of({ 'a.ts': "import './a.js';", 'p.tsx': "import './a.js';" })).toEqual([['a.ts']]);
    expect(of({ 'a.ts': "import './b.js'; import './c.js';", 'b.ts': "import './c.js';", 'c.ts': "import 'node:fs';" })).toEqual([]);
  });

  /** The largest part of the house: a newcomer reads it room by room, and none needs to be read before itself. */
  test.each(['', '/project', '/project/values', '/effects', '/effects/orms', '/findings'])('the rooms of the audit%s need each other one way only', (folder) => {
    const audit = sources.filter((file) => file.startsWith('lib/cli/audit/'));
    expect(audit.length).toBeGreaterThan(50);
    expect(circlesOfRooms(`lib/cli/audit${folder}`, new Map(audit.map((file) => [file, read(file)])))).toEqual([]);
  });

  test('a circle of rooms is seen where no file is in one', () => {
    const of = (entries: Record<string, string>): string[][] => circlesOfRooms('top', new Map(Object.entries(entries)));
    const files = { 'top/a/one.ts': "import '../b/one.js';", 'top/b/two.ts': "import type { A } from '../a/two.js';", 'top/a/two.ts': '', 'top/b/one.ts': '' };
    expect(circlesOf(new Map(Object.entries(files)))).toEqual([]);
    expect(of(files)).toEqual([['a', 'b']]);
    expect(of({ ...files, 'top/b/two.ts': "import '../c.js';", 'top/c.ts': "import '../elsewhere/x.js';" })).toEqual([]);
    expect(of({ 'top/a/one.ts': "import '../c.js';", 'top/c.ts': "import './a/two.js';", 'top/a/two.ts': '' })).toEqual([['a', 'c.ts']]);
  });

  test('each file imports only what its part may see', () => {
    expect(sources.length).toBeGreaterThan(0);
    expect(sources.flatMap((file) => checkImports(file.slice('lib/'.length), read(file)))).toEqual([]);
  });

  test.each([
    ['protocol/a.ts', "import { x } from 'node:fs';", 'protocol may not'],
    ['protocol/a.ts', "import type { X } from '../internal/x.js';", 'protocol may see nothing'],
    ['internal/a.ts', "export * from '../server/hub.js';", 'internal may see protocol'],
    ['jsengine/a.ts', "import { x } from '../server/x.js';", 'jsengine may see'],
    ['server/a.ts', "import { x } from 'fastify';", 'server may not'],
    ['server/a.ts', "const load = () => import('../trpc/index.js');", 'server may see'],
    ['server/a.ts', "import binding from '#binding';", 'server may not'],
    ['fastify/a.ts', "import { x } from '../native/index.js';", 'fastify may see'],
    ['fastify/index.ts', "import { initTRPC } from '@trpc/server';", 'fastify may not'],
    ['web/a.ts', "import '../fastify/index.js';", 'web may see'],
    ['server/deep/a.ts', "import { x } from '../../jsengine/../trpc/index.js';", 'server may see'],
    ['attic/a.ts', '', 'no part'],
  ])('a breach is seen: %s with %s', (file, text, problem) => {
    expect(checkImports(file, text)).toEqual([expect.stringContaining(problem)]);
  });

  test('what is allowed passes', () => {
    expect(checkImports('server/hub.ts', "import { a } from '../native/index.js';\nimport b from 'node:net';\nimport './c.js';")).toEqual([]);
    expect(checkImports('native/binding.ts', "import load from '#binding';")).toEqual([]);
  });
});
