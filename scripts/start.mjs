// npm start: sets up what is missing, then runs the reference server, with signals passed on. npm runs a script through a
// shell, signals the shell, and the shell dies without passing it on: so the script in package.json is `exec node …`, which
// puts this process in the shell's place.
import { spawn } from 'node:child_process';
import { at, main } from './support.mjs';
import { setUp } from './setup.mjs';

main(async () => {
  const native = await setUp('start');
  // Set-up has said why there is no addon; the library need not say it again.
  const PATHCAST_ENGINE = process.env.PATHCAST_ENGINE ?? (native ? 'auto' : 'js');
  const child = spawn(process.execPath, ['--enable-source-maps', at('dist/esm/reference/main.js'), ...process.argv.slice(2)], {
    stdio: 'inherit',
    env: { ...process.env, PATHCAST_ENGINE },
  });
  // A terminal sends Ctrl-C to the server as well, and npm passes on what it gets: one of each is enough, because a
  // second one asks the server to stop at once.
  const passed = new Set();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      if (passed.has(signal)) return;
      passed.add(signal);
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
    });
  }
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve(signal ? 1 : code));
  });
});
