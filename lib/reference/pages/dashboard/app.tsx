/** `/dashboard`: what the hub does, second by second. */
import type { RecentAction } from '../../recent-actions.js';
import type { DashboardData, Sample } from '../../http/dashboard-data.js';
import { bytes, milliseconds, number, short, timeOfDay } from '../shared/format.js';
import { Chart } from './chart.js';
import { Broker } from './broker.js';
import { Cdc } from './cdc.js';
import { useFeed } from './feed.js';
import { Tile, type TileProps } from './tile.js';

const sumOf = (counts: Record<string, number>): number => Object.values(counts).reduce((sum, count) => sum + count, 0);
const perSecond = (value: number): string => `${short(value)}/s`;

function Tiles({ totals, last }: { totals: DashboardData['totals']; last: Sample | undefined }) {
  const tiles: TileProps[] = [
    { name: 'Connections', value: number(totals.connections), note: `${number(totals.companies)} companies` },
    { name: 'Deliveries', value: short(totals.deliveries), note: `${perSecond(last?.deliveries ?? 0)} now` },
    { name: 'Publishes', value: short(totals.publishes), note: `${perSecond(last?.publishes ?? 0)} now` },
    { name: 'Conflations', value: number(totals.conflations), note: `${number(totals.compactions)} catch-ups compacted` },
    { name: 'Slow sinks', value: number(totals.slowSinks), note: `${bytes(last?.backlogBytes ?? 0)} waiting`, alarm: totals.slowSinks > 0 },
    { name: 'Refused', value: number(sumOf(totals.refusals)), note: `${number(totals.evictions)} evicted, ${number(sumOf(totals.resyncs))} resyncs` },
  ];
  return (
    <ul class="tiles">
      {tiles.map((tile) => <Tile key={tile.name} {...tile} />)}
    </ul>
  );
}

function Charts({ samples }: { samples: Sample[] }) {
  const times = samples.map((sample) => sample.at);
  const values = (key: keyof Sample) => samples.map((sample) => sample[key]);
  return (
    <div class="charts">
      <Chart title="Connections" times={times} format={short} whole series={[{ label: 'open streams', colour: '--chart-1', values: values('connections'), fill: true }]} />
      <Chart
        title="Deliveries"
        times={times}
        format={perSecond}
        whole
        series={[
          { label: 'delivered', colour: '--chart-1', values: values('deliveries'), fill: true },
          { label: 'published', colour: '--chart-2', values: values('publishes') },
        ]}
      />
      <Chart
        title="Publish to written"
        times={times}
        format={milliseconds}
        series={[
          { label: 'p50', colour: '--chart-1', values: values('p50') },
          { label: 'p90', colour: '--chart-2', values: values('p90') },
          { label: 'p99', colour: '--chart-3', values: values('p99') },
        ]}
      />
      <Chart
        title="Slow sinks and conflations"
        times={times}
        format={short}
        whole
        series={[
          { label: 'slow sinks', colour: '--chart-3', values: values('slowSinks'), fill: true },
          { label: 'conflations/s', colour: '--chart-2', values: values('conflations') },
        ]}
      />
      <Chart title="JavaScript loop delay" times={times} format={milliseconds} series={[{ label: 'worst of a second', colour: '--chart-4', values: values('loopDelayMs'), fill: true }]} />
      <Chart title="Bytes written" times={times} format={(value) => `${bytes(value * 1024)}/s`} series={[{ label: 'to all streams', colour: '--chart-1', values: values('kilobytes'), fill: true }]} />
    </div>
  );
}

/** Query paths by their router; the full names stand in the title. */
function Paths({ paths }: { paths: readonly string[] }) {
  const byRouter = new Map<string, string[]>();
  for (const path of paths) {
    const [router = path] = path.split('.');
    byRouter.set(router, [...(byRouter.get(router) ?? []), path]);
  }
  return (
    <ul class="chips">
      {[...byRouter].map(([router, names]) => (
        <li key={router} class="chip" title={names.join('\n')}>
          {router} <b>{names.length}</b>
        </li>
      ))}
    </ul>
  );
}

function Actions({ actions }: { actions: readonly RecentAction[] }) {
  return (
    <section class="actions" aria-label="Last actions">
      <h2>Last actions</h2>
      <div class="scroll" tabIndex={0} role="region" aria-label="Table of the last actions">
        <table>
          <thead>
            <tr>
              <th scope="col">Time</th>
              <th scope="col">Seq</th>
              <th scope="col">Action</th>
              <th scope="col">Company</th>
              <th scope="col">By</th>
              <th scope="col">Stale query paths</th>
            </tr>
          </thead>
          <tbody>
            {actions.map((action) => (
              <tr key={`${action.companyId} ${action.seq ?? action.at}`}>
                <td class="mono">{timeOfDay(action.at)}</td>
                <td class="mono number">{action.error === null ? (action.seq ?? '…') : 'refused'}</td>
                <td>
                  <span class={`verb ${action.type}`}>{action.type}</span> {action.module}
                </td>
                <td class="cut" title={action.companyId}>{action.companyId}</td>
                <td class="cut" title={action.userId}>{action.userId}</td>
                <td class="paths"><Paths paths={action.queryPaths} /></td>
              </tr>
            ))}
            {actions.length === 0 && (
              <tr>
                <td colSpan={6} class="empty">
                  Nothing has changed yet. Open the <a href="/" target="_blank" rel="noopener">demo</a> and add a guest.
                </td>
              </tr>
            )}
          </tbody>
        </table>
      </div>
    </section>
  );
}

export function App() {
  const { data, samples, lost } = useFeed();
  return (
    <>
      <header class="top">
        <a class="brand" href="/" aria-label="pathcast">
          <img src="/assets/favicon.svg" alt="" width="28" height="28" />
          pathcast
        </a>
        <p class="lead">
          {data ? <>The <b>{data.engine}</b> engine, up since {timeOfDay(data.startedAt)}.</> : 'Waiting for the server…'}
        </p>
        <nav>
          <a class="button quiet" href="/" target="_blank" rel="noopener">Open the demo</a>
        </nav>
      </header>
      <main>
        {lost && <p class="notice bad" role="alert">The server does not answer; trying again each second.</p>}
        {data && <Tiles totals={data.totals} last={samples.at(-1)} />}
        {data?.broker && <Broker broker={data.broker} samples={samples} />}
        {data?.cdc && <Cdc cdc={data.cdc} samples={samples} />}
        <Charts samples={samples} />
        {data && <Actions actions={data.actions} />}
      </main>
    </>
  );
}
