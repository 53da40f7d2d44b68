/** What the query paths of an action cost the JavaScript thread, by the size of the router. */
import path from 'node:path';
import { Child, SERVER_CORE } from '../harness/child.mjs';
import { root } from '../harness/paths.mjs';

/** Procedures of the routers; in the names of the metrics too. */
const SIZES = [100, 2_000, 20_000];
const ENGINES = { 'pathcast-native': 'native', 'pathcast-js': 'js' };
const bySize = (name, unit) => Object.fromEntries(SIZES.map((size) => [`${name}${size}`, unit]));

export const paths = {
  name: 'paths',
  about: 'one action of 5 paths and a cascade of 10 modules, resolved from JavaScript; a lookup; a prefix expanded',
  subjects: Object.keys(ENGINES),
  trials: 5,
  parameters: { batchMs: 20 },
  quick: { batchMs: 1 },
  metrics: { ...bySize('resolve', 'us'), ...bySize('lookup', 'ns'), ...bySize('expand', 'us') },
  trial: async (subject, { batchMs }) => {
    const figures = {};
    for (const procedures of SIZES) {
      // A process for each size: what V8 has learnt of a small router does not help with a big one.
      const command = [process.execPath, '--expose-gc', path.join(root, 'bench/servers/path-table.mjs')];
      const server = new Child(subject, SERVER_CORE, command, { PATHCAST_ENGINE: ENGINES[subject] });
      try {
        await server.ready();
        const { resolveUs, lookupNs, expandUs } = await server.ask('measure', { procedures, batchMs });
        figures[`resolve${procedures}`] = resolveUs;
        figures[`lookup${procedures}`] = lookupNs;
        figures[`expand${procedures}`] = expandUs;
      } finally {
        await server.end();
      }
    }
    return figures;
  },
  ratios: SIZES.map((size) => ({ of: `resolve${size}`, against: 'pathcast-native', metric: `vsNative${size}` })),
  targets: [
    ...SIZES.map((size) => ({ subject: 'pathcast-native', metric: `resolve${size}`, atMost: 1 })),
    { subject: 'pathcast-js', metric: 'vsNative2000', atLeast: 5 },
  ],
};
