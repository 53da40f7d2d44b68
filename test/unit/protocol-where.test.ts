/** SPEC §19: when an input contradicts, and what several changes concern together. Checked against what the restrictions stand for. */
import { contradicts, joinRestrictions, restrictionAt, restrictionOf, WHERE_KEYS, WHERE_VALUES, type Restriction } from '../../lib/protocol/where.js';
import { makeRandom } from '../support/random.js';

test.each<[Record<string, unknown>, unknown]>([
  [{ id: 'g1' }, { id: 'g2' }],
  [{ id: 'g1' }, { id: 'g2', more: true }],
  [{ id: ['g1', 'g3'] }, { id: 'g2' }],
  [{ id: 1 }, { id: 2 }],
  [{ open: true }, { open: false }],
  [{ id: 5n }, { id: '06' }],
  [{ id: '5' }, { id: 'five' }],
  // One number for a `Number`, two for a bigint.
  [{ id: '1234567890123456789' }, { id: 1234567890123456788n }],
  [{ id: '17' }, { id: 18n }],
  [{ slug: 'a-b' }, { slug: 'a_b' }],
  [{ slug: 'a-b' }, { slug: 'ab' }],
  [{ day: '2026-01-01' }, { day: '2026-02-01' }],
  [{ day: '2026-01-01T00:00:00.000Z' }, { day: new Date('2026-01-09') }],
  [{ id: 'g1', clientId: 'c1' }, { id: 'g1', clientId: 'c2' }],
  [{ id: 'g1' }, Object.assign(Object.create(null) as object, { id: 'g2' })],
])('%j contradicts %p', (restriction, input) => {
  expect(contradicts(restriction, input)).toBe(true);
});

class Row {
  id = 'g2';
}

test.each<[Record<string, unknown>, unknown]>([
  [{}, { id: 'g2' }],
  [{ id: 'g1' }, { id: 'g1' }],
  [{ id: ['g1', 'g2'] }, { id: 'g2' }],
  // Nothing is said of the key, or what is said is no scalar.
  [{ id: 'g1' }, {}],
  [{ id: 'g1' }, undefined],
  [{ id: 'g1' }, null],
  [{ id: 'g1' }, 'g2'],
  [{ id: 'g1' }, ['g2']],
  [{ id: 'g1' }, { id: null }],
  [{ id: 'g1' }, { id: undefined }],
  [{ id: 'g1' }, { id: ['g2'] }],
  [{ id: 'g1' }, { id: { in: 'g2' } }],
  [{ id: null }, { id: 'g2' }],
  [{ id: { in: 'g1' } }, { id: 'g2' }],
  [{ id: ['g1', null] }, { id: 'g2' }],
  [{ id: [] }, { id: 'g2' }],
  [{ id: 'g1' }, new Row()],
  [{ id: 'g1' }, Object.create({ id: 'g2' })],
  [{ toString: 'g1' }, {}],
  // An input parser may make the one of the other.
  [{ id: 5 }, { id: '6' }],
  [{ open: true }, { open: 'false' }],
  [{ id: 5 }, { id: 6n }],
  [{ mail: 'ann@example.com' }, { mail: ' Ann@Example.COM ' }],
  [{ day: '2026-01-01T00:00:00.000Z' }, { day: '2026-01-01' }],
  [{ day: '2026-01-01T23:00:00.000Z' }, { day: '2026-01-02T01:00:00+02:00' }],
  [{ day: '2026-01-01' }, { day: 'today' }],
  [{ day: '2026-01-01' }, { day: ' 2026-01-02' }],
  [{ street: 'STRASSE' }, { street: 'straße' }],
  [{ town: 'I' }, { town: 'ı' }],
  [{ word: 'ΣΑΣ' }, { word: 'σασ' }],
  // A database's collation does.
  [{ name: 'José' }, { name: 'jose' }],
  [{ name: ['x', 'Łódź'] }, { name: 'LODZ' }],
  [{ name: 'Ærø' }, { name: 'aero' }],
  [{ word: 'あ' }, { word: 'ア' }],
  [{ id: 5n }, { id: '05' }],
  [{ id: 5n }, { id: '+5' }],
  [{ id: 5n }, { id: '0X5' }],
  [{ id: '5' }, { id: '5.0' }],
  [{ id: '' }, { id: '0' }],
  [{ at: NaN }, { at: 5 }],
  [{ at: 0 }, { at: -0 }],
  [{ at: 'x' }, { at: new Date(NaN) }],
  [{ note: 'x'.repeat(200) }, { note: 'y' }],
])('%j does not contradict %p', (restriction, input) => {
  expect(contradicts(restriction, input)).toBe(false);
});

test('no rule of case, form or blanks makes the same what contradicts: of each character', () => {
  const rules: ((text: string) => string)[] = [
    (text) => text.toUpperCase(),
    (text) => text.toLowerCase(),
    (text) => text.normalize('NFC'),
    (text) => text.normalize('NFKD'),
    (text) => text.toUpperCase().normalize('NFD'),
    (text) => text.trim(),
  ];
  const wrong: string[] = [];
  for (let code = 0; code <= 0x10_ff_ff; code++) {
    const character = String.fromCodePoint(code);
    // Neither of cases nor composed.
    if (/^[\p{Lo}\p{C}]$/u.test(character) && character.normalize('NFKD') === character) continue;
    for (const text of [character, `a${character}`, `a${character}b`]) {
      for (const rule of rules) {
        const ruled = rule(text);
        if (ruled !== text && contradicts({ text }, { text: ruled })) wrong.push(`${code.toString(16)}: ${rule}`);
      }
    }
  }
  expect(wrong).toEqual([]);
});

test('what an app gives, as it travels', () => {
  expect(restrictionOf({ id: 5, at: new Date(0), big: 2n ** 70n, open: false, several: ['a', 'b', 'a'] })).toEqual({
    id: 5,
    at: '1970-01-01T00:00:00.000Z',
    big: String(2n ** 70n),
    open: false,
  });
  expect(restrictionOf({ id: null, nested: {}, none: undefined, mixed: ['a', null], many: Array.from({ length: WHERE_VALUES + 1 }, (_, i) => i) })).toBeUndefined();
  expect(restrictionOf(['g1'])).toBeUndefined();
  expect(Object.keys(restrictionOf(Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`k${i}`, i])))!)).toHaveLength(WHERE_KEYS);
  expect(restrictionAt({ guests: { id: 'g1' } }, 'constructor')).toBeUndefined();
  expect(restrictionAt(JSON.parse('{"__proto__":{"id":"g1"}}'), '__proto__')).toEqual({ id: 'g1' });
});

test('what two changes concern together leaves out no input that one of them concerns', () => {
  const random = makeRandom(11);
  const value = (): string => `v${random.below(3)}`;
  const restriction = (): Restriction => {
    const some: Record<string, string | string[]> = { a: random.below(2) === 0 ? value() : [value(), value()] };
    if (random.below(2) === 0) some['b'] = value();
    return random.below(4) === 0 ? { b: value() } : some;
  };
  let narrowed = 0;
  for (let i = 0; i < 3_000; i++) {
    const [one, other] = [restriction(), restriction()];
    const joined = joinRestrictions(one, other);
    const input = { a: value(), b: value() };
    const concerned = !contradicts(one, input) || !contradicts(other, input);
    const kept = joined === undefined || !contradicts(joined, input);
    if (concerned) expect([one, other, input, kept]).toEqual([one, other, input, true]);
    if (!kept) narrowed++;
  }
  expect(narrowed).toBeGreaterThan(100);
});
