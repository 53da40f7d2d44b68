/** `--metrics`: the worker's metrics for Prometheus, over HTTP. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { messageOf } from '../../internal/describe.js';
import { cdcText } from '../../postgres/series.js';
import type { Cdc } from '../../postgres/index.js';
import { numberOf } from '../arguments.js';
import { CommandError } from '../errors.js';

export interface Place {
  host: string;
  port: number;
}

/** `9464`, `0.0.0.0:9464`, `[::]:9464`. @throws CommandError */
export function placeOf(text: string): Place {
  const [, , bracketed, plain = '127.0.0.1', port = ''] = /^((?:\[([^\]]+)\]|([^:[\]]+)):)?(.*)$/.exec(text) ?? [];
  return { host: bracketed ?? plain, port: numberOf('the port of --metrics', port, { min: 0, max: 65_535 }) };
}

/** Listens. @throws CommandError */
export async function serveMetrics({ host, port }: Place, cdc: Cdc): Promise<{ url: string; close: () => void }> {
  const server = createServer((request, response) => {
    const found = request.url?.split('?')[0] === '/metrics';
    const allowed = request.method === 'GET' || request.method === 'HEAD';
    if (found && allowed) response.setHeader('content-type', 'text/plain; version=0.0.4; charset=utf-8').end(cdcText(cdc.metrics()));
    else response.writeHead(found ? 405 : 404, found ? { allow: 'GET, HEAD' } : {}).end();
  });
  await listening(server, { host, port });
  const { address, family, port: taken } = server.address() as AddressInfo;
  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${String(taken)}/metrics`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function listening(server: Server, place: Place): Promise<void> {
  try {
    server.listen(place);
    await once(server, 'listening');
  } catch (error) {
    throw new CommandError(`--metrics: ${messageOf(error)}`, { cause: error });
  }
}
