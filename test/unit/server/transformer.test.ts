/** Probing the app's transformer: which form it has, and what is refused at start. */
import superjson from 'superjson';
import { createCodec, envelope } from '../../../lib/server/transformer.js';

const identity = { serialize: (value: unknown) => value, deserialize: (value: unknown) => value };
/** Like devalue: a flat list of all values, referred to by index. */
const flat = {
  serialize: (value: unknown) => {
    const list: unknown[] = [];
    const put = (item: unknown): number => {
      const at = list.push(null) - 1;
      if (item instanceof Date) list[at] = ['date', item.getTime()];
      else if (Array.isArray(item)) list[at] = ['list', item.map(put)];
      else if (typeof item === 'object' && item !== null)
        list[at] = ['map', Object.entries(item).map(([key, inner]) => [key, put(inner)])];
      else list[at] = ['is', item];
      return at;
    };
    put(value);
    return list;
  },
  deserialize: (value: unknown) => {
    const list = value as [string, unknown][];
    const get = (at: number): unknown => {
      const [kind, item] = list[at] as [string, unknown];
      if (kind === 'date') return new Date(item as number);
      if (kind === 'list') return (item as number[]).map(get);
      if (kind === 'map')
        return Object.fromEntries((item as [string, number][]).map(([key, inner]) => [key, get(inner)]));
      return item;
    };
    return get(0);
  },
};

test('none', () => {
  expect(createCodec(undefined)).toMatchObject({ form: 'none', wrap: null });
});

test('superjson wraps', () => {
  expect(createCodec(superjson)).toMatchObject({ form: 'wrapped', wrap: ['{"json":', '}'] });
});

test('the output half counts', () => {
  const broken = {
    serialize: () => {
      throw new Error('input half');
    },
    deserialize: () => undefined,
  };
  expect(createCodec({ input: broken, output: superjson }).wrap).toEqual(['{"json":', '}']);
});

test('a transformer that changes nothing is an empty wrap', () => {
  expect(createCodec(identity)).toMatchObject({ form: 'wrapped', wrap: ['', ''] });
});

test('another form goes through an envelope, and dates survive it', () => {
  const codec = createCodec(flat);
  expect(codec).toMatchObject({ form: 'enveloped', wrap: ['', ''] });
  const event = { type: 'update', data: 'as plain JSON', seq: 3 };
  const [prefix, suffix] = envelope(codec, { data: { at: new Date(7) } });
  expect(codec.decode(prefix + JSON.stringify(event) + suffix)).toEqual({ ...event, data: { at: new Date(7) } });
  expect(codec.decode('{"type":"hello","e":1}')).toEqual({ type: 'hello', e: 1 });
});

test.each<[string, unknown]>([
  ['no functions', { serialize: 1, deserialize: 2 }],
  ['null', null],
  ['half', { serialize: () => 1 }],
  ['an output half that is none', { input: superjson, output: null }],
  [
    'one that throws',
    {
      serialize: () => {
        throw new Error('no');
      },
      deserialize: () => 1,
    },
  ],
  ['one that loses data', { serialize: () => ({}), deserialize: () => ({}) }],
  ['a string', 'superjson'],
])('%s is refused', (_name, transformer) => {
  expect(() => createCodec(transformer as never)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }) as Error);
});
