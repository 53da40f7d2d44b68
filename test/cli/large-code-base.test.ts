/** 2,000 files: all of them are read, nothing is lost, and it takes seconds. */
import { audit } from '../../lib/cli/audit/index.js';
import { CodeBase } from './support/cli.js';
import { MUTATIONS, SILENT, writeLarge } from './support/large.js';

/** Seconds of processor time; elapsed time depends on who else runs. */
const LIMIT = 20;

test('2,000 files are audited in seconds, with progress', () => {
  const app = new CodeBase({});
  try {
    const modules = writeLarge(app, 2_000);
    const before = process.cpuUsage();
    let steps = 0;
    const report = audit(app.folder, { onProgress: () => steps++ });
    const { user, system } = process.cpuUsage(before);
    const seconds = (user + system) / 1e6;
    expect(report.totals).toMatchObject({
      files: 2_003,
      routers: modules,
      queries: modules * 2,
      mutations: modules * MUTATIONS,
      silent: modules * SILENT,
      phantomPaths: modules,
      unknown: 0,
    });
    expect(steps).toBeGreaterThan(100);
    process.stdout.write(`audit of ${report.totals.files} files: ${seconds.toFixed(1)} s of processor time\n`);
    expect(seconds).toBeLessThan(LIMIT);
  } finally {
    app.remove();
  }
}, 180_000);
