/** The tables that a piece of SQL reads. Of a text that is only a part of a statement, those that stand in it. */

export interface SqlRead {
  table: string;
  /** With its schema, where the text says one. */
  full: string;
  /** A function of the database that gives rows: `FROM visible_guests(1)`. */
  isFunction?: true;
}

/** Functions of rows that databases bring along: what they read is what they are given. */
const OWN_FUNCTIONS =
  /^(generate_\w+|unnest|jsonb?_\w+|regexp_\w+|string_to_table|string_split|xmltable|openjson|pg_\w+|numbers(_mt)?|zeros(_mt)?|values|range|flatten|table|rows|cube|rollup|sets|merge|remote\w*|url|file|s3\w*|dictionary|view|null|input|generate\w*|ts_stat|ts_parse|ts_token_type|crosstab\w*|json_?each|json_?tree|containstable|freetexttable|lateral|unnest_\w+|array\w*|split_part|sequence)$/;

interface Token {
  kind: 'word' | 'quoted' | 'mark';
  /** Words in lower case. */
  text: string;
  /** As it is written. */
  own: string;
}

const TOKENS =
  /--[^\n]*|\/\*[\s\S]*?\*\/|(\$\w*\$)[\s\S]*?\1|'(?:[^']|'')*'|"((?:[^"]|"")+)"|`([^`]+)`|([\p{L}_\u0001][\p{L}\p{N}_$\u0001]*)|\d[\w.]*|([().,;[\]])|[^\s]/gu;
/** In their brackets FROM is a word of the function: `extract(year FROM at)`. */
const FUNCTIONS_WITH_FROM = new Set(['extract', 'substring', 'trim', 'overlay', 'position', 'date_part', 'ltrim', 'rtrim', 'btrim']);
/** End the list of tables that a FROM begins. */
const ENDS = new Set(['where', 'group', 'having', 'order', 'limit', 'offset', 'fetch', 'window', 'union', 'intersect', 'except', 'set', 'select', 'values', 'returning', 'for', 'when', 'do']);
/** Stand before a table's name. */
const BEFORE = new Set(['only', 'lateral']);
/** No name of a table stands after these: `DELETE FROM guests` writes it. */
const WRITES_FROM = new Set(['delete']);

/** Within one pair of brackets, or outside of all. */
interface Level {
  inFrom: boolean;
  expects: boolean;
  isFunction: boolean;
  start: number;
}

interface Common {
  name: string;
  /** Between these tokens the name stands for it. */
  from: number;
  to: number;
}

export function readsInSql(text: string): SqlRead[] {
  if (!/\b(?:from|join|using|table)\b/i.test(text)) return [];
  const tokens = tokensOf(text);
  const ends = bracketsOf(tokens);
  const commons = commonTables(tokens, ends);
  const found: SqlRead[] = [];
  const levels: Level[] = [{ inFrom: false, expects: false, isFunction: false, start: -1 }];
  for (let at = 0; at < tokens.length; at++) {
    const token = tokens[at];
    const level = levels.at(-1);
    if (token === undefined || level === undefined) break;
    if (token.text === '(' && token.kind === 'mark') {
      const before = tokens[at - 1];
      // A list of tables may stand in brackets: `FROM (a JOIN b ON …)`.
      const first = tokens[at + 1]?.text;
      const isList = level.expects && first !== 'select' && first !== 'with' && first !== 'values';
      levels.push({ inFrom: isList, expects: isList, isFunction: before?.kind === 'word' && FUNCTIONS_WITH_FROM.has(before.text), start: at });
      level.expects = false;
      continue;
    }
    if (token.text === ')' && token.kind === 'mark') {
      if (levels.length > 1) levels.pop();
      continue;
    }
    if (token.text === ';' && token.kind === 'mark') {
      Object.assign(level, { inFrom: false, expects: false });
      continue;
    }
    if (token.text === ',' && token.kind === 'mark') {
      level.expects = level.inFrom;
      continue;
    }
    if (level.expects && token.kind !== 'mark') {
      if (token.kind === 'word' && BEFORE.has(token.text)) continue;
      level.expects = false;
      const name = nameAt(tokens, at);
      at = name.end;
      const isCall = tokens[at + 1]?.text === '(' && tokens[at + 1]?.kind === 'mark';
      if (token.kind === 'word' && ENDS.has(token.text)) continue;
      if (isCall) {
        if (!OWN_FUNCTIONS.test(name.table.toLowerCase()) && !name.table.includes('\u0001')) found.push({ table: name.table, full: name.full, isFunction: true });
        continue;
      }
      const isCommon = name.full === name.table && commons.some((one) => one.name === name.table.toLowerCase() && one.from <= at && at <= one.to);
      if (!isCommon) found.push({ table: name.table, full: name.full });
      continue;
    }
    if (token.kind !== 'word') continue;
    const before = tokens[at - 1]?.text;
    switch (token.text) {
      case 'from':
        if (level.isFunction || WRITES_FROM.has(before ?? '') || isDistinctFrom(tokens, at)) break;
        Object.assign(level, { inFrom: true, expects: true });
        break;
      case 'join':
        // ClickHouse: `ARRAY JOIN tags AS tag` names columns.
        if (before === 'array') break;
        Object.assign(level, { inFrom: true, expects: true });
        break;
      case 'using':
        // `JOIN b USING (id)` names columns; `DELETE FROM a USING b` and `MERGE INTO a USING b` a table.
        if (tokens[at + 1]?.text !== '(' || tokens[at + 2]?.text === 'select') Object.assign(level, { inFrom: true, expects: true });
        break;
      case 'table':
        if (before === undefined || before === '(' || before === ';') level.expects = true;
        break;
      default:
        if (ENDS.has(token.text)) level.inFrom = false;
    }
  }
  return distinct(found);
}

