import type { AuditReport } from '../report.js';

/** Each part of the report, and each member of a list, on a line of its own: made for programs, readable in a diff. */
export function toJson(report: AuditReport): string {
  const parts = Object.entries(report).map(([name, value]: [string, unknown]) => {
    if (!Array.isArray(value) || value.length === 0) return `${JSON.stringify(name)}:${JSON.stringify(value)}`;
    return `${JSON.stringify(name)}:[\n${value.map((item) => `  ${JSON.stringify(item)}`).join(',\n')}\n]`;
  });
  return `{\n${parts.join(',\n')}\n}\n`;
}
