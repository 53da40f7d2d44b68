/** A browser of the simulation, for tests that say what happens when. */
import { createSyncClient, type ClientEvent, type Environment, type SyncClient, type SyncClientOptions, type SyncStatus } from '../../../lib/client/index.js';
import { makeRandom } from '../../support/random.js';
import { Browser, type Tab } from '../simulation/browser.js';
import { Clock } from '../simulation/clock.js';
import { ModelServer } from '../simulation/server.js';

export interface Page {
  readonly tab: Tab;
  readonly environment: Environment;
  readonly client: SyncClient;
  /** Ids of actions, and the types of what has none. */
  readonly heard: string[];
  readonly statuses: SyncStatus[];
}

export class Stage {
  readonly clock = new Clock();
  readonly server = new ModelServer(this.clock, true);
  readonly browser: Browser;

  constructor({ locks = true, browser }: { locks?: boolean; browser?: Browser } = {}) {
    const random = makeRandom(7);
    this.browser = browser ?? new Browser({ clock: this.clock, server: this.server, random: () => random.next(), locks, noticesMs: 5 });
  }

  /** Another browser at the same server. */
  other(): Browser {
    const random = makeRandom(8);
    return new Browser({ clock: this.clock, server: this.server, random: () => random.next(), locks: true, noticesMs: 5 });
  }

  open(options: Partial<SyncClientOptions> = {}, changed: Partial<Environment> = {}, browser = this.browser): Page {
    const { tab, environment } = browser.open();
    Object.assign(environment, changed);
    return { tab, environment, ...this.join(environment, options) };
  }

  join(environment: Environment, options: Partial<SyncClientOptions> = {}): Pick<Page, 'client' | 'heard' | 'statuses'> {
    const client = createSyncClient({ url: '/sync', companyId: 'acme', userId: 'ann', environment, ...options });
    const heard: string[] = [];
    const statuses: SyncStatus[] = [];
    client.subscribe((event: ClientEvent) => heard.push('id' in event ? event.id : event.type));
    client.onStatus((status) => statuses.push(status));
    return { client, heard, statuses };
  }

  async run(ms: number): Promise<void> {
    const until = this.clock.now + ms;
    for (let turns = 0; turns < 6; turns += 1) await Promise.resolve();
    while (this.clock.next(until)) for (let turns = 0; turns < 6; turns += 1) await Promise.resolve();
  }

  /** One action, heard by whoever is there. */
  async publish(times = 1): Promise<void> {
    for (let nth = 0; nth < times; nth += 1) this.server.publish();
    await this.run(100);
  }
}
