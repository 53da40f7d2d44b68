/** Names in Redis: one company, one hash slot, and never another's. */
import fc from 'fast-check';
import { companyOfDoorbell, decodeCompany, encodeCompany, keysOf } from '../../lib/redis/keys.js';

/** What Redis hashes of a key: between its first brace and the next closing one, where something is there. */
const tagOf = (key: string): string => /\{([^}]+)\}/.exec(key.slice(key.indexOf('{')))?.[1] ?? key;

const HOSTILE = ['a:b', '{x}', '}', '{', '{}', '__proto__', ' ', '*', 'a\nb', '\u0000', 'é', '😀', '%7D', 'a%', 'x'.repeat(256), "!'()"];

test.each(HOSTILE)('%j is one company and one slot', (companyId) => {
  const keys = keysOf('pathcast', companyId);
  expect(new Set(Object.values(keys).map(tagOf))).toEqual(new Set([encodeCompany(companyId)]));
  for (const key of Object.values(keys) as string[]) expect(key).toMatch(/^pathcast:1:\{[^{}\s*]+\}:\w+$/);
  expect(decodeCompany(encodeCompany(companyId))).toBe(companyId);
  expect(companyOfDoorbell('pathcast', keys.doorbell)).toBe(companyId);
});

test('no two companies share a name, and every name leads back', () => {
  const company = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(company, company, (a, b) => {
      expect(decodeCompany(encodeCompany(a))).toBe(a);
      expect(encodeCompany(a) === encodeCompany(b)).toBe(a === b);
    }),
  );
});

test('a channel that is none of ours is nobody’s', () => {
  for (const channel of ['pathcast:1:{a}:log', 'pathcast:2:{a}:bell', 'other:1:{a}:bell', 'pathcast:1:{a%7d}:bell', 'pathcast:1:{%}:bell', 'pathcast:1:{a b}:bell', ''])
    expect(companyOfDoorbell('pathcast', channel)).toBeUndefined();
});
