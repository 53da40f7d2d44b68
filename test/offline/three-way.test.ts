/** The text that two people's changes make: what one alone has changed is as that one has it, and nothing is lost of either. */
import { threeWay } from '../../lib/offline-react/three-way.js';
import { runSeed, withSeed } from '../support/random.js';

test.each([
  ['the quick fox', 'the very quick fox', 'the quick red fox', 'the very quick red fox', true],
  ['a b c', 'a b c', 'a c', 'a c', true],
  ['a b c', 'x b c', 'y b c', 'x y b c', false],
  ['', 'mine', 'theirs', 'mine theirs', false],
  ['one\ntwo\n', 'one\ntwo\nthree\n', 'zero\none\ntwo\n', 'zero\none\ntwo\nthree\n', true],
  ['same', 'new', 'new', 'new', true],
])('%j, mine %j, theirs %j', (base, mine, theirs, text, clean) => {
  expect(threeWay(base, mine, theirs)).toEqual({ text, clean });
});

test('who changed nothing leaves the other one as it is; what nobody touched stays; words of both are there', () => {
  return withSeed(runSeed(), async ({ below, chance, pick }) => {
    const word = (): string => pick([...'abcdefgh']);
    const change = (words: readonly string[]): string[] =>
      words.flatMap((one) => (chance(0.1) ? [] : chance(0.1) ? [word().toUpperCase()] : chance(0.1) ? [one, word().toUpperCase()] : [one]));
    for (let i = 0; i < 2_000; i++) {
      const words = Array.from({ length: below(9) }, word);
      const [base, mine, theirs] = [words, change(words), change(words)].map((some) => some.join(' ')) as [string, string, string];
      expect(threeWay(base, mine, base)).toEqual({ text: mine, clean: true });
      expect(threeWay(base, base, theirs)).toEqual({ text: theirs, clean: true });
      const { text } = threeWay(base, mine, theirs);
      // What somebody has written is in capitals here.
      for (const side of [mine, theirs]) for (const own of side.match(/[A-Z]/g) ?? []) expect([base, mine, theirs, text, text.includes(own)]).toEqual([base, mine, theirs, text, true]);
    }
  });
});

test('long texts go by lines, and beyond that stand one after the other: never for long', () => {
  const line = 'word '.repeat(40);
  const lines = Array.from({ length: 500 }, (_, nth) => `${String(nth)} ${line}`);
  const base = lines.join('\n');
  const mine = [...lines.slice(0, 10), 'mine', ...lines.slice(10)].join('\n');
  const theirs = [...lines.slice(0, 400), 'theirs', ...lines.slice(400)].join('\n');
  expect(threeWay(base, mine, theirs)).toEqual({ text: [...lines.slice(0, 10), 'mine', ...lines.slice(10, 400), 'theirs', ...lines.slice(400)].join('\n'), clean: true });
  const most = Array.from({ length: 3_000 }, (_, nth) => `${String(nth)} ${line}`).join('\n');
  expect(threeWay(most, `${most}\na`, `${most}\nb`)).toEqual({ text: `${most}\na\n${most}\nb`, clean: false });
});
