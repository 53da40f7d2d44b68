/** `npm run chaos`: one run, told as it goes, and its table at the end. */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Network } from './network.js';
import { runChaos } from './run.js';
import { summary } from './summary.js';

const REDISES = ['one', 'tls', 'network', 'sentinels', 'cluster'] as const;
const HELP = `npm run chaos -- [--seed N] [--minutes M] [--engine native|js] [--redis one|tls|network|sentinels|cluster] [--client] [--old COMMIT] [--only PART]… [--save FILE]

  --seed     what is done, and to whom (default: by chance; it is printed)
  --minutes  how long faults are made (default 3)
  --engine   of all nodes (default native)
  --redis    one: a server with a link for each node; sentinels: a master, its replica, three sentinels;
             tls: as one, behind TLS; cluster: three masters, a replica each;
             network: as one, and each node in a network namespace of its own (root only)
  --client   each node gives its hub an ioredis client of its own, in the place of a URL
  --package  a built checkout that the nodes are of (default: this one)
  --old      a commit, whose package is made and kept, a tarball of another version, or none: the first node is of it
             (default: the commit before this one, where the tree has one)
  --only     faults whose name has this part in it; several add up; none: no faults
  --nodes, --companies, --clients (of a company)
             how many (default 3, 30, 10)
  --save     where the whole history goes, as JSON`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string' },
      minutes: { type: 'string', default: '3' },
      engine: { type: 'string', default: 'native' },
      redis: { type: 'string', default: 'one' },
      client: { type: 'boolean', default: false },
      old: { type: 'string' },
      package: { type: 'string', default: process.cwd() },
      only: { type: 'string', multiple: true },
      nodes: { type: 'string', default: '3' },
      companies: { type: 'string', default: '30' },
      clients: { type: 'string', default: '10' },
      save: { type: 'string' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 32) : Number(values.seed);
  const seconds = Number(values.minutes) * 60;
  if (!Number.isInteger(seed) || !(seconds > 0)) throw new Error(`--seed and --minutes are numbers, got ${values.seed} and ${values.minutes}`);
  if (values.engine !== 'native' && values.engine !== 'js') throw new Error(`--engine is native or js, got ${values.engine}`);
  const redis = REDISES.find((name) => name === values.redis);
  if (!redis) throw new Error(`--redis is one of ${REDISES.join(', ')}, got ${values.redis}`);
  const lacks = redis === 'network' ? Network.lacks() : undefined;
  if (lacks !== undefined) throw new Error(`--redis network: ${lacks}`);
  const { engine, client, only } = values;
  const counts = { nodes: Number(values.nodes), companies: Number(values.companies), clientsPerCompany: Number(values.clients) };
  console.log(`seed ${seed}, ${seconds} s, engine ${engine}, redis ${redis}${client ? ", an app's client" : ''}`);
  const begun = performance.now();
  const say = (line: string): void => console.log(`[${((performance.now() - begun) / 1_000).toFixed(1).padStart(6)} s] ${line}`);
  const report = await runChaos({ root: process.cwd(), seed, seconds, engine, redis, client, only, package: values.package, oldPackage: values.old, say, ...counts });
  console.log(`\n${summary(report)}\n\nseed ${seed}`);
  if (values.save !== undefined) writeFileSync(values.save, JSON.stringify(report));
  return report.violations.length + report.broken.length > 0 ? 1 : 0;
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error);
    process.exit(2);
  },
);
