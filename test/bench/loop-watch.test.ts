/**
 * The watch on the loop's delay has begun when it says so. It used to answer before its timer had set its mark, so that a
 * fan-out that came at once was read as 1 to 2 ms, however long it held the thread.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

interface Child {
  ready(): Promise<unknown>;
  ask(command: string, options?: object): Promise<{ maxMs: number }>;
  end(): Promise<void>;
}

const BLOCK_MS = 40;
const ROUNDS = 20;

test('a block right after the watch began is seen, each time', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'pathcast-watch-'));
  const control = pathToFileURL(path.join(__dirname, '../../bench/servers/control.mjs')).href;
  const server = path.join(folder, 'blocks.mjs');
  writeFileSync(
    server,
    `import { serve } from ${JSON.stringify(control)};
     serve({ port: 0, send: () => { const end = performance.now() + ${BLOCK_MS}; while (performance.now() < end); return { ok: true, seq: 1 }; } });`,
  );
  const harness = (await import(path.join(__dirname, '../../bench/harness/child.mjs'))) as {
    Child: new (name: string, core: number, command: string[]) => Child;
  };
  const child = new harness.Child('blocks', 0, [process.execPath, server]);
  try {
    await child.ready();
    for (let round = 0; round < ROUNDS; round++) {
      await child.ask('watchLoop');
      await child.ask('publish', { count: 1 });
      // The timer's turn after the block takes it down.
      await child.ask('publish', { count: 0 });
      expect((await child.ask('loopDelay')).maxMs).toBeGreaterThanOrEqual(BLOCK_MS - 2);
    }
  } finally {
    await child.end();
    rmSync(folder, { recursive: true });
  }
});
