// node scripts/write-examples.mjs: writes the folders of `examples` again, as `pathcast init` makes them out of `templates`.
// test/examples/written.test.ts fails where somebody has forgotten to.
import { readFileSync, rmSync } from 'node:fs';
import { at, main, Refusal, run } from './support.mjs';

main(async () => {
  for (const { folder, framework } of JSON.parse(readFileSync(at('test/examples/list.json'), 'utf8'))) {
    rmSync(at('examples', folder), { recursive: true, force: true });
    const args = [at('bin/pathcast.mjs'), 'init', '--framework', framework, `examples/${folder}`];
    if ((await run(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] })) !== 0) throw new Refusal(`examples/${folder} could not be written.`);
  }
});
