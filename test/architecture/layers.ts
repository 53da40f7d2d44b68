/**
 * The dependency rule of both halves as data, and the functions that check one file against it. Arrows point down
 * only; a third-party header or package has one home.
 */
import path from 'node:path';
import ts from 'typescript';

/** What each C++ layer may include of the others. */
const CPP_LAYERS: Readonly<Record<string, readonly string[]>> = {
  core: ['core'],
  paths: ['paths', 'core'],
  json: ['json', 'core'],
  loop: ['loop', 'core'],
  redis: ['redis', 'loop', 'core'],
  broker: ['broker', 'redis', 'json', 'loop', 'core'],
  engine: ['engine', 'broker', 'redis', 'json', 'loop', 'core'],
  addon: ['addon', 'engine', 'broker', 'redis', 'json', 'loop', 'paths', 'core'],
};

/** Third-party headers and the one layer that includes them. */
const CPP_HOMES: readonly (readonly [pattern: RegExp, layer: string])[] = [
  [/^simdjson/, 'json'],
  [/^uv(\.h$|\/)/, 'loop'],
  [/^hiredis/, 'redis'],
  [/^(napi|node|node_api|js_native_api|v8)(-|\.h$|\/)/, 'addon'],
];

/** Headers of the operating system: where there is I/O, never in core, paths or json. */
const SYSTEM_LAYERS = ['loop', 'redis', 'engine', 'addon'];
const STANDARD_HEADER = /^[a-z_]+$/;
const SYSTEM_HEADER = /^((sys|netinet|arpa|linux)\/[a-z_0-9]+|unistd|fcntl|poll|pthread|signal|malloc|errno|netdb|dlfcn|elf|link)\.h$/;

/** What breaks the rule in this C++ file (a path below src), one line each. */
export function checkIncludes(file: string, text: string): string[] {
  const layer = file.split('/')[0] ?? '';
  const mayInclude = CPP_LAYERS[layer];
  if (!mayInclude) return [`${file}: '${layer}' is no layer`];
  const problems: string[] = [];
  for (const [, quote, header = ''] of text.matchAll(/^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]/gm)) {
    const home = CPP_HOMES.find(([pattern]) => pattern.test(header));
    if (home) {
      if (home[1] !== layer) problems.push(`${file}: includes ${header}, which only ${home[1]} may`);
    } else if (quote === '"') {
      const other = header.split('/')[0] ?? '';
      if (!mayInclude.includes(other)) problems.push(`${file}: includes ${header}; ${layer} may see ${mayInclude.join(', ')}`);
    } else if (SYSTEM_HEADER.test(header)) {
      if (!SYSTEM_LAYERS.includes(layer)) problems.push(`${file}: includes ${header}; ${layer} does no I/O`);
    } else if (!STANDARD_HEADER.test(header)) {
      problems.push(`${file}: includes ${header}, which has no home`);
    }
  }
  return problems;
}

interface Room {
  /** Folders of lib (or files at its top, without ending) that it may import. */
  readonly sees: readonly string[];
  /** Packages; `node:` stands for all of Node's own. */
  readonly packages: readonly RegExp[];
}

const NODE = /^node:/;
const ENGINE = { sees: ['protocol', 'internal'], packages: [NODE] };
const FACADE = ['server', 'protocol', 'internal'];

