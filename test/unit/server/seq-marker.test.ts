/**
 * An action that only the transformer can write is cut where its `seq` will stand: a number put there for the moment must
 * be in the text exactly once. A transformer that writes it twice cannot be cut, and a wrong seq would go out.
 */
import { encodeAction } from '../../../lib/server/encode-action.js';
import { createCodec } from '../../../lib/server/transformer.js';

const input = { type: 'update', module: 'guests', entityId: '1', companyId: 'acme', userId: 'u', queryPaths: ['guests.getAll'], data: { at: new Date(5) } };

/** Dates as { date }, in a wrap, as superjson does; `more` is written beside what it is given. */
const transformer = (more: (value: unknown) => object) => {
  const mark = (value: unknown): unknown => {
    if (value instanceof Date) return { date: value.getTime() };
    if (Array.isArray(value)) return value.map(mark);
    if (typeof value === 'object' && value !== null) return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, mark(part)]));
    return value;
  };
  return {
    serialize: (value: unknown) => ({ json: mark(value), ...more(value) }),
    deserialize: (value: unknown) => (value as { json: unknown }).json,
  };
};
const hasDate = (value: unknown): value is { data: { at: Date }; seq?: number } =>
  typeof value === 'object' && value !== null && 'data' in value && (value as { data?: { at?: unknown } }).data?.at instanceof Date;
const contextOf = (more: (value: unknown) => object) =>
  ({ codec: createCodec(transformer(more)), modules: undefined, now: () => 1, newId: () => 'id' }) as never;

test('a seq that is in the text once is where it is cut', () => {
  const { transformed } = encodeAction(input, contextOf((value) => (hasDate(value) ? { meta: ['data.at'] } : {})));
  expect(JSON.parse(`${transformed!.head}7${transformed!.tail}`)).toMatchObject({ json: { seq: 7, data: { at: { date: 5 } } }, meta: ['data.at'] });
});

test('one that is there twice is refused', () => {
  const twice = contextOf((value) => (hasDate(value) && value.seq !== undefined ? { meta: ['data.at'], seq: value.seq } : {}));
  expect(() => encodeAction(input, twice)).toThrow(expect.objectContaining({ code: 'NOT_SERIALIZABLE' }));
});
