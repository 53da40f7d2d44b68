/** The table of the comparison, for a terminal and for a page. */
import { layOut } from '../harness/report.mjs';
import { SCENARIOS } from './scenarios.mjs';
import { LIBRARIES } from './subjects.mjs';

/**
 * Runs by subject: `{cells, versions, about: {commit, node, date, chromium}}`. A library is run again alone, and the others keep what they had.
 */
const subjectsOf = (runs) => Object.keys(LIBRARIES).filter((subject) => runs[subject]);
const find = (runs, scenario, subject) => runs[subject].cells.find((cell) => cell.scenario === scenario);

export function terminalTable(runs) {
  const subjects = subjectsOf(runs);
  const rows = SCENARIOS.map(({ name }) => [name, ...subjects.map((subject) => find(runs, name, subject)?.word ?? '-')]);
  const reasons = subjects.flatMap((subject) => runs[subject].cells.filter(({ word }) => word !== 'kept').map(({ scenario, word, why }) => `  ${subject} ${scenario}: ${word}: ${why}`));
  return `${layOut([['', ...subjects], ...rows])}\n${reasons.join('\n')}`;
}

export function markdown(runs) {
  const subjects = subjectsOf(runs);
  const line = (row) => `| ${row.join(' | ')} |`;
  const head = ['', ...subjects.map((subject) => LIBRARIES[subject].title)];
  const word = (cell) => (cell ? (['kept', 'n/a'].includes(cell.word) ? cell.word : `**${cell.word}**`) : '');
  const rows = SCENARIOS.map(({ name, about }) => [`\`${name}\` ${about}`, ...subjects.map((subject) => word(find(runs, name, subject)))]);
  const kept = subjects.map((subject) => {
    const own = runs[subject].cells.filter((cell) => cell.word !== 'n/a');
    return `${own.filter((cell) => cell.word === 'kept').length} of ${own.length}`;
  });
  const measured = subjects.map((subject) => {
    const { versions, about } = runs[subject];
    const named = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
    return `- ${LIBRARIES[subject].title}: ${named.length > 0 ? `${named.join(', ')}; ` : ''}commit ${about.commit}, ${about.date.slice(0, 10)}, Node ${about.node}, Chromium ${about.chromium}.`;
  });
  const reasons = subjects.flatMap((subject) => {
    const own = SCENARIOS.map(({ name }) => find(runs, name, subject)).filter((cell) => cell && cell.word !== 'n/a');
    return [`### ${LIBRARIES[subject].title}`, '', ...own.map(({ scenario, word: found, why, once }) => `- \`${scenario}\`: ${found}: ${why}${once ? ` (at another try ${once})` : ''}.`), ''];
  });
  return [...measured, '', line(head), line(head.map(() => '---')), ...rows.map(line), line(['kept, of those that apply', ...kept]), '', ...reasons].join('\n');
}
