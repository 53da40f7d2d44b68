/** Which transactions a snapshot of PostgreSQL sees, by the lower half of their numbers alone, which go round. */
import { seesAll } from '../../lib/postgres/server/visible.js';
import { runSeed, withSeed } from '../support/random.js';

const LOW = 0xffff_ffffn;

test.each([
  ['10:10:', 9, true],
  ['10:10:', 10, false],
  ['10:20:10,15', 9, true],
  ['10:20:10,15', 10, false],
  ['10:20:10,15', 14, true],
  ['10:20:10,15', 15, false],
  ['10:20:10,15', 19, true],
  ['10:20:10,15', 20, false],
  // The numbers have gone round between the two.
  ['4294967290:4294967300:4294967290', 4_294_967_289, true],
  ['4294967290:4294967300:4294967290', 4_294_967_290, false],
  ['4294967290:4294967300:4294967290', 3, true],
  ['4294967290:4294967300:4294967299', 3, false],
  ['4294967290:4294967300:4294967290', 4, false],
  ['8589934600:8589934600:', 7, true],
  ['8589934600:8589934600:', 8, false],
])('%s and %d: %s', (snapshot, xid, seen) => {
  expect(seesAll(snapshot, [xid])).toBe(seen);
});

test('all of them, or not', () => {
  expect(seesAll('10:20:15', [])).toBe(true);
  expect(seesAll('10:20:15', [9, 14, 19])).toBe(true);
  expect(seesAll('10:20:15', [9, 15, 19])).toBe(false);
});

test('as whole numbers say it, wherever they stand', () =>
  withSeed(runSeed(), (random) => {
    for (let i = 0; i < 20_000; i++) {
      const base = BigInt(random.below(4)) * 0x1_0000_0000n + BigInt(random.chance(0.5) ? 0xffff_ff00 + random.below(256) : random.below(0x1_0000_0000));
      const xmax = base + BigInt(random.below(40));
      const running = Array.from({ length: Number(xmax - base) }, (_, at) => base + BigInt(at)).filter((xid) => xid === base || random.chance(0.3));
      const xid = base - 20n + BigInt(random.below(80));
      if (xid < 3n) continue;
      const seen = xid < base || (xid < xmax && !running.includes(xid));
      const snapshot = `${String(base)}:${String(xmax)}:${running.join(',')}`;
      expect([snapshot, xid, seesAll(snapshot, [Number(xid & LOW)])]).toEqual([snapshot, xid, seen]);
    }
    return Promise.resolve();
  }));
