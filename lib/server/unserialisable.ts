/**
 * Finds what in a value keeps it from being JSON, to name it in an error. Runs only after JSON.stringify has thrown. What code of
 * the value threw is not quoted: it has seen the value, which may come from an input.
 */
import { describeThrown } from '../internal/describe.js';

/** Values looked at; beyond it the answer stays general. */
const MAX_VISITED = 10_000;

interface Step {
  value: unknown;
  path: string;
  parents: readonly object[];
}

/** `data.guests[3].age is a BigInt`, or where it was thrown. */
export function whyUnserialisable(field: string, root: unknown, thrown: unknown): string {
  try {
    return search(field, root) ?? `${field}: ${describeThrown(thrown)}`;
  } catch {
    return `${field}: ${describeThrown(thrown)}`;
  }
}

function search(field: string, root: unknown): string | undefined {
  const todo: Step[] = [{ value: root, path: field, parents: [] }];
  for (let visited = 0; todo.length > 0 && visited < MAX_VISITED; visited++) {
    const { path, parents, value: raw } = todo.pop() as Step;
    let value = raw;
    if (typeof value === 'bigint') return `${path} is a BigInt; write it as a string or a number`;
    if (typeof value !== 'object' || value === null) continue;
    if (parents.includes(value)) return `${path} is a cycle: it holds the object it is in`;
    try {
      if ('toJSON' in value && typeof value.toJSON === 'function') value = (value.toJSON as () => unknown)();
    } catch (thrown) {
      return `${path}.toJSON() threw: ${describeThrown(thrown)}`;
    }
    if (typeof value === 'bigint') return `${path}.toJSON() gave a BigInt`;
    if (typeof value !== 'object' || value === null) continue;
    const found = pushChildren(todo, value, path, [...parents, raw as object]);
    if (found) return found;
  }
  return undefined;
}

function pushChildren(todo: Step[], value: object, path: string, parents: readonly object[]): string | undefined {
  for (const key of Object.keys(value)) {
    const at = Array.isArray(value) ? `${path}[${key}]` : `${path}.${key}`;
    try {
      todo.push({ value: (value as Record<string, unknown>)[key], path: at, parents });
    } catch (thrown) {
      return `${at} threw when it was read: ${describeThrown(thrown)}`;
    }
  }
  return undefined;
}
