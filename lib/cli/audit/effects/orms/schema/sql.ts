/** Foreign keys, triggers and views out of SQL: migrations in files, and such text in the code. */
import { actionOf, noFacts, type SchemaFacts, type TriggerFact } from './facts.js';
import { viewsInSql } from '../sql-reads.js';
import { writesAnywhere } from '../sql-text.js';

const NAME = String.raw`((?:["\`\[]?[\w$]+["\`\]]?\s*\.\s*)?["\`\[]?[\w$]+["\`\]]?)`;
const plainName = (name: string): string => name.replace(/["`[\]\s]/g, '');

/** Whether a text may say something of the kind, before it is read. */
export const saysOfSchema = (text: string): boolean => /\bon\s+delete\s+(?:cascade|set\s)|\btrigger\b|\bcreate\s[^;(]*\bview\b/i.test(text);

const STATEMENTS = new RegExp(
  [
    String.raw`\bcreate\s+table\s+(?:if\s+not\s+exists\s+)?${NAME}\s*\(`,
    String.raw`\balter\s+table\s+(?:if\s+exists\s+)?(?:only\s+)?${NAME}`,
    String.raw`\bdrop\s+table\s+(?:if\s+exists\s+)?${NAME}`,
    String.raw`\bcreate\s+(?:or\s+replace\s+)?(?:constraint\s+|temp\s+)?trigger\s+(?:if\s+not\s+exists\s+)?${NAME}`,
    String.raw`\bdrop\s+trigger\s+(?:if\s+exists\s+)?${NAME}`,
    String.raw`\bcreate\s+(?:or\s+replace\s+)?function\s+${NAME}`,
  ].join('|'),
  'gi',
);
const REFERENCES = new RegExp(
  String.raw`(?:constraint\s+${NAME}\s+)?(?:foreign\s+key\s*\([^)]*\)\s*)?\breferences\s+${NAME}\s*(?:\([^)]*\))?((?:\s+(?:on\s+(?:delete|update)\s+(?:cascade|restrict|no\s+action|set\s+null(?:\s*\([^)]*\))?|set\s+default)|match\s+\w+|deferrable|not\s+deferrable|initially\s+\w+))*)`,
  'gi',
);

interface Key {
  from: string;
  to: string;
  constraint: string | undefined;
  onDelete: 'cascade' | 'set null';
}

/** `texts` in the order in which they were run: what a later one drops is gone. */
export function sqlFacts(texts: readonly string[]): SchemaFacts {
  const facts = noFacts();
  let keys: Key[] = [];
  const functions = new Map<string, TriggerFact['writes']>();
  const triggers = new Map<string, Omit<TriggerFact, 'writes'> & { calls: string | undefined; body: string }>();
  for (const text of texts) {
    const plain = text.replace(/--[^\n]*/g, ' ').replace(/\/\*[\s\S]*?\*\//g, ' ');
    for (const { name, reads } of viewsInSql(plain)) facts.views.push({ name, reads: reads.map(({ full }) => full) });
    const found = [...plain.matchAll(STATEMENTS)];
    found.forEach((match, index) => {
      const [, created, altered, dropped, trigger, goneTrigger, fn] = match;
      const statement = plain.slice(match.index, found[index + 1]?.index);
      const table = created ?? altered;
      if (table !== undefined) {
        for (const gone of statement.matchAll(new RegExp(String.raw`\bdrop\s+(?:constraint|foreign\s+key)\s+(?:if\s+exists\s+)?${NAME}`, 'gi'))) {
          keys = keys.filter(({ constraint }) => constraint !== plainName(gone[1] ?? ''));
        }
        keys.push(...keysIn(statement, plainName(table)));
      } else if (dropped !== undefined) keys = keys.filter(({ from }) => from !== plainName(dropped));
      else if (goneTrigger !== undefined) triggers.delete(plainName(goneTrigger));
      else if (fn !== undefined) functions.set(plainName(fn), writesAnywhere(bodyOf(statement)));
      else if (trigger !== undefined) {
        const one = triggerIn(statement, plainName(trigger));
        if (one) triggers.set(one.name, one);
      }
    });
  }
  facts.keys = keys.map(({ from, to, onDelete }) => ({ from, to, onDelete }));
  for (const { calls, body, ...trigger } of triggers.values()) {
    const writes = calls === undefined ? writesAnywhere(body) : (functions.get(calls) ?? functions.get(calls.split('.').at(-1) ?? calls) ?? []);
    if (writes.length > 0) facts.triggers.push({ ...trigger, writes });
  }
  return facts;
}

function keysIn(statement: string, from: string): Key[] {
  return [...statement.matchAll(REFERENCES)].flatMap(([, constraint, to = '', rest = '']): Key[] => {
    const onDelete = actionOf(/on\s+delete\s+(cascade|set\s+null|set\s+default)/i.exec(rest)?.[1]);
    return onDelete ? [{ from, to: plainName(to), onDelete, constraint: constraint === undefined ? undefined : plainName(constraint) }] : [];
  });
}

/** The text between `$$` and `$$`, or all of it. */
function bodyOf(statement: string): string {
  return /(\$\w*\$)([\s\S]*?)\1/.exec(statement)?.[2] ?? statement;
}

function triggerIn(statement: string, name: string): (Omit<TriggerFact, 'writes'> & { calls: string | undefined; body: string }) | undefined {
  const head = new RegExp(String.raw`\b(?:before|after|instead\s+of)\s+([\s\S]*?)\s+on\s+${NAME}`, 'i').exec(statement);
  if (!head) return undefined;
  const on = (['insert', 'update', 'delete'] as const).filter((one) => new RegExp(String.raw`\b${one}\b`, 'i').test(head[1] ?? ''));
  const calls = new RegExp(String.raw`\bexecute\s+(?:function|procedure)\s+${NAME}`, 'i').exec(statement)?.[1];
  // The statement's own head says UPDATE … ON too.
  const body = statement.slice(head.index + head[0].length);
  return { name, table: plainName(head[2] ?? ''), on, calls: calls === undefined ? undefined : plainName(calls), body };
}
