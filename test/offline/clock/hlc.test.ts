/** The hybrid logical clock against the paper's invariants (SPEC §24, OF1). Random parts print their seed (fast-check does). */
import * as fc from 'fast-check';
import { isPathcastError } from '../../../lib/protocol/error.js';
import { compareHlc, createHlc, formatHlc, parseHlc, type Hlc, type HlcTime } from '../../../lib/offline/clock/hlc.js';

const AT = 1_764_000_000_000;
const DRIFT = 300_000;

const read = (id: string | undefined): HlcTime => {
  const time = parseHlc(`${id}`);
  if (!time) throw new Error(`${id} is no id`);
  return time;
};

/** As `expect`, where it is asked a hundred thousand times. */
function must(right: boolean, why: string): void {
  if (!right) throw new Error(why);
}

function codeOf(run: () => unknown): unknown {
  try {
    run();
  } catch (thrown) {
    return isPathcastError(thrown) ? thrown.code : thrown;
  }
  return 'nothing was thrown';
}

describe('the text', () => {
  it('is 13 digits, 5 digits and a node, and comes back as it was', () => {
    const time = { wall: AT, logical: 7, node: 'a1' };
    expect(formatHlc(time)).toBe('1764000000000.00007.a1');
    expect(parseHlc(formatHlc(time))).toEqual(time);
    expect(formatHlc({ wall: 5, logical: 65_535, node: 'z' })).toBe('0000000000005.65535.z');
  });

  it.each(['', '1764000000000.00007', '1764000000000.7.a', '176400000000.00007.a', '1764000000000.65536.a', '1764000000000.00007.A', `1764000000000.00007.${'a'.repeat(17)}`, '1764000000000.00007.a ', 'b0f7a5d0-6f3e-4b5c-9a51-0d2a2f0f3a11'])(
    '%j is no id',
    (text) => {
      expect(parseHlc(text)).toBeUndefined();
    },
  );

  it('sorts as text as it sorts by its parts', () => {
    const time = fc.record({ wall: fc.integer({ min: 0, max: 9_999_999_999_999 }), logical: fc.integer({ min: 0, max: 65_535 }), node: fc.stringMatching(/^[0-9a-z]{1,16}$/) });
    fc.assert(
      fc.property(time, time, fc.boolean(), fc.boolean(), (a, other, sameWall, sameLogical) => {
        const b = { ...other, ...(sameWall && { wall: a.wall }), ...(sameLogical && { logical: a.logical }) };
        const byParts = a.wall - b.wall || a.logical - b.logical || (a.node < b.node ? -1 : Number(a.node > b.node));
        expect(Math.sign(compareHlc(formatHlc(a), formatHlc(b)))).toBe(Math.sign(byParts));
      }),
    );
  });
});

describe('one clock', () => {
  it('counts within a millisecond, and begins anew in the next', () => {
    let now = AT;
    const clock = createHlc({ node: 'n', now: () => now });
    expect([clock.last, clock.next(), clock.next()]).toEqual([undefined, `${AT}.00000.n`, `${AT}.00001.n`]);
    now += 1;
    expect(clock.next()).toBe(`${AT + 1}.00000.n`);
    expect(clock.last).toBe(`${AT + 1}.00000.n`);
  });

  it('keeps its wall part where the clock of the device is set back, by however much', () => {
    let now = AT;
    const clock = createHlc({ node: 'n', now: () => now });
    clock.next();
    now -= 86_400_000 * 365;
    expect(clock.next()).toBe(`${AT}.00001.n`);
  });

  it('goes on from what was kept, and above what another tab of the device has made', () => {
    const clock = createHlc({ node: 'n', now: () => AT - 3_600_000, last: `${AT}.00041.other` });
    expect(clock.next()).toBe(`${AT}.00042.n`);
    expect(clock.next(`${AT + 5}.00003.third`)).toBe(`${AT + 5}.00004.n`);
    expect(clock.next(`${AT}.00009.third`)).toBe(`${AT + 5}.00005.n`);
    // What is no id of a clock counts for nothing.
    expect(createHlc({ node: 'n', now: () => AT, last: 'a UUID' }).next('another')).toBe(`${AT}.00000.n`);
  });

  it('moves on by a millisecond where its counter is full, as far as it may be ahead, and throws behind that', () => {
    const full = `${AT}.65535.n`;
    expect(createHlc({ node: 'n', now: () => AT, last: full }).next()).toBe(`${AT + 1}.00000.n`);
    expect(createHlc({ node: 'n', now: () => AT - DRIFT + 1, last: full }).next()).toBe(`${AT + 1}.00000.n`);
    const behind = createHlc({ node: 'n', now: () => AT - DRIFT, last: full });
    expect(codeOf(() => behind.next())).toBe('CLOCK');
    expect(behind.last).toBe(full);
  });

  it('takes a clock that says nothing for the beginning of time, and refuses one of after 2286', () => {
    expect(createHlc({ node: 'n', now: () => NaN }).next()).toBe('0000000000000.00000.n');
    expect(createHlc({ node: 'n', now: () => -5 }).next()).toBe('0000000000000.00000.n');
    const late = createHlc({ node: 'n', now: () => 1e13 });
    expect(codeOf(() => late.next())).toBe('CLOCK');
    expect(late.last).toBeUndefined();
  });

  it('makes 70,000 ids in one millisecond, each above the one before', () => {
    const clock = createHlc({ node: 'n', now: () => AT });
    let before = '';
    for (let made = 0; made < 70_000; made += 1) {
      const id = clock.next();
      if (id <= before) throw new Error(`${id} comes after ${before}`);
      before = id;
    }
    expect(before).toBe(`${AT + 1}.04463.n`);
  });
});

