/** `npm start`: reads the environment, starts the server, and ends it gracefully on SIGTERM or SIGINT. */
import { createServer, type ReferenceServer } from './server.js';
import { printableSettings, readSettings, SECRET_BYTES, SettingsError, type Settings } from './settings.js';

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;

function settingsOrExit(): Settings {
  try {
    return readSettings(process.env);
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  }
}

function exitOnSignals(server: ReferenceServer): void {
  let asked = false;
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      const ending = asked ? server.close() : server.shutDown();
      server.app.log.info(asked ? `${signal} again: closing at once` : `${signal}: draining, then closing`);
      asked = true;
      ending.then(
        () => process.exit(0),
        (error: unknown) => {
          server.app.log.fatal({ err: error }, 'shutdown failed');
          process.exit(1);
        },
      );
    });
  }
}

/** On a terminal a person reads; elsewhere a program does. */
const TERMINAL = process.stdout.isTTY;

/** Where a person may click. */
function tell(address: string, production: boolean): void {
  const url = address.replace(/\/\/(127\.0\.0\.1|0\.0\.0\.0|\[::1?\])/, '//localhost');
  const lines = production ? [['Server', url]] : [['Demo', `${url}/`], ['Dashboard', `${url}/dashboard`]];
  for (const [name = '', where = ''] of lines) process.stdout.write(`${name.padEnd(10)} ${where}\n`);
}

/** What is wrong with the machine, told by name and without a stack. */
function explain(error: unknown, { port, host }: Settings): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE') return `Port ${port} of ${host} is taken (EADDRINUSE). End the program that has it, or choose another: PORT=${port + 1} npm start`;
  if (code === 'EACCES') return `Port ${port} of ${host} may not be used (EACCES). Choose one above 1023: PORT=3000 npm start`;
  return message;
}

function failed(settings: Settings): (error: unknown) => never {
  return (error) => {
    process.stderr.write(`${explain(error, settings)}\n`);
    process.exit(1);
  };
}

/** ms that a start waits for Redis. Then it goes on without, and recovers. */
const REDIS_WAIT_MS = 5_000;

/** What waiting does not mend (a wrong password, an old version, no Redis) ends the start. */
async function redisOrExit(server: ReferenceServer, settings: Settings): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => (timer = setTimeout(() => resolve('late'), REDIS_WAIT_MS)));
  try {
    const first = await Promise.race([server.hub.ready(), late]);
    if (first === 'late') server.app.log.warn(`${server.hub.health().reason ?? 'Redis is not there'}: starting without it`);
  } catch (error) {
    await server.close();
    failed(settings)(error);
  } finally {
    clearTimeout(timer);
  }
}

async function main(): Promise<void> {
  const settings = settingsOrExit();
  if (TERMINAL && !process.env['LOG_LEVEL']) settings.logLevel = 'warn';
  const server = await createServer(settings).catch(failed(settings));
  const { log } = server.app;
  log.info(printableSettings(settings), 'settings');
  if (Buffer.byteLength(settings.sessionSecret) < SECRET_BYTES) {
    log.warn(`SESSION_SECRET is short: at least ${SECRET_BYTES} bytes of random text are safe`);
  }
  if (settings.production) log.warn('POST /login asks for no password: let only your own backend reach it');
  else if (!TERMINAL) {
    log.warn('development: POST /login asks for no password, the pages are open to all, and without SESSION_SECRET the secret is a known one');
  }
  exitOnSignals(server);
  await redisOrExit(server, settings);
  const address = await server.listen().catch(failed(settings));
  log.info({ engine: server.hub.engine }, `pathcast reference server on ${address}`);
  if (TERMINAL) tell(address, settings.production);
}

void main();
