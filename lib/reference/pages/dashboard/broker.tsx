/** Redis as this node sees it, and the nodes that share it. */
import type { DashboardBroker, Sample } from '../../http/dashboard-data.js';
import { bytes, milliseconds, number, short, timeOfDay } from '../shared/format.js';
import { Chart } from './chart.js';
import { Tile, type TileProps } from './tile.js';

/** Epochs that began because something was lost; a log that is new lost nothing, and one that was vouched for goes on. */
const lostIn = ({ lost, rewound, unvouched }: DashboardBroker['counts']['epochs']): number => lost + rewound + unvouched;

export function Broker({ broker, samples }: { broker: DashboardBroker; samples: Sample[] }) {
  const { counts, health } = broker;
  const tiles: TileProps[] = [
    { name: 'Redis', value: counts.link, note: `${number(counts.reconnects)} reconnects`, alarm: counts.link !== 'ready' },
    { name: 'Outbox', value: number(counts.outboxActions), note: `${bytes(counts.outboxBytes)} waiting, ${number(counts.queued)} queued so far`, alarm: counts.outboxActions > 0 },
    { name: 'Gaps', value: number(counts.gapsFound), note: `${number(counts.gapsHealed)} healed`, alarm: counts.gapsFound > counts.gapsHealed },
    { name: 'Logs lost', value: number(lostIn(counts.epochs)), note: `${number(counts.epochs.vouched)} went on, ${number(counts.epochs.new)} new`, alarm: lostIn(counts.epochs) > 0 },
    { name: 'Probe', value: number(counts.probesLost), note: `lost of ${number(counts.probes)}, ${number(counts.resubscribes)} subscribed anew`, alarm: counts.probesLost > 0 },
    { name: 'Doorbells', value: short(counts.doorbells), note: `${number(counts.subscriptions)} companies heard, ${number(counts.reads)} reads` },
  ];
  const times = samples.map((sample) => sample.at);
  const values = (key: keyof Sample) => samples.map((sample) => sample[key]);
  return (
    <section class="broker" aria-label="Redis">
      {health.status !== 'ok' && <p class="notice bad" role="alert">{health.reason ?? health.status}</p>}
      <ul class="tiles">
        {tiles.map((tile) => <Tile key={tile.name} {...tile} />)}
      </ul>
      <div class="charts">
        <Chart
          title="Redis"
          times={times}
          format={milliseconds}
          series={[
            { label: 'script p50', colour: '--chart-1', values: values('scriptP50') },
            { label: 'script p99', colour: '--chart-2', values: values('scriptP99') },
            { label: 'doorbell p99', colour: '--chart-3', values: values('doorbellP99') },
          ]}
        />
        <Chart title="Waiting for Redis" times={times} format={short} whole series={[{ label: 'actions', colour: '--chart-3', values: values('outboxActions'), fill: true }]} />
        <Nodes broker={broker} />
      </div>
    </section>
  );
}

function Nodes({ broker: { nodes, hubId } }: { broker: DashboardBroker }) {
  return (
    <section class="actions" aria-label="Nodes">
      <h2>Nodes</h2>
      <div class="scroll" tabIndex={0} role="region" aria-label="Table of the nodes">
        <table>
          <thead>
            <tr>
              <th scope="col">Node</th>
              <th scope="col">Engine</th>
              <th scope="col">Streams</th>
              <th scope="col">Since</th>
            </tr>
          </thead>
          <tbody>
            {nodes.map((node) => (
              <tr key={node.id} class={node.hubId === hubId ? 'self' : ''}>
                <td class="mono cut" title={node.id}>{node.host}:{node.pid}{node.hubId === hubId ? ' (this one)' : ''}</td>
                <td>{node.engine}</td>
                <td class="number">{number(node.connections)}</td>
                <td class="mono">{timeOfDay(node.startedAt)}</td>
              </tr>
            ))}
            {nodes.length === 0 && (
              <tr>
                <td colSpan={4} class="empty">No node has answered yet.</td>
              </tr>
            )}
          </tbody>
        </table>
      </div>
    </section>
  );
}
