/**
 * A hub of PATHCAST_ENGINE bound to a router of `procedures` queries, eight to a router, and what its path table takes
 * for an action: asked in this process, from JavaScript, as the facade asks.
 */
import { serve } from './control.mjs';

const { createHub } = await import('../../dist/esm/index.js');
const { internalsOf } = await import('../../dist/esm/server/internals.js');

const engine = process.env.PATHCAST_ENGINE ?? 'native';
const PER_ROUTER = 8;
/** Modules that follow from the one that an action touches. */
const CASCADE = 10;
/** Query paths of an action, of one router. */
const PATHS = 5;
/** Different actions, so that no answer is learnt by heart. */
const ACTIONS = 64;
/** Batches timed for one figure; their median counts. */
const BATCHES = 15;

/** As tRPC lays it out: only what `bindRouter` reads. */
function routerOf(procedures) {
  const query = Object.assign(() => undefined, { _def: { procedure: true, type: 'query' } });
  const names = ['getAll', 'getById', 'getStats', 'list', 'search', 'getSummary', 'getByCategory', 'getHistory'];
  const paths = Array.from({ length: procedures }, (_, i) => `module${Math.floor(i / PER_ROUTER)}.${names[i % PER_ROUTER]}`);
  return { _def: { router: true, procedures: Object.fromEntries(paths.map((path) => [path, query])), lazy: {} } };
}

/** Chains of modules, each with the next one stale after it. */
function cascadesOf(table, modules) {
  const edges = modules.flatMap((_, i) => ((i + 1) % (CASCADE + 1) === 0 || i + 1 === modules.length ? [] : [[i, i + 1]]));
  return table.cascades({ modules: modules.map((name) => ({ name, nodes: [table.find(name)] })), edges });
}

/** Microseconds of processor time so far, all threads of this process. */
function cpuUs() {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** Nanoseconds of processor time of one call, `work` making `calls` of them: the median over the batches. */
function timed(work, calls, batchMs) {
  // Doubled until a batch is long enough to be timed; that is the warm-up too.
  let rounds = 1;
  for (let took = 0; took < batchMs * 1_000; rounds *= 2) {
    const start = cpuUs();
    for (let i = 0; i < rounds; i += 1) work();
    took = cpuUs() - start;
  }
  const batches = Array.from({ length: BATCHES }, () => {
    const start = cpuUs();
    for (let i = 0; i < rounds; i += 1) work();
    return ((cpuUs() - start) * 1e3) / (rounds * calls);
  });
  return batches.sort((a, b) => a - b)[Math.floor(BATCHES / 2)];
}

async function measure({ procedures, batchMs }) {
  const hub = createHub({ engine });
  if (hub.engine !== engine) throw new Error(`asked for the ${engine} engine, got ${hub.engine}`);
  await hub.bindRouter(routerOf(procedures));
  const { table, queries } = internalsOf(hub).paths;
  if (table.kind !== engine) throw new Error(`the ${engine} engine has a table of kind ${table.kind}`);

  const modules = [...new Set(queries.map((path) => path.split('.')[0]))];
  const cascades = cascadesOf(table, modules);
  const chains = Math.floor(modules.length / (CASCADE + 1));
  const actions = Array.from({ length: ACTIONS }, (_, i) => {
    // Spread over the router; the first module of a chain, so that all of it follows.
    const first = (CASCADE + 1) * Math.floor((i * chains) / ACTIONS);
    return queries.slice(first * PER_ROUTER, first * PER_ROUTER + PATHS);
  });
  for (const paths of actions) {
    const found = cascades.close(paths.map((path) => table.find(path)));
    if (found.length !== PATHS + CASCADE) throw new Error(`an action came to ${found.length} paths, not ${PATHS + CASCADE}`);
  }
  const prefixes = actions.map(([path]) => [table.find(path.split('.')[0])]);
  let sink = 0;
  const resolve = timed(
    () => {
      for (const paths of actions) {
        const nodes = new Array(PATHS);
        for (let i = 0; i < PATHS; i += 1) nodes[i] = table.find(paths[i]);
        sink += cascades.close(nodes).length;
      }
    },
    ACTIONS,
    batchMs,
  );
  const lookup = timed(
    () => {
      for (const paths of actions) for (const path of paths) sink += table.find(path);
    },
    ACTIONS * PATHS,
    batchMs,
  );
  const expand = timed(
    () => {
      for (const nodes of prefixes) sink += table.expand(nodes).length;
    },
    ACTIONS,
    batchMs,
  );
  await hub.close();
  if (sink === 0) throw new Error('nothing was measured');
  return { resolveUs: resolve / 1e3, lookupNs: lookup, expandUs: expand / 1e3 };
}

serve({ port: 0, send: () => undefined, commands: { measure } });
