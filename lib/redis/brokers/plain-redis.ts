/** A Redis without TLS says nothing to who asks for it: the two wait for each other. */
import { connect, type Socket } from 'node:net';

/** ms that a handshake may take before it is asked without TLS. */
const SILENT_MS = 1_000;
/** What an answer of Redis begins with. */
const ANSWER = /^[+-]/;

export const NO_TLS = 'it answers without TLS and not with it';

/** Tells where it is one, unless it is ended before by what is returned. */
export function onPlainRedis(port: number, host: string, tell: () => void): () => void {
  let socket: Socket | undefined;
  const timer = setTimeout(() => {
    socket = connect(port, host).unref();
    socket.on('error', () => undefined);
    socket.once('data', (answer) => {
      if (ANSWER.test(answer.toString('latin1'))) tell();
    });
    socket.write('PING\r\n');
  }, SILENT_MS).unref();
  return () => {
    clearTimeout(timer);
    socket?.destroy();
  };
}
