/** Somebody who writes to the tables of `guests.ts`, and remembers what was committed, in its order. */
import { Client } from 'pg';
import type { Hub } from '../../lib/server/hub.js';
import type { SyncAction } from '../../lib/protocol/events.js';
import type { Random } from '../support/random.js';

export const TENANTS = ['acme', 'globex', 'initech'];

export class Writer {
  /** By tenant: `insert t1`, `update t1`, … */
  readonly committed = new Map<string, string[]>(TENANTS.map((tenant) => [tenant, []]));
  readonly #url: string;
  readonly #random: Random;
  #client: Client | undefined;
  #count = 0;

  constructor(url: string, random: Random) {
    this.#url = url;
    this.#random = random;
  }

  async #connected(): Promise<Client> {
    if (this.#client) return this.#client;
    const client = new Client({ connectionString: this.#url });
    client.on('error', () => (this.#client = undefined));
    await client.connect();
    return (this.#client = client);
  }

  /** One transaction: committed, or rolled back as a whole or in part. Rejects where the server goes away; then nobody knows what became of it. */
  async write(): Promise<void> {
    const random = this.#random;
    const client = await this.#connected();
    try {
      const name = `t${String((this.#count += 1))}`;
      const tenants = TENANTS.filter(() => random.chance(0.5));
      const told: [tenant: string, what: string][] = [];
      await client.query('BEGIN');
      for (const tenant of tenants) {
        const known = this.committed.get(tenant)?.filter((what) => what.startsWith('insert'));
        if (known && known.length > 0 && random.chance(0.3)) {
          const id = random.pick(known).split(' ')[1] as string;
          await client.query('UPDATE guests SET name = $3 WHERE company_id = $1 AND id = $2', [tenant, id, name]);
          told.push([tenant, `update ${id}`]);
        } else {
          await client.query('INSERT INTO guests (id, company_id, name) VALUES ($2, $1, $3)', [tenant, name, 'x'.repeat(random.below(200))]);
          told.push([tenant, `insert ${name}`]);
        }
        if (random.chance(0.1)) {
          await client.query('SAVEPOINT s');
          await client.query('INSERT INTO guests (id, company_id) VALUES ($2, $1)', [tenant, `never${name}`]);
          await client.query('ROLLBACK TO s');
        }
      }
      if (random.chance(0.2)) await client.query('INSERT INTO noise (text) VALUES ($1)', [name]);
      if (random.chance(0.15)) {
        await client.query('ROLLBACK');
        return;
      }
      await client.query('COMMIT');
      for (const [tenant, what] of told) this.committed.get(tenant)?.push(what);
    } catch (error) {
      const lost = this.#client;
      this.#client = undefined;
      await lost?.end().catch(() => undefined);
      throw error;
    }
  }

  async some(count: number): Promise<void> {
    for (let n = 0; n < count; n++) await this.write();
  }

  async end(): Promise<void> {
    await this.#client?.end().catch(() => undefined);
    this.#client = undefined;
  }
}

export interface Heard {
  /** `insert t1`, without what follows. */
  readonly changes: string[];
  /** Times that everything was called stale. */
  readonly resyncs: number;
}

/** What the log of a tenant says. */
export async function heardOf(hub: Hub, tenant: string): Promise<Heard> {
  const { actions } = await hub.readLog(tenant);
  const all = actions.map((text) => JSON.parse(text) as SyncAction);
  const isResync = ({ module, queryPaths }: SyncAction): boolean => module === '*' && queryPaths.includes('*');
  return { changes: all.filter((action) => !isResync(action)).map(({ type, entityId }) => `${type} ${entityId}`), resyncs: all.filter(isResync).length };
}
