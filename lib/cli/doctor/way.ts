/** The way to the server: why there is no answer, what a browser would speak on it, and who listens at its end. */
import { execFile } from 'node:child_process';
import { isIP } from 'node:net';
import { connect } from 'node:tls';
import type { NoAnswer } from '../stream/request.js';
import type { Target } from '../stream/target.js';
import type { FindingId } from './findings.js';
import type { Visit } from './report.js';

/** As `net.core.somaxconn` of a kernel as it comes. */
const SHORT_BACKLOG = 4_096;
/** For a look at the side, which may fail, ms. */
const LOOK_MS = 3_000;

export function judgeFailure({ kind, code }: NoAnswer, { url, label }: Target, visit: Visit): void {
  const { hostname, host } = url;
  const told: Partial<Record<NoAnswer['kind'], [FindingId, string]>> = {
    dns: ['dns-failed', `The name ${hostname} has no address (${code}).`],
    refused: ['connection-refused', `Nothing listens at ${host} (${code}).`],
    unreachable: ['unreachable', `${host} cannot be reached (${code}).`],
    reset: ['connection-reset', `The connection to ${host} was ended before an answer came (${code}).`],
    certificate: ['tls-certificate', `The certificate of ${host} is not trusted from here: ${code}.`],
    tls: ['tls-failed', `TLS with ${host} failed (${code}).`],
    'no-http': ['no-http', `What came from ${host} is no HTTP/1.1 answer (${code}).`],
  };
  const [id, what] = told[kind] ?? ['no-answer', `There is no answer from ${label} (${code}).`];
  visit.found(id, what);
}

const isLoopback = (hostname: string): boolean => /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);

/** Over HTTP/1.1 a browser keeps six connections to a server, for all its tabs together; a stream holds one for good. */
export async function judgeProtocol({ url, headers }: Target, visit: Visit): Promise<void> {
  if (url.protocol === 'http:') {
    visit.checked('Protocol: HTTP/1.1 without TLS. A browser then keeps six connections for all tabs together; in production let the proxy offer HTTP/2.');
    return;
  }
  const protocol = await alpn(url, headers['host']?.[0]);
  if (protocol === 'h2') visit.checked('Protocol: browsers get HTTP/2, so that streams do not use up their connections. The stream was read over HTTP/1.1.');
  else if (protocol === undefined) visit.notChecked('Whether HTTP/2 is offered: TLS could not be asked again.');
  else visit.found('no-http2', `${url.host} offers no HTTP/2: over HTTP/1.1 a browser keeps six connections for all tabs together, and each stream holds one.`);
}

/** What TLS agrees on; '' where the server names nothing, undefined where it could not be asked. */
function alpn({ hostname, port }: URL, hostHeader: string | undefined): Promise<string | undefined> {
  const host = hostname.replace(/^\[|\]$/g, '');
  // As Node's https does it: a server that is asked by its address is told the name by which it is meant.
  const servername = hostHeader?.replace(/:\d+$/, '') ?? host;
  return new Promise((resolve) => {
    const socket = connect({
      host,
      port: Number(port || 443),
      ALPNProtocols: ['h2', 'http/1.1'],
      ...(isIP(servername) === 0 ? { servername } : {}),
    });
    const end = (protocol: string | undefined): void => {
      socket.destroy();
      resolve(protocol);
    };
    socket.setTimeout(LOOK_MS, () => end(undefined));
    socket.once('error', () => end(undefined));
    socket.once('secureConnect', () => end(socket.alpnProtocol === false ? '' : (socket.alpnProtocol ?? '')));
  });
}

/** The queue of whoever listens at that port of this machine: the server itself, or the proxy before it. */
export async function judgeBacklog({ url }: Target, visit: Visit): Promise<void> {
  if (!isLoopback(url.hostname)) return;
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  const backlogs = await listeners(port);
  if (backlogs === undefined) {
    visit.notChecked(`The listen backlog at port ${port}: \`ss\` is not there to tell it.`);
    return;
  }
  const backlog = Math.max(...backlogs);
  if (backlogs.length === 0) visit.notChecked(`The listen backlog at port ${port}: who listens there cannot be seen from here.`);
  else if (backlog < SHORT_BACKLOG) {
    visit.found('short-listen-backlog', `Who listens at port ${port} lets ${backlog} connections wait to be accepted.`);
  } else visit.checked(`Who listens at port ${port} lets ${backlog} connections wait to be accepted.`);
}

function listeners(port: string): Promise<number[] | undefined> {
  return new Promise((resolve) => {
    execFile('ss', ['-ltnH', `sport = :${port}`], { timeout: LOOK_MS }, (error, stdout) => {
      if (error) resolve(undefined);
      // State, Recv-Q, Send-Q, …: of a listener the third is how many may wait.
      else resolve([...stdout.matchAll(/^LISTEN\s+\d+\s+(\d+)\s/gm)].map(([, queue]) => Number(queue)));
    });
  });
}
