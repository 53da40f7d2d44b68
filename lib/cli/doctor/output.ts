/** What a person reads of a visit, at 80 columns and more. */
import type { Colours } from '../terminal/colours.js';
import { wrap } from '../terminal/text.js';
import type { DoctorReport } from './report.js';
import type { Severity } from './findings.js';

export function toText({ findings, checked, notChecked }: DoctorReport, width: number, c: Colours): string {
  const columns = Math.max(40, Math.min(width, 100));
  const style: Record<Severity, (text: string) => string> = { error: c.red, warning: c.yellow, info: c.cyan };
  const lines: string[] = [];
  /** `first` before the first line, as many blanks before the others. */
  const text = (first: string, said: string, paint = (line: string): string => line): void => {
    const indent = ' '.repeat(first.length);
    wrap(said, columns - first.length).forEach((line, n) => lines.push(`${n === 0 ? first : indent}${paint(line)}`));
  };
  for (const { id, severity, what, remedy } of findings) {
    lines.push(`${style[severity](c.bold(severity))} ${c.bold(id)}`);
    text('  ', what);
    text('  → ', remedy);
    lines.push('');
  }
  if (checked.length > 0) lines.push(c.bold('Looked at'));
  for (const one of checked) text('  ✓ ', one);
  if (notChecked.length > 0) lines.push(...(checked.length > 0 ? [''] : []), c.bold('Not looked at'));
  for (const one of notChecked) text('  - ', one, c.dim);
  lines.push('', verdict(findings, c));
  return `${lines.join('\n')}\n`;
}

function verdict(findings: DoctorReport['findings'], c: Colours): string {
  const count = (severity: Severity): number => findings.filter((one) => one.severity === severity).length;
  const parts = ([['error', 'errors'], ['warning', 'warnings'], ['info', 'hints']] as const).flatMap(([severity, plural]) => {
    const n = count(severity);
    return n === 0 ? [] : [`${n} ${n === 1 ? plural.slice(0, -1) : plural}`];
  });
  if (parts.length === 0) return c.green('No findings.');
  const text = `${parts.join(', ')}.`;
  return count('error') > 0 ? c.red(text) : count('warning') > 0 ? c.yellow(text) : text;
}
