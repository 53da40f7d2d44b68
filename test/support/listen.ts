/** Servers that a test starts: on this machine, at a port that the system chooses. */
import { once } from 'node:events';
import type { AddressInfo, ListenOptions, Server } from 'node:net';

const started: Server[] = [];

/** Starts it, and gives its port. `closeServers` ends it. */
export async function listen(server: Server): Promise<number> {
  await listenAt(server, { port: 0, host: '127.0.0.1' });
  return (server.address() as AddressInfo).port;
}

/** The same, at a place of the test's own choice. */
export async function listenAt(server: Server, where: ListenOptions): Promise<void> {
  started.push(server);
  server.listen(where);
  await once(server, 'listening');
}

/** For `afterEach`: closes what `listen` has started, and cuts the connections that Node still counts. */
export function closeServers(): void {
  for (const server of started.splice(0)) {
    server.close();
    (server as Server & { closeAllConnections?: () => void }).closeAllConnections?.();
  }
}
