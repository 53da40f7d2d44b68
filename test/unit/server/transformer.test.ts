/** Probing the app's transformer: which form it has, and what is refused at start. */
import superjson from 'superjson';
import { createCodec, envelope } from '../../../lib/server/transformer.js';
import { flatTransformer } from '../../support/flat-transformer.js';

const identity = { serialize: (value: unknown) => value, deserialize: (value: unknown) => value };
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
  const codec = createCodec(flatTransformer);
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
