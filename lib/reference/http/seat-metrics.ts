/** Of the limits over all nodes, for `/metrics`. */
import { Gauge, type Metric } from 'prom-client';
import type { SeatMetrics } from '../../redis/seats/seats.js';
import { counter } from './snapshot-metrics.js';

export function seatMetrics(now: () => SeatMetrics): Metric[] {
  return [
    new Gauge({
      name: 'pathcast_seats',
      help: 'Seats of this node: those that stand in Redis, and those that it gave by itself while Redis was away',
      labelNames: ['by'],
      registers: [],
      collect() {
        const { held, local } = now();
        this.set({ by: 'redis' }, held);
        this.set({ by: 'node' }, local);
      },
    }),
    counter('pathcast_admissions_total', 'Newcomers judged, by whom, and what came of it', () => {
      const { admitted, refused, admittedLocally, refusedLocally } = now();
      return [
        [{ by: 'redis', outcome: 'admitted' }, admitted],
        [{ by: 'redis', outcome: 'refused' }, refused],
        [{ by: 'node', outcome: 'admitted' }, admittedLocally],
        [{ by: 'node', outcome: 'refused' }, refusedLocally],
      ];
    }),
    counter('pathcast_node_fenced_total', 'Times that Redis had counted this node as dead', () => [[{}, now().fenced]]),
    counter('pathcast_seats_restored_total', 'Times that the seats of a company were told to Redis anew', () => [[{}, now().restored]]),
  ];
}