describe("somebody else's id", () => {
  const heard = (own: string | undefined, now: number, theirs: string): string | undefined => {
    const clock = createHlc({ node: 'n', now: () => now, last: own });
    clock.receive(theirs);
    return clock.last;
  };

  it.each([
    ['the clock is ahead of both', `${AT}.00005.n`, AT + 9, `${AT + 3}.00004.m`, `${AT + 9}.00000.n`],
    ['all three are one', `${AT}.00005.n`, AT, `${AT}.00008.m`, `${AT}.00009.n`],
    ['theirs and ours are one', `${AT}.00008.n`, AT - 1, `${AT}.00005.m`, `${AT}.00009.n`],
    ['ours is ahead', `${AT + 2}.00001.n`, AT, `${AT + 1}.00900.m`, `${AT + 2}.00002.n`],
    ['theirs is ahead', `${AT}.00005.n`, AT + 1, `${AT + 3}.00004.m`, `${AT + 3}.00005.n`],
    ['there is none of ours', undefined, AT, `${AT}.00000.m`, `${AT}.00001.n`],
  ])("%s: the paper's rule", (_name, own, now, theirs, then) => {
    expect(heard(own, now, theirs)).toBe(then);
  });

  it('is refused where it is more than the bound ahead of the device, and changes nothing', () => {
    const clock = createHlc({ node: 'n', now: () => AT, last: `${AT}.00001.n` });
    clock.receive(`${AT + DRIFT}.00000.m`);
    expect(clock.last).toBe(`${AT + DRIFT}.00001.n`);
    expect(codeOf(() => clock.receive(`${AT + DRIFT + 1}.00000.m`))).toBe('CLOCK');
    expect(codeOf(() => clock.receive('of no clock'))).toBe('INVALID_FIELD');
    expect(clock.last).toBe(`${AT + DRIFT}.00001.n`);
    const narrow = createHlc({ node: 'n', now: () => AT, maxDriftMs: 0 });
    expect(codeOf(() => narrow.receive(`${AT + 1}.00000.m`))).toBe('CLOCK');
  });

  it('is refused where its counter is full, and the device is not ahead of it', () => {
    const clock = createHlc({ node: 'n', now: () => AT });
    expect(codeOf(() => clock.receive(`${AT}.65535.m`))).toBe('CLOCK');
    expect(clock.last).toBeUndefined();
    const later = createHlc({ node: 'n', now: () => AT + 1 });
    later.receive(`${AT}.65535.m`);
    expect(later.last).toBe(`${AT + 1}.00000.n`);
  });
});

