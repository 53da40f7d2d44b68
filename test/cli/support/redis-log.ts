/** Publishes as a node does: by the script, into the log of a company. */
import type { Redis } from 'ioredis';
import { keysOf } from '../../../lib/redis/keys.js';
import { PUBLISH } from '../../../lib/redis/scripts/publish.js';
import { storedBytes } from '../../../lib/redis/stored.js';

export class Publisher {
  #known: [run: string, epoch: string, seq: number, id: string] = ['', '', 0, ''];
  #count = 0;

  constructor(
    readonly redis: Redis,
    readonly company: string,
    readonly prefix = 'pathcast',
  ) {}

  /** Gives the cursor. `kept`: the most actions that stay. `bell`: rings there instead. */
  async publish(entityId: string, { kept = 1_000, ring = 'PUBLISH', bell = '', more = {}, sealed = false } = {}): Promise<string> {
    const { head, log, ids, doorbell } = keysOf(this.prefix, this.company);
    this.#count += 1;
    const id = `${this.company}-${entityId}-${this.#count}`;
    const action = {
      type: 'update', id, module: 'guests', entityId, companyId: this.company, userId: 'bob', timestamp: 1, queryPaths: ['guests.getAll', 'guests.getStats'], ...more,
    };
    const json = JSON.stringify(action);
    const bytes = sealed ? Buffer.from('\u0001sealed') : storedBytes({ head: `${json.slice(0, -1)},"seq":`, tail: '}' });
    const answer = (await this.redis.eval(
      PUBLISH, 3, head, log, ids, bell === '' ? doorbell : bell, ring, '', ...this.#known, '1', `e${this.#count}`, kept, 86_400_000, 1 << 24, 1_000_000, id, 0, bytes, '',
    )) as string[];
    const [status, epoch = '', seq = '', , , , run = ''] = answer;
    if (status !== 'OK') throw new Error(answer.join(' '));
    this.#known = [run, epoch, Number(seq), id];
    return `${epoch}.${seq}`;
  }

  /** Of the same log, which somebody else has begun anew. */
  forget(): void {
    this.#known = ['', '', 0, ''];
  }
}
