import type { LogEntry } from '../../../lib/jsengine/action-log.js';
import { PathUnion } from '../../../lib/jsengine/path-union.js';
import type { Where } from '../../../lib/protocol/where.js';
import { runSeed, withSeed } from '../../support/random.js';

function entry(seq: number, queryPaths: string[], module = 'm', where?: Where): LogEntry {
  return { seq, arrivedAt: 1_700_000_000_000 + seq, queryPaths, module, where } as unknown as LogEntry;
}

function union(maxBytes: number, ...paths: string[][]): PathUnion {
  const made = new PathUnion(maxBytes);
  paths.forEach((list, i) => made.add(entry(i + 1, list)));
  return made;
}

function covers(paths: readonly string[], path: string): boolean {
  return paths.some((known) => known === '*' || known === path || path.startsWith(`${known}.`));
}

describe('path union', () => {
  test('SPEC §5: from, to and count are those of the actions', () => {
    const made = new PathUnion(1_000);
    for (const seq of [7, 9, 12]) made.add(entry(seq, ['a.b']));
    expect([made.from, made.to, made.count]).toEqual([7, 12, 3]);
  });

  test('SPEC §5: a covered path is left out, whichever came first', () => {
    expect(union(1_000, ['a.b.c', 'a.b', 'a.bc', 'ab', 'a.b.d']).paths()).toEqual(['a.b', 'a.bc', 'ab']);
    expect(union(1_000, ['a.b', 'a.c'], ['a'], ['a.d', 'b.c']).paths()).toEqual(['a', 'b.c']);
    expect(union(1_000, ['a.b', '*', 'c.d']).paths()).toEqual(['*']);
  });

  test('SPEC §5: the largest group collapses first, the one seen first among equals', () => {
    const small = ['b.1', 'c.1', 'c.2', 'd.1', 'd.2'];
    const size = (paths: string[]): number => Buffer.byteLength(JSON.stringify(paths));
    const fixed = union(10_000, small).bytes - size(small) + 2;
    expect(union(fixed + size(small) - 2, small).paths()).toEqual(small);
    expect(union(fixed + size(small) - 3, small).paths()).toEqual(['b.1', 'c', 'd.1', 'd.2']);
    expect(union(fixed + size(['b.1', 'c', 'd']) - 2, small).paths()).toEqual(['b.1', 'c', 'd']);
    expect(union(fixed + size(['b', 'c', 'd']) - 2, small).paths()).toEqual(['b', 'c', 'd']);
    expect(union(fixed + size(['b', 'c', 'd']) - 3, small).overflowed).toBe(true);
  });

  test('SPEC §5: module names take a quarter at most', () => {
    const made = new PathUnion(400);
    for (let i = 0; i < 50; i++) made.add(entry(i + 1, ['a.b'], `module-${i}`));
    expect(made.overflowed).toBe(false);
    expect(made.modules().length).toBeGreaterThan(3);
    expect(Buffer.byteLength(JSON.stringify(made.modules())) - 2).toBeLessThanOrEqual(100);
    expect(made.count).toBe(50);
  });

  test('an overflow is for good, and holds no memory', () => {
    const made = union(200, Array.from({ length: 100 }, (_, i) => `router${i}.x`));
    expect(made.overflowed).toBe(true);
    made.add(entry(5, ['a.b']));
    expect([made.overflowed, made.bytes, made.count, made.to]).toEqual([true, 0, 2, 5]);
    expect(made.paths()).toEqual([]);
    const into = union(200, ['a.b']);
    into.merge(made);
    expect(into.overflowed).toBe(true);
  });

  test('merging nothing changes nothing', () => {
    const made = union(1_000, ['a.b']);
    made.merge(new PathUnion(1_000));
    expect([made.from, made.to, made.count, made.paths()]).toEqual([1, 1, 1, ['a.b']]);
  });

  test('SPEC §5: by chance: all is covered, nothing covers another, and bytes is the length of the JSON', async () => {
    await withSeed(runSeed(), async (random) => {
      for (let run = 0; run < 300; run++) {
        const maxBytes = 150 + random.below(600);
        const made = new PathUnion(maxBytes);
        const other = new PathUnion(maxBytes);
        const all: string[] = [];
        for (let seq = 1; seq <= 1 + random.below(60); seq++) {
          const paths = Array.from({ length: random.below(4) }, () =>
            Array.from({ length: 1 + random.below(3) }, () => random.pick(['a', 'b', 'ü', 'getAll', 'x"y', `r${random.below(20)}`])).join('.'),
          );
          if (random.chance(0.01)) paths.push('*');
          all.push(...paths);
          (seq > 30 ? other : made).add(entry(seq, paths, `m${random.below(9)}`));
        }
        made.merge(other);
        if (made.overflowed) continue;
        const json = made.toJson();
        expect(Buffer.byteLength(json)).toBe(made.bytes);
        expect(made.bytes).toBeLessThanOrEqual(maxBytes);
        const { queryPaths } = JSON.parse(json) as { queryPaths: string[] };
        for (const path of all) expect(covers(queryPaths, path)).toBe(true);
        for (const path of queryPaths) expect(covers(queryPaths.filter((one) => one !== path), path)).toBe(false);
      }
    });
  });

  test('SPEC §19: by chance: with what is narrowed, too, bytes is the length of the JSON', async () => {
    await withSeed(runSeed(), async (random) => {
      let narrowed = 0;
      for (let run = 0; run < 300; run++) {
        const maxBytes = 150 + random.below(1_500);
        const made = new PathUnion(maxBytes);
        const other = new PathUnion(maxBytes);
        const value = (): string | number => random.pick(['a', 'ü"\ud800', 5, 0, 'a long one of more letters']);
        for (let seq = 1; seq <= 1 + random.below(20); seq++) {
          const paths = [...new Set(Array.from({ length: 1 + random.below(3) }, () => random.pick(['a', 'a.b', 'a.b.c', 'ü.x"y', 'd', '__proto__', '7'])))];
          const where = Object.fromEntries(paths.filter(() => random.chance(0.9)).map((path) => [path, { [random.pick(['id', 'é', '__proto__'])]: random.chance(0.5) ? value() : [value(), value()], of: value() }]));
          (seq > 10 ? other : made).add(entry(seq, paths, 'm', where));
          if (seq === 10 && random.chance(0.2)) made.add(entry(10, ['*']));
        }
        made.merge(other);
        if (made.overflowed) continue;
        const json = made.toJson();
        expect(Buffer.byteLength(json)).toBe(made.bytes);
        expect(made.bytes).toBeLessThanOrEqual(maxBytes);
        if (json.includes('"where"')) narrowed++;
      }
      expect(narrowed).toBeGreaterThan(30);
    });
  });
});