describe('64 nodes with skewed clocks', () => {
  /** An event of a node: something it does by itself, or its hearing of what another did. */
  const steps = fc.array(fc.record({ node: fc.nat(63), from: fc.nat(63), hears: fc.boolean(), passes: fc.nat(20) }), { minLength: 50, maxLength: 400, size: 'max' });

  const nameOf = (index: number): string => index.toString(36).padStart(2, '0');

  it('keep the order of causes, stay at or above their own clocks, and within the skew of all', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -140_000, max: 140_000 }), { minLength: 64, maxLength: 64 }), steps, (skews, events) => {
        let real = AT;
        /** Each node's clock goes on by 1 ms at least between two events of it. */
        const read_ = skews.map(() => 0);
        const device = (index: number): number => Math.max(read_[index]!, real + skews[index]!);
        const nodes: Hlc[] = skews.map((_skew, index) => createHlc({ node: nameOf(index), now: () => device(index) }));
        /** Of each node: what has happened to it, as text, and who may have caused it (their last events). */
        const lastOf: (string | undefined)[] = skews.map(() => undefined);
        const all = new Set<string>();
        const eps = Math.max(...skews) - Math.min(...skews);
        for (const [index, node] of nodes.entries()) lastOf[index] = node.next();

        for (const { node, from, hears, passes } of events) {
          real += passes;
          read_[node] = device(node) + (lastOf[node] === undefined ? 0 : 1);
          const clock = nodes[node]!;
          const pt = device(node);
          const causes = [lastOf[node], hears ? lastOf[from] : undefined].filter((cause) => cause !== undefined);
          let id: string;
          if (hears && lastOf[from] !== undefined && from !== node) {
            clock.receive(lastOf[from]);
            id = clock.last!;
          } else {
            id = clock.next();
          }
          // e → f: less, by text. It is transitive, so the last of each cause is enough.
          for (const cause of causes) must(compareHlc(cause, id) === -1, `${cause} caused ${id}`);
          const { wall, logical } = read(id);
          must(wall >= pt, `${id} is behind ${pt}`);
          // A node's clock that was moved on to tick between its events is a part of the skew.
          const ticked = Math.max(0, ...read_.map((at, index) => at - (real + skews[index]!)));
          must(wall - pt <= eps + ticked, `${id} is ${wall - pt} ahead, of ${eps + ticked}`);
          must(logical <= 64 * (eps + ticked + 1), `${id} counts beyond ${64 * (eps + ticked + 1)}`);
          must(!all.has(id), `${id} was made twice`);
          all.add(id);
          lastOf[node] = id;
        }
      }),
      { numRuns: 150 },
    );
  });

  it('are never pulled further than the bound by a node whose clock is mad', () => {
    let all = 0;
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -10_000_000, max: 10_000_000 }), { minLength: 64, maxLength: 64 }), steps, (skews, events) => {
        let real = AT;
        const nodes: Hlc[] = skews.map((skew, index) => createHlc({ node: nameOf(index), now: () => real + skew }));
        let refused = 0;
        for (const node of nodes) node.next();
        for (const { node, from, hears, passes } of events) {
          real += passes;
          const clock = nodes[node]!;
          const pt = real + skews[node]!;
          const before = clock.last;
          const theirs = nodes[from]!.last;
          if (hears && theirs !== undefined) {
            const ahead = read(theirs).wall - pt;
            const code = codeOf(() => clock.receive(theirs));
            if (ahead > DRIFT) {
              must(code === 'CLOCK' && clock.last === before, `${theirs} was ${String(code)}: ${before} became ${clock.last}`);
              refused += 1;
              continue;
            }
            must(code === 'nothing was thrown' && compareHlc(theirs, clock.last ?? '') === -1, `${theirs} was ${String(code)}, then ${clock.last}`);
          } else {
            clock.next();
          }
          must(before === undefined || compareHlc(before, clock.last ?? '') === -1, `${clock.last} came after ${before}`);
          must(read(clock.last).wall - pt <= DRIFT, `${clock.last} is ahead of ${pt}`);
        }
        all += refused;
      }),
      { numRuns: 150 },
    );
    // It was about something.
    expect(all).toBeGreaterThan(100);
  });

  it('keep their own order through clocks that jump to and fro', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -3_600_000, max: 3_600_000 }), { minLength: 2, maxLength: 200 }), (jumps) => {
        let now = AT;
        let clock = createHlc({ node: 'n', now: () => now });
        let before = '';
        for (const jump of jumps) {
          now = Math.max(0, now + jump);
          const id = clock.next();
          expect(id > before).toBe(true);
          expect(read(id).wall).toBeGreaterThanOrEqual(now);
          before = id;
          // A reload: only the text is kept.
          if (jump % 3 === 0) clock = createHlc({ node: 'n', now: () => now, last: id });
        }
      }),
    );
  });
});
