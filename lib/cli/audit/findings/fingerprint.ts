import { createHash } from 'node:crypto';
import { RULES, type Finding, type Place, type Rule, type Severity } from '../report.js';

export interface Found {
  rule: Rule;
  place: Place;
  message: string;
  subject?: string | undefined;
  /** What tells it apart from other findings of the rule on the same subject: a path, a table. No line numbers. */
  detail?: string;
  /** Default: the rule's. */
  severity?: Severity;
}

/** A finding with its fingerprint. Two alike share one: a baseline counts them. */
export function finding({ rule, place, message, subject, detail = '', severity = RULES[rule] }: Found): Finding {
  const identity = JSON.stringify([rule, place.file, subject ?? '', detail]);
  return {
    rule,
    severity,
    message,
    file: place.file,
    line: place.line,
    column: place.column,
    ...(subject === undefined ? {} : { subject }),
    fingerprint: createHash('sha256').update(identity).digest('hex').slice(0, 20),
  };
}

export const placeOf = ({ file, line, column }: Place): Place => ({ file, line, column });

export const samePlace = (a: Place, b: Place): boolean =>
  a.file === b.file && a.line === b.line && a.column === b.column;

export const placeKey = ({ file, line, column }: Place): string => `${file}:${line}:${column}`;
