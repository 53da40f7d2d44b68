/** `POST /sync/report`: how the streams of browsers fare, as they tell it; shown in `/metrics`. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Metric } from 'prom-client';
import { REPORT_BYTES } from '../../protocol/reports.js';
import type { ClientReports, ReportTotals } from '../../server/client-reports.js';
import { counter } from './snapshot-metrics.js';

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

export function clientReportMetrics(now: () => ReportTotals): Metric[] {
  return [
    counter('pathcast_client_reports_total', 'Reports of browsers, and what came of them', () => {
      const { reports, refused } = now();
      return [
        [{ outcome: 'taken' }, reports],
        [{ outcome: 'refused' }, refused],
      ];
    }),
    counter('pathcast_client_elections_total', 'Times that a tab took the lead, as browsers report it', () => [[{}, now().elections]]),
    counter('pathcast_client_hand_overs_total', 'Times that a tab gave the lead up, as browsers report it', () => [[{}, now().handOvers]]),
    counter('pathcast_client_reconnects_total', 'Times that a stream of a browser was no longer live, as browsers report it', () =>
      Object.entries(now().reconnects).map(([reason, count]) => [{ reason }, count]),
    ),
  ];
}
