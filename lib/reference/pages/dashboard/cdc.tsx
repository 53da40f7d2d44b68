/** The worker that reads PostgreSQL, as it stands in this node. */
import type { DashboardCdc, Sample } from '../../http/dashboard-data.js';
import { bytes, milliseconds, number, plural, span } from '../shared/format.js';
import { Chart } from './chart.js';
import { Tile, type TileProps } from './tile.js';

/** A slot that is lost within this time, and a change that is older than that, are told in red. */
const ALARM_LOST_S = 600;
const ALARM_LAG_S = 30;

const UNKNOWN = '—';
const age = (ms: number): string => (ms === 0 ? '0 s' : milliseconds(ms));

function keptNote({ slot }: DashboardCdc): string {
  if (!slot) return 'this worker has not the slot';
  if (slot.walStatus === 'lost') return 'the slot is lost';
  if (slot.secondsUntilLost !== null) return `lost in ${span(slot.secondsUntilLost)} at this rate`;
  return slot.safeBytes === null ? `${slot.walStatus}, without a bound` : `${slot.walStatus}, ${bytes(slot.safeBytes)} left`;
}

export function Cdc({ cdc, samples }: { cdc: DashboardCdc; samples: Sample[] }) {
  const { slot, state, lagSeconds, lastDelayMs } = cdc;
  const inDanger = slot !== null && (slot.walStatus === 'lost' || slot.walStatus === 'unreserved' || (slot.secondsUntilLost ?? Infinity) < ALARM_LOST_S);
  const tiles: TileProps[] = [
    { name: 'PostgreSQL', value: state, note: cdc.reason ?? plural(cdc.connections, 'connection'), alarm: state !== 'streaming' && state !== 'standby' },
    {
      name: 'Behind',
      value: lagSeconds === null ? UNKNOWN : age(lagSeconds * 1_000),
      note: `${slot ? bytes(slot.lagBytes) : 'no'} WAL, ${plural(cdc.waiting, 'commit')} waiting`,
      alarm: (lagSeconds ?? 0) > ALARM_LAG_S,
    },
    { name: 'WAL kept', value: slot ? bytes(slot.retainedBytes) : UNKNOWN, note: keptNote(cdc), alarm: inDanger },
    { name: 'Commit to log', value: lastDelayMs === null ? UNKNOWN : milliseconds(Math.max(0, lastDelayMs)), note: `the last one; ${plural(cdc.actions, 'action')} so far` },
    { name: 'Poison', value: number(cdc.poison), note: `of ${plural(cdc.changes, 'change')}`, alarm: cdc.poison > 0 },
    { name: 'All told to read', value: number(cdc.resyncs), note: `${number(cdc.owed)} owed by Redis`, alarm: cdc.owed > 0 },
  ];
  const times = samples.map((sample) => sample.at);
  return (
    <section class="broker" aria-label="PostgreSQL">
      <ul class="tiles">
        {tiles.map((tile) => <Tile key={tile.name} {...tile} />)}
      </ul>
      <div class="charts">
        <Chart title="Behind PostgreSQL" times={times} format={age} series={[{ label: 'oldest change', colour: '--chart-3', values: samples.map(({ cdcLagMs }) => cdcLagMs), fill: true }]} />
        <Chart title="Commit to log" times={times} format={milliseconds} series={[{ label: 'last of a second', colour: '--chart-1', values: samples.map(({ cdcDelayMs }) => cdcDelayMs) }]} />
      </div>
    </section>
  );
}
