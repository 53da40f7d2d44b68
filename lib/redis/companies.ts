/** The companies that have a log in Redis. It looks at the name of every key there, some at a time: for what happens once in a long while. */
import type { Broker, BrokerReply } from '../internal/broker.js';
import { keySlot } from './brokers/key-slot.js';
import { companyOfDoorbell, FORMAT, keysOf } from './keys.js';
import { globOf } from './rights.js';
import { SCAN_HEADS } from './scripts/companies.js';

const SCRIPT = { name: 'companies', body: SCAN_HEADS };
/** Names that Redis looks at in one call: some hundred µs of its time. */
const NAMES_AT_ONCE = 1_000;
const SLOTS = 16_384;

/** Rejects with BrokerError; NOPERM: the user needs `+scan`. */
export async function companiesIn(broker: Broker, prefix: string): Promise<string[]> {
  const found = new Set<string>();
  const pattern = `${globOf(prefix)}:${String(FORMAT)}:{*}:head`;
  for (const slot of await slotsOf(broker)) {
    const key = slot === undefined ? `${prefix}:${String(FORMAT)}:scan` : keyIn(prefix, slot);
    let cursor = '0';
    do {
      const [next, names] = (await broker.eval(SCRIPT, [key], [cursor, pattern, NAMES_AT_ONCE])) as [BrokerReply, readonly BrokerReply[]];
      cursor = String(next);
      for (const name of names) {
        const companyId = companyOfHead(prefix, String(name));
        if (companyId !== undefined) found.add(companyId);
      }
    } while (cursor !== '0');
  }
  return [...found];
}

function companyOfHead(prefix: string, name: string): string | undefined {
  const companyId = companyOfDoorbell(prefix, name.replace(/:head$/, ':bell'));
  return companyId !== undefined && keysOf(prefix, companyId).head === name ? companyId : undefined;
}

/** A slot of each master; undefined stands for a server alone. */
async function slotsOf(broker: Broker): Promise<(number | undefined)[]> {
  if (broker.ring !== 'SPUBLISH') return [undefined];
  const ranges = (await broker.command(['CLUSTER', 'SLOTS'])) as readonly BrokerReply[];
  const byMaster = new Map<string, number>();
  for (const range of ranges) {
    const [start, , master] = range as readonly [number, number, readonly BrokerReply[]];
    byMaster.set(master.slice(0, 2).map(String).join(':'), Number(start));
  }
  return [...byMaster.values()];
}

/** A name under the prefix that this slot has. */
function keyIn(prefix: string, slot: number): string {
  for (let n = 0; n < SLOTS * 64; n++) {
    const key = `${prefix}:${String(FORMAT)}:{${String(n)}}:scan`;
    if (keySlot(key) === slot) return key;
  }
  throw new Error('no name in this slot');
}
