/** What a browser tells of its stream's life reaches the server's counts: by `pathcast/client/report`, from a real page. */
import { createClientReports } from '../../lib/index.js';
import { Chromium } from '../support/chromium/chromium.js';
import { waitFor } from '../support/wait.js';
import { bundle } from './support/bundle.js';
import { openPages } from './support/pages.js';
import { CLIENT_PAGE, COMPANY, Site } from './support/site.js';

jest.setTimeout(120_000);

test('an election and a reconnect of two tabs are told once, by the tab that leads', async () => {
  const reports = createClientReports();
  const page = `import { reportStatus } from './lib/report/index.js';\n${CLIENT_PAGE}\nreportStatus(page.client, { url: '/sync/report' });`;
  const site = await Site.start({
    scripts: { '/client.js': await bundle(page) },
    before: (request, response) => {
      if (request.method !== 'POST' || request.url !== '/sync/report') return false;
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => response.writeHead(reports.take({ companyId: COMPANY, userId: 'ada' }, body)).end());
      return true;
    },
  });
  const chromium = await Chromium.launch();
  try {
    const pages = await openPages(chromium, site, 2);
    await site.hub.endStreams(0);
    for (const one of pages) await waitFor(() => one.lines.some(([name, , reason]) => name === 'status' && reason === 'drain'), 'the drain');
    for (const one of pages) await one.live();
    // The election may be told before the reconnect has happened.
    await waitFor(() => reports.totals().elections > 0 && reports.totals().reconnects.drain > 0, 'the reports', 60_000);
    expect(reports.totals()).toMatchObject({ refused: 0, elections: 1, handOvers: 0, reconnects: { drain: 1, cut: 0, other: 0 } });
  } finally {
    await chromium.close();
    await site.close();
  }
});
