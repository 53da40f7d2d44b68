/** Whether this hub shares its app with others of its kind that it cannot reach. */
import cluster from 'node:cluster';
import { isMainThread } from 'node:worker_threads';

/** What runs here, in words; undefined in a process of its own. */
export function oneOfMany(env: Readonly<Record<string, string | undefined>> = process.env): string | undefined {
  if (!isMainThread) return 'a worker thread';
  if (cluster.isWorker) return 'a worker of a cluster';
  // PM2 numbers its instances; one that says that it is the only one is none of many.
  if (env['NODE_APP_INSTANCE'] !== undefined && env['instances'] !== '1')
    return `instance ${env['NODE_APP_INSTANCE']} of a process manager`;
  return undefined;
}
