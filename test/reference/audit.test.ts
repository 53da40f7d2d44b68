/** The audit of the reference server itself: nothing is silent, nothing is a phantom, nothing is left out. */
import { join } from 'node:path';
import { audit } from '../../lib/cli/audit/index.js';

// The 68 of the ten modules, and five of pages and attachments.
test('the reference server is clean', () => {
  const report = audit(join(__dirname, '../../lib/reference'));
  expect(report.findings).toEqual([]);
  expect(report.unseen).toEqual([]);
  expect(report.totals).toMatchObject({ mutations: 73, broadcasting: 73, silent: 0, unknown: 0, phantomPaths: 0, nonAtomic: 0 });
  for (const mutation of report.mutations) {
    expect([mutation.path, mutation.broadcast, mutation.transaction, mutation.tables.length > 0]).toEqual([
      mutation.path,
      'yes',
      'inside',
      true,
    ]);
  }
});
