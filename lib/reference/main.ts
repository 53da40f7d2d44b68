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

async function main(): Promise<void> {
  const settings = settingsOrExit();
  const server = await createServer(settings);
  const { log } = server.app;
  log.info(printableSettings(settings), 'settings');
  if (Buffer.byteLength(settings.sessionSecret) < SECRET_BYTES) {
    log.warn(`SESSION_SECRET is short: at least ${SECRET_BYTES} bytes of random text are safe`);
  }
  log.warn(
    settings.production
      ? 'POST /login asks for no password: let only your own backend reach it'
      : 'development: POST /login asks for no password, the pages are open to all, and without SESSION_SECRET the secret is a known one',
  );
  exitOnSignals(server);
  const address = await server.listen();
  log.info({ engine: server.hub.engine }, `pathcast reference server on ${address}`);
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
