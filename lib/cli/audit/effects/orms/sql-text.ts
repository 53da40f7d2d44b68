/** The tables that a piece of SQL writes. */
import type { Write } from '../../report.js';

export interface SqlWrite {
  table: string;
  /** With its schema, where the text says one. */
  full: string;
  operation: Write['operation'];
  /** Not the first of its statement: `WITH gone AS (DELETE …) INSERT …`. */
  nested?: true;
}

const NAME = String.raw`((?:["\`\[]?[\w$\u0001]+["\`\]]?\.)?["\`\[]?[\w$\u0001]+["\`\]]?)`;
const WRITES: readonly [RegExp, SqlWrite['operation']][] = [
  [new RegExp(String.raw`\b(?:insert|replace)\s+(?:(?:or\s+\w+|ignore|low_priority|delayed)\s+)?into\s+${NAME}`, 'gi'), 'insert'],
  [new RegExp(String.raw`\bupdate\s+(?:only\s+|or\s+\w+\s+)?${NAME}(?:\s+(?:as\s+)?\w+)?\s+set\b`, 'gi'), 'update'],
  [new RegExp(String.raw`\bdelete\s+from\s+(?:only\s+)?${NAME}`, 'gi'), 'delete'],
  [new RegExp(String.raw`\btruncate\s+(?:table\s+)?(?:only\s+)?${NAME}`, 'gi'), 'delete'],
  // ClickHouse changes and deletes rows so.
  [new RegExp(String.raw`\balter\s+table\s+${NAME}\s+(?:on\s+cluster\s+\S+\s+)?delete\s+where\b`, 'gi'), 'delete'],
  [new RegExp(String.raw`\balter\s+table\s+${NAME}\s+(?:on\s+cluster\s+\S+\s+)?update\b`, 'gi'), 'update'],
  [new RegExp(String.raw`\bmerge\s+into\s+${NAME}`, 'gi'), 'upsert'],
];
const STATEMENT = /^[\s(]*(insert|replace|update|delete|truncate|merge|alter|with)\b/i;

/** Stands in the text for an interpolated part: `\u0001` and its number. */
export const hole = (index: number): string => `\u0001${index}`;

/** Writes in the order of the text. Comments and string literals are not read; text that is no writing statement has none. */
export function writesInSql(text: string): SqlWrite[] {
  const withoutText = text.replace(/--[^\n]*/g, ' ').replace(/\/\*[\s\S]*?\*\//g, ' ').replace(/'(?:[^']|'')*'/g, "''");
  const found: SqlWrite[] = [];
  for (const statement of withoutText.split(';')) {
    if (STATEMENT.test(statement)) {
      const own: (SqlWrite & { at: number })[] = [];
      const upsert = /\bon\s+conflict\b[\s\S]*\bdo\s+update\b|\bon\s+duplicate\s+key\s+update\b/i.test(statement);
      for (const [pattern, operation] of WRITES) {
        for (const match of statement.matchAll(pattern)) {
          const table = bare(match[1] ?? '?');
          if (/^(set|select|values)$/i.test(table)) continue;
          own.push({ table, full: plain(match[1] ?? '?'), operation: operation === 'insert' && upsert ? 'upsert' : operation, at: match.index });
        }
      }
      own.sort((a, b) => a.at - b.at);
      found.push(...own.map(({ table, full, operation }, index): SqlWrite => ({ table, full, operation, ...(index > 0 ? { nested: true } : {}) })));
    }
  }
  return found;
}

/** Whether the text opens (`begin`) or ends (`end`) a transaction. */
export function transactionMark(text: string): 'begin' | 'end' | undefined {
  if (/^\s*(begin|start\s+transaction)\b/i.test(text)) return 'begin';
  return /^\s*(commit|rollback|end)\s*;?\s*$/i.test(text) ? 'end' : undefined;
}

/** Writes anywhere in a text: the body of a function or trigger. */
export function writesAnywhere(text: string): SqlWrite[] {
  const body = text.replace(/'(?:[^']|'')*'/g, "''");
  return WRITES.flatMap(([pattern, operation]) =>
    [...body.matchAll(pattern)].flatMap((match): SqlWrite[] => {
      const table = bare(match[1] ?? '?');
      return /^(set|select|values|of|on)$/i.test(table) ? [] : [{ table, full: plain(match[1] ?? '?'), operation }];
    }),
  );
}

const plain = (name: string): string => name.replace(/["`[\]]/g, '');

/** The last part of a name, without quotes. */
function bare(name: string): string {
  const parts = name.split('.');
  return (parts.at(-1) ?? name).replace(/["`[\]]/g, '');
}
