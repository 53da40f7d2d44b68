/** `npm run demo:offline`: three edits in a train tunnel, one conflict, one merge, as it is told. */
import { execFileSync } from 'node:child_process';
import path from 'node:path';

test('each step of the scene is told, in order, and it ends with 0', () => {
  const script = path.join(__dirname, '../../scripts/demo-offline.mjs');
  const output = execFileSync(process.execPath, [script, '--built'], { encoding: 'utf8', timeout: 240_000 });
  const steps = output.trim().split('\n').map((line) => /^ *([\d.]+) s {2}(.+)$/.exec(line));
  expect(steps.map((step) => step?.[2]?.split(/[:,;]/)[0])).toEqual([
    'Ada is on the train',
    'The train is in a tunnel',
    'Ada makes three edits',
    'Bilal changes the title of both pages meanwhile',
    'Out of the tunnel',
    'The other two went through',
    'Ada writes one of both',
    'Three edits',
  ]);
  const times = steps.map((step) => Number(step?.[1]));
  expect(times).toEqual([...times].sort((a, b) => a - b));
}, 300_000);