const distinct = (found: readonly SqlRead[]): SqlRead[] => [...new Map(found.map((read) => [read.full, read])).values()];

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  for (const [whole, , quoted, ticked, word, mark] of text.matchAll(TOKENS)) {
    const name = quoted ?? ticked;
    if (name !== undefined) tokens.push({ kind: 'quoted', text: name.toLowerCase(), own: name });
    else if (word !== undefined) tokens.push({ kind: 'word', text: word.toLowerCase(), own: word });
    else if (mark !== undefined) tokens.push({ kind: 'mark', text: mark, own: mark });
    else if (!/^(?:--|\/\*)/.test(whole)) tokens.push({ kind: 'mark', text: '', own: whole });
  }
  return tokens;
}

/** Where each bracket closes, by where it opens. */
function bracketsOf(tokens: readonly Token[]): Map<number, number> {
  const open: number[] = [];
  const ends = new Map<number, number>();
  tokens.forEach(({ kind, text }, at) => {
    if (kind !== 'mark') return;
    if (text === '(') open.push(at);
    const start = text === ')' ? open.pop() : undefined;
    if (start !== undefined) ends.set(start, at);
  });
  return ends;
}

/** `[schema.]name` from `at` on. `[name]` is a name to one database and a place of a list to others: here a name is awaited. */
function nameAt(tokens: readonly Token[], start: number): SqlRead & { end: number } {
  const parts = [tokens[start]?.own ?? '?'];
  let at = start;
  while (tokens[at + 1]?.text === '.' && tokens[at + 2] !== undefined && tokens[at + 2]?.kind !== 'mark') {
    at += 2;
    parts.push(tokens[at]?.own ?? '?');
  }
  return { table: parts.at(-1) ?? '?', full: parts.join('.'), end: at };
}

/** `a IS NOT DISTINCT FROM b` */
function isDistinctFrom(tokens: readonly Token[], at: number): boolean {
  return tokens[at - 1]?.text === 'distinct' && /^(?:is|not)$/.test(tokens[at - 2]?.text ?? '');
}

/** `WITH name [(columns)] AS [[NOT] MATERIALIZED] (…)`: what the name stands for, and where. A table of that name is meant before and within. */
function commonTables(tokens: readonly Token[], ends: ReadonlyMap<number, number>): Common[] {
  const found: Common[] = [];
  tokens.forEach(({ kind, text }, at) => {
    if (kind !== 'word' || text !== 'as') return;
    let body = at + 1;
    while (/^(?:not|materialized)$/.test(tokens[body]?.text ?? '')) body++;
    const end = ends.get(body);
    if (end === undefined) return;
    let name = at - 1;
    if (tokens[name]?.text === ')') name = ([...ends].find(([, close]) => close === name)?.[0] ?? 0) - 1;
    const one = tokens[name];
    const before = tokens[name - 1]?.text ?? '';
    if (one === undefined || one.kind === 'mark' || !/^(?:with|recursive|,)$/.test(before)) return;
    const isRecursive = tokens.slice(0, name).some((token) => token.kind === 'word' && token.text === 'recursive');
    found.push({ name: one.text, from: isRecursive ? name : end, to: scopeEnd(name, ends, tokens.length) });
  });
  return found;
}

/** The end of the brackets that a token stands in. */
function scopeEnd(at: number, ends: ReadonlyMap<number, number>, length: number): number {
  let nearest = length;
  for (const [open, close] of ends) if (open < at && at < close && close < nearest) nearest = close;
  return nearest;
}

/** Views that a text makes, each with what it reads. One that is materialised is a table to those who read it. */
export function viewsInSql(text: string): { name: string; reads: SqlRead[] }[] {
  const head = /\bcreate\s+(?:or\s+replace\s+)?(?:temp(?:orary)?\s+)?(?:recursive\s+)?view\s+(?:if\s+not\s+exists\s+)?((?:["`]?[\w$]+["`]?\s*\.\s*)?["`]?[\w$]+["`]?)[^;]*?\bas\b([^;]*)/gi;
  return [...text.matchAll(head)].map(([, name = '', body = '']) => ({ name: name.replace(/["`\s]/g, ''), reads: readsInSql(body).filter(({ isFunction }) => isFunction !== true) }));
}
