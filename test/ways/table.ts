/** The table of lib/SPEC.md §11, made of what the claims and the ways say of themselves. */
import { CLAIMS } from './claims.js';
import { DIALECTS, WAYS } from './ways.js';

const LETTERS = 'abcdefghijklmnopqrstuvwxyz';

/** Of the native engine, which has all ways; under it the reasons. */
export function table(): string {
  const reasons: string[] = [];
  const letterOf = (reason: string): string => {
    if (!reasons.includes(reason)) reasons.push(reason);
    return LETTERS.charAt(reasons.indexOf(reason));
  };
  const cells = (cell: (way: (typeof WAYS)[number], dialect: (typeof DIALECTS)[number]) => string): string =>
    WAYS.map((way) => DIALECTS.map((dialect) => cell(way, dialect)).join(' ')).join(' | ');
  const rows = CLAIMS.map((claim) => {
    const row = cells((way, dialect) => {
      const reason = way.cannot?.('native', dialect) ?? claim.cannot?.(way, dialect);
      return reason === undefined ? '✓' : letterOf(reason);
    });
    return `| ${claim.name} | ${row} |`;
  });
  const lines = [
    `| plain, tRPC dialect | ${WAYS.map(({ name }) => name).join(' | ')} |`,
    `|---|${WAYS.map(() => '---|').join('')}`,
    ...rows,
    '',
    ...reasons.map((reason, i) => `- ${LETTERS.charAt(i)}: ${reason}.`),
    `- The JavaScript engine: the same, but for the first column: ${WAYS[0]?.cannot?.('js', 'plain') ?? 'it has all'}.`,
  ];
  return lines.join('\n');
}
