import type { Value } from '../../model.js';

/** The strings a value may be; undefined where it may be something else too. */
export function stringsOf(value: Value): string[] | undefined {
  if (value.kind === 'string') return [value.text];
  if (value.kind !== 'choice') return undefined;
  const found: string[] = [];
  for (const option of value.options) {
    const strings = stringsOf(option);
    if (strings === undefined) return undefined;
    found.push(...strings);
  }
  return found;
}