const ROOMS: Readonly<Record<string, Room>> = {
  protocol: { sees: [], packages: [] },
  internal: { sees: ['protocol'], packages: [] },
  // How an action stands in a broker.
  jsengine: { ...ENGINE, sees: [...ENGINE.sees, 'redis'] },
  native: { ...ENGINE, packages: [NODE, /^#binding$/] },
  // What stands in Redis: names and scripts, for both engines.
  redis: { sees: ['protocol', 'internal'], packages: [NODE] },
  server: { sees: ['native', 'jsengine', 'redis', 'protocol', 'internal'], packages: [NODE] },
  web: { sees: FACADE, packages: [] },
  fastify: { sees: FACADE, packages: [NODE, /^fastify$/, /^fastify-plugin$/] },
  trpc: { sees: FACADE, packages: [NODE, /^@trpc\/server(\/|$)/] },
  // Changes of a PostgreSQL. Its client is loaded when it is asked for; of the router it reads types alone.
  postgres: { sees: [...FACADE, 'trpc'], packages: [NODE] },
  testing: { sees: [...FACADE, 'trpc'], packages: [NODE, /^@trpc\/server(\/|$)/] },
  client: { sees: ['protocol', 'internal'], packages: [/^eventsource-parser(\/|$)/] },
  // Of a tRPC client's links: pathcast/client/trpc.
  link: { sees: ['client', 'protocol', 'internal'], packages: [/^@trpc\/(client|server)(\/|$)/] },
  // Of a cache what its binding tells.
  report: { sees: ['client', 'tanstack', 'protocol', 'internal'], packages: [] },
  // Of TanStack Query's nothing but the shapes: an app has a copy of its own.
  tanstack: { sees: ['client', 'protocol', 'internal'], packages: [] },
  // A panel beside TanStack's own, which nothing else loads.
  devtools: { sees: ['client', 'tanstack', 'protocol', 'internal'], packages: [] },
  // What a person did, kept until it is sent. Of tRPC's and TanStack's nothing but the shapes.
  offline: { sees: ['client', 'tanstack', 'protocol', 'internal'], packages: [] },
  'offline-react': { sees: ['offline', 'client', 'protocol', 'internal'], packages: [/^react(\/|$)/] },
  react: { sees: ['client', 'tanstack', 'protocol', 'internal'], packages: [/^react(\/|$)/] },
  index: { sees: [...FACADE, 'redis'], packages: [] },
  // Programs: what they are made of is the whole library.
  cli: { sees: [...FACADE, 'redis', 'jsengine', 'client', 'fastify', 'trpc', 'web', 'testing', 'postgres'], packages: [/./] },
  reference: { sees: [...FACADE, 'redis', 'client', 'offline', 'fastify', 'trpc', 'web', 'postgres', 'link', 'index'], packages: [/./] },
};

function resolve(from: string, request: string): string {
  const parts = from.split('/').slice(0, -1);
  for (const part of request.split('/')) {
    if (part === '..') {
      if (parts.pop() === undefined) return `../${request}`;
    } else if (part !== '.') {
      parts.push(part);
    }
  }
  return parts.join('/');
}

const roomOf = (file: string): string => (file.split('/')[0] ?? '').replace(/\.[cm]?[jt]s$/, '');

/** What breaks the rule in this TypeScript file (a path below lib), one line each. */
export function checkImports(file: string, text: string): string[] {
  const name = roomOf(file);
  const room = ROOMS[name];
  if (!room) return [`${file}: '${name}' is no part of the library`];
  const problems: string[] = [];
  for (const { fileName: request } of ts.preProcessFile(text, true, true).importedFiles) {
    if (request.startsWith('.')) {
      const other = roomOf(resolve(file, request));
      if (other !== name && !room.sees.includes(other)) {
        problems.push(`${file}: imports ${request}; ${name} may see ${room.sees.join(', ') || 'nothing'}`);
      }
    } else if (!room.packages.some((pattern) => pattern.test(request))) {
      problems.push(`${file}: imports ${request}, which ${name} may not`);
    }
  }
  return problems;
}

/**
 * Files that import each other round in a circle, each circle as its files in order; imports of types count. Whoever reads
 * one of them has to have read the others before. `sources`: each file's path and text.
 */
export function circlesOf(sources: ReadonlyMap<string, string>): string[][] {
  return circlesIn(importsOf(sources));
}

/**
 * Rooms directly in a folder that need each other round in a circle: its folders, whatever they hold, and the files that
 * stand in it. `sources`: each file's path and text.
 */
export function circlesOfRooms(folder: string, sources: ReadonlyMap<string, string>): string[][] {
  const within = new Map([...sources].filter(([file]) => file.startsWith(`${folder}/`)));
  const roomIn = (file: string): string => file.slice(folder.length + 1).split('/')[0] ?? file;
  const rooms = new Map<string, string[]>();
  for (const [file, imports] of importsOf(within)) {
    const room = roomIn(file);
    rooms.set(room, [...(rooms.get(room) ?? []), ...imports.map(roomIn).filter((other) => other !== room)]);
  }
  return circlesIn(rooms);
}

function importsOf(sources: ReadonlyMap<string, string>): Map<string, string[]> {
  const imports = new Map<string, string[]>();
  for (const [file, text] of sources) {
    const asked = ts.preProcessFile(text, true, true).importedFiles.filter(({ fileName }) => fileName.startsWith('.'));
    const found = asked.flatMap(({ fileName }) => {
      const target = path.posix.join(path.posix.dirname(file), fileName);
      return [target.replace(/\.js$/, '.ts'), target.replace(/\.js$/, '.tsx'), target].filter((name) => sources.has(name)).slice(0, 1);
    });
    imports.set(file, found);
  }
  return imports;
}

function circlesIn(imports: ReadonlyMap<string, readonly string[]>): string[][] {
  /** All that a file leads to. */
  const reach = (from: string): Set<string> => {
    const seen = new Set<string>();
    const next = [...(imports.get(from) ?? [])];
    for (let file = next.pop(); file !== undefined; file = next.pop()) {
      if (seen.has(file)) continue;
      seen.add(file);
      next.push(...(imports.get(file) ?? []));
    }
    return seen;
  };
  const reached = new Map([...imports.keys()].map((file) => [file, reach(file)]));
  const circles = new Map<string, string[]>();
  for (const [file, others] of reached) {
    if (!others.has(file)) continue;
    const circle = [...others].filter((other) => reached.get(other)?.has(file)).sort();
    circles.set(circle.join(), circle);
  }
  return [...circles.values()];
}
