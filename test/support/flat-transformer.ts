/**
 * A transformer that is not prefix + JSON + suffix, after the manner of devalue: a flat list of all values, which refer
 * to each other by index.
 */
import type { TransformerLike } from '../../lib/server/options.js';

function serialize(value: unknown): [kind: string, value: unknown][] {
  const list: [string, unknown][] = [];
  const put = (item: unknown): number => {
    const at = list.push(['is', item]) - 1;
    if (item instanceof Date) list[at] = ['date', item.getTime()];
    else if (Array.isArray(item)) list[at] = ['list', item.map(put)];
    else if (typeof item === 'object' && item !== null) {
      list[at] = [
        'map',
        Object.entries(item).flatMap(([key, inner]) => (inner === undefined ? [] : [[key, put(inner)]])),
      ];
    }
    return at;
  };
  put(value);
  return list;
}

function deserialize(value: unknown): unknown {
  const list = value as [kind: string, value: unknown][];
  const get = (at: number): unknown => {
    const [kind, item] = list[at] ?? ['is', undefined];
    if (kind === 'date') return new Date(item as number);
    if (kind === 'list') return (item as number[]).map(get);
    if (kind === 'map')
      return Object.fromEntries((item as [string, number][]).map(([key, inner]) => [key, get(inner)]));
    return item;
  };
  return get(0);
}

export const flatTransformer: TransformerLike = { serialize, deserialize };
