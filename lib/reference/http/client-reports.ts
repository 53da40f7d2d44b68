/** `POST /sync/report`: how the streams of browsers fare, as they tell it; shown in `/metrics`. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Metric } from 'prom-client';
import { REPORT_BYTES } from '../../protocol/reports.js';
import type { ClientReports } from '../../server/client-reports.js';
import { counter, histograms } from './snapshot-metrics.js';

/** `sessionOf` rejects with a status where nobody is signed in. */
export function installClientReports(
  app: FastifyInstance,
  reports: ClientReports,
  sessionOf: (request: FastifyRequest) => Promise<{ companyId: string; userId: string }>,
): void {
  app.post('/sync/report', { bodyLimit: REPORT_BYTES }, async (request, reply) => {
    const { companyId, userId } = await sessionOf(request);
    return reply.code(reports.take({ companyId, userId }, request.body)).send();
  });
}

export function clientReportMetrics(reports: ClientReports): Metric[] {
  const now = () => reports.totals();
  return [
    counter('pathcast_client_reports_total', 'Reports of browsers, and what came of them', () => {
      const { reports: taken, refused } = now();
      return [
        [{ outcome: 'taken' }, taken],
        [{ outcome: 'refused' }, refused],
      ];
    }),
    counter('pathcast_client_elections_total', 'Times that a tab took the lead, as browsers report it', () => [[{}, now().elections]]),
    counter('pathcast_client_hand_overs_total', 'Times that a tab gave the lead up, as browsers report it', () => [[{}, now().handOvers]]),
    counter('pathcast_client_reconnects_total', 'Times that a stream of a browser was no longer live, as browsers report it', () =>
      Object.entries(now().reconnects).map(([reason, count]) => [{ reason }, count]),
    ),
    ...cacheMetrics(reports),
  ];
}

function cacheMetrics(reports: ClientReports): Metric[] {
  const now = () => reports.totals().caches;
  return [
    counter('pathcast_client_refetches_total', 'Refetches of cached queries that events caused, as browsers report it', () => [[{}, now().refetches]]),
    counter('pathcast_client_refetches_failed_total', 'Those of them that failed', () => [[{}, now().failed]]),
    counter('pathcast_client_refetches_avoided_total', 'Refetches that were spared, as browsers report it', () =>
      Object.entries(now().avoided).map(([by, count]) => [{ by }, count]),
    ),
    histograms('pathcast_client_commit_to_applied_seconds', 'From the commit of a change to the pages that show it, as browsers report it', () => [[{}, now().applied]]),
    histograms('pathcast_client_company_commit_to_applied_seconds', 'The same by company, of the 100 that were heard last', () =>
      reports.companies().map(({ companyId, applied }) => [{ company: companyId }, applied]),
    ),
  ];
}
