/** Whether a condition tests that something optional is there, by its text: `userId && clientId`, `input.userId != null`. */

const CHAIN = String.raw`[\p{L}_$][\p{L}\p{N}_$]*(?:(?:\?\.|!?\.)[\p{L}_$][\p{L}\p{N}_$]*|\[[^\]]*\])*!?`;
const PRESENT = [
  new RegExp(`^(?:!!)?${CHAIN}$`, 'u'),
  new RegExp(`^Boolean\\(${CHAIN}\\)$`, 'u'),
  new RegExp(`^${CHAIN}\\s*!==?\\s*(?:null|undefined|'undefined'|""|'')$`, 'u'),
  new RegExp(`^(?:null|undefined)\\s*!==?\\s*${CHAIN}$`, 'u'),
  new RegExp(`^typeof\\s+${CHAIN}\\s*(?:!==?\\s*'undefined'|===?\\s*'(?:string|object|number)')$`, 'u'),
];
/** Names of facts rather than of things: what did happen, and settings. */
const FACT =
  /^(?:(?:is|has|had|should|can|did|was|were|needs|must|any|some)(?:[A-Z_]|$)|(?:ok|success|succeeded|changed|updated|created|deleted|removed|inserted|modified|dirty|length|size|count|enabled|affected|total|rowCount|affectedRows)$|(?:.*(?:Changed|Updated|Created|Deleted|Count|Length|Succeeded|Enabled|Affected|Flag|Dirty))$)/;

/** The part that tests for something optional; undefined where none does. */
export function optionalPart(condition: string): string | undefined {
  for (const part of conjuncts(condition)) {
    if (!PRESENT.some((pattern) => pattern.test(part))) continue;
    const names = part.match(/[\p{L}_$][\p{L}\p{N}_$]*/gu)?.filter((name) => !WORDS.has(name)) ?? [];
    const last = names.at(-1);
    if (last !== undefined && !FACT.test(last)) return part;
  }
  return undefined;
}

const WORDS = new Set(['null', 'undefined', 'typeof', 'Boolean', 'string', 'object', 'number']);

/** Operands of `&&` at the top, without the brackets around them. */
function conjuncts(text: string): string[] {
  const trimmed = unwrap(text.trim());
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let at = 0; at < trimmed.length; at++) {
    const char = trimmed.charAt(at);
    if ('([{'.includes(char)) depth++;
    else if (')]}'.includes(char)) depth--;
    else if (depth === 0 && trimmed.startsWith('&&', at)) {
      parts.push(trimmed.slice(start, at));
      start = at + 2;
      at++;
    }
  }
  if (parts.length === 0) return [trimmed];
  parts.push(trimmed.slice(start));
  return parts.flatMap(conjuncts);
}

function unwrap(text: string): string {
  let inner = text;
  while (inner.startsWith('(') && inner.endsWith(')') && closes(inner)) inner = inner.slice(1, -1).trim();
  return inner;
}

/** Whether the first bracket is closed by the last character. */
function closes(text: string): boolean {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    if (text.charAt(at) === '(') depth++;
    else if (text.charAt(at) === ')' && --depth === 0) return at === text.length - 1;
  }
  return false;
}
