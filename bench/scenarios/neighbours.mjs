/**
 * How long one company's action waits behind what another company does: alone, behind a burst of actions to many
 * streams, behind the end of thousands of streams. The neighbour's one client is a process of its own.
 */
import { loadClient } from '../harness/binaries.mjs';
import { Child, LOAD_CORE } from '../harness/child.mjs';
import { median } from '../harness/stats.mjs';
import { DELIVERY_MS, Trial } from '../harness/trial.mjs';

const BUSY = 'company-0';
const NEIGHBOUR = 'company-neighbour';

/** The neighbour's client, its clock set back to nothing before each probe. */
class Probe {
  #load = new Child('neighbour', LOAD_CORE, [loadClient()]);
  #trial;
  #port;

  constructor(trial, port) {
    this.#trial = trial;
    this.#port = port;
  }

  async open() {
    await this.#load.ask('open', { count: 1, port: this.#port, path: `/${NEIGHBOUR}/1`, companies: 1, cursors: true });
  }

  /** µs from the neighbour's publish, which comes right behind `what`, until its client has it. */
  async behind(what) {
    await this.#load.ask('reset');
    const arrived = this.#load.ask('expect', { events: 1, timeoutMs: DELIVERY_MS }, 2 * DELIVERY_MS);
    await this.#trial.server.ask('behind', { neighbour: NEIGHBOUR, busy: BUSY, ...what }, 2 * DELIVERY_MS);
    const { timedOut } = await arrived;
    if (timedOut) throw new Error('the neighbour heard nothing');
    return (await this.#load.ask('stats')).latencyMaxUs;
  }

  end() {
    return this.#load.end();
  }
}

async function medianOf(count, sample) {
  const samples = [];
  for (let i = 0; i < count; i += 1) samples.push(await sample());
  return median(samples);
}

export const neighbours = {
  name: 'neighbours',
  about: "one company's action alone, behind 100 actions to 1,000 streams of another, and behind the end of 6,000 of its streams",
  subjects: ['pathcast-native', 'pathcast-js'],
  trials: 3,
  parameters: { clients: 1_000, actions: 100, ended: 6_000, probes: 25, ends: 7 },
  quick: { clients: 50, actions: 20, ended: 100, probes: 3, ends: 1 },
  metrics: { alone: 'us', behindActions: 'us', behindEnds: 'us', actionsVsAlone: 'ratio', endsVsAlone: 'ratio' },
  trial: (subject, { clients, actions, ended, probes, ends }) =>
    Trial.run(subject, async (trial) => {
      await trial.open(clients);
      const probe = new Probe(trial, trial.port);
      try {
        await probe.open();
        await medianOf(3, () => probe.behind({}));
        const alone = await medianOf(probes, () => probe.behind({}));
        const behindActions = await medianOf(probes, async () => {
          await trial.reset();
          const all = trial.load.ask('expect', { events: actions * clients, timeoutMs: DELIVERY_MS }, 2 * DELIVERY_MS);
          const waited = await probe.behind({ actions });
          if ((await all).timedOut) throw new Error('the burst did not arrive');
          return waited;
        });
        const behindEnds = await medianOf(ends, async () => {
          await trial.freshLoad(ended);
          return probe.behind({ disconnect: 1 });
        });
        return {
          alone,
          behindActions,
          behindEnds,
          actionsVsAlone: behindActions / alone,
          endsVsAlone: behindEnds / alone,
        };
      } finally {
        await probe.end();
      }
    }),
  ratios: [],
  targets: [
    { subject: 'pathcast-native', metric: 'actionsVsAlone', atMost: 4 },
    { subject: 'pathcast-native', metric: 'endsVsAlone', atMost: 4 },
  ],
};
