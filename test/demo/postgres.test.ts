/** `npm run demo:postgres`: each writer is seen on both screens, and how long it took is printed. */
import { execFileSync } from 'node:child_process';
import path from 'node:path';

test('a line for each writer, each with times that can be', () => {
  const script = path.join(__dirname, '../../scripts/demo-postgres.mjs');
  const output = execFileSync(process.execPath, [script, '--built', '--rounds', '2'], { encoding: 'utf8', timeout: 240_000 });
  const lines = output.trim().split('\n').slice(3).map((line) => /^(.+?)((?:\s+-?[\d.]+){5})$/.exec(line));
  expect(lines.map((line) => line?.[1]?.trim())).toEqual(['the app', 'psql', 'Drizzle', 'Prisma', 'a trigger']);
  for (const line of lines) {
    const [wal50, wal99, screen50, screen99, worst] = (line?.[2] ?? '').trim().split(/\s+/).map(Number) as [number, number, number, number, number];
    expect(wal50).toBeLessThanOrEqual(wal99);
    expect(screen50).toBeGreaterThan(0);
    expect(screen50).toBeLessThanOrEqual(screen99);
    expect(screen99).toBeLessThanOrEqual(worst);
  }
}, 300_000);
