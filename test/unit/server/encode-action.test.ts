/** What a caller may give for an action, what becomes of it, and what each kind of bad input gets. */
import superjson from 'superjson';
import { encodeAction, encodeEphemeral, type EncodeContext } from '../../../lib/server/encode-action.js';
import { createCodec } from '../../../lib/server/transformer.js';
import { isPathcastError } from '../../../lib/protocol/error.js';

const NOW = 1_700_000_000_000;
let warnings: string[] = [];
const context: EncodeContext = {
  modules: undefined,
  codec: createCodec(undefined),
  storesData: true,
  now: () => NOW,
  warn: (field) => warnings.push(field),
};

const good = {
  type: 'update',
  module: 'guests',
  entityId: 'g1',
  companyId: 'acme',
  userId: 'u1',
  queryPaths: ['guests.getAll'],
};

function codeOf(run: () => unknown): [code: string, message: string] {
  try {
    run();
  } catch (error) {
    if (isPathcastError(error)) return [error.code, error.message];
    throw error;
  }
  throw new Error('nothing was thrown');
}
const refusal = (fields: object, over: Partial<EncodeContext> = {}): [string, string] =>
  codeOf(() => encodeAction({ ...good, ...fields }, { ...context, ...over }));

beforeEach(() => {
  warnings = [];
});

describe('a good action', () => {
  test('is stamped, and encoded in the order of the wire', () => {
    const { head, tail, action, companyId } = encodeAction(
      { ...good, data: { a: 1 }, clientId: 'c1', sourceId: 's', toolName: 't', tx: [1] },
      context,
    );
    expect(companyId).toBe('acme');
    expect(action.id).toMatch(/^[0-9a-f-]{36}$/);
    expect(JSON.parse(`${head}7${tail}`)).toEqual({ ...action, data: { a: 1 }, tx: [1], seq: 7 });
    expect(Object.keys(JSON.parse(`${head}7${tail}`) as object)).toEqual([
      'id',
      'type',
      'module',
      'entityId',
      'data',
      'companyId',
      'clientId',
      'userId',
      'sourceId',
      'timestamp',
      'queryPaths',
      'toolName',
      'tx',
      'seq',
    ]);
    expect(action.timestamp).toBe(NOW);
  });

  test('keeps its own id and timestamp', () => {
    const { action } = encodeAction({ ...good, id: 'mine', timestamp: 12.7 }, context);
    expect(action).toMatchObject({ id: 'mine', timestamp: 12 });
  });

  test('null and empty optional fields are absent ones', () => {
    const { action } = encodeAction(
      { ...good, clientId: null, sourceId: '', toolName: undefined, id: null, timestamp: null },
      context,
    );
    expect(Object.keys(action)).toEqual([
      'id',
      'type',
      'module',
      'entityId',
      'companyId',
      'userId',
      'timestamp',
      'queryPaths',
    ]);
  });

  test.each([undefined, null, ''])('a userId of %p goes out as an empty one, with a warning', (userId) => {
    expect(encodeAction({ ...good, userId }, context).action.userId).toBe('');
    expect(warnings).toEqual(['userId']);
  });

  test('reads each field of the input once', () => {
    const reads: Record<string, number> = {};
    const input = new Proxy(
      { ...good, data: 1, tx: 1 },
      {
        get: (target, key: string) => {
          reads[key] = (reads[key] ?? 0) + 1;
          return target[key as keyof typeof target];
        },
      },
    );
    encodeAction(input, context);
    expect(Object.values(reads).every((count) => count === 1)).toBe(true);
  });

  test('data may hold anything that JSON can, line breaks and lone surrogates included', () => {
    const data = { text: 'a\r\nevent: forged\ndata: {}\n\n\0\u2028\ud800', none: undefined };
    const { head, tail } = encodeAction({ ...good, data }, context);
    expect(`${head}1${tail}`).not.toMatch(/[\r\n\0]/);
    expect((JSON.parse(`${head}1${tail}`) as { data: unknown }).data).toEqual({ text: data.text });
  });

  test('the action that travels beside the JSON holds no data', () => {
    expect(encodeAction({ ...good, data: { big: 1 }, tx: 1 }, context).action).not.toHaveProperty('data');
  });
});

describe('bad input', () => {
  test.each([null, undefined, 7, 'x', [], () => 1, Symbol('s'), 1n])('an action that is %p', (input) => {
    expect(codeOf(() => encodeAction(input, context))[0]).toBe('INVALID_FIELD');
  });

  test.each([null, undefined, '', 5, {}, ['acme'], '\ud800', 'x'.repeat(257), 'ü'.repeat(129)])(
    'companyId %p',
    (companyId) => {
      const [code, message] = refusal({ companyId });
      expect(code).toBe('INVALID_COMPANY_ID');
      expect(message).toMatch(/^companyId /);
    },
  );

  test('companyId may look like a key, a path or a prototype', () => {
    for (const companyId of ['a:b', '{x}', '__proto__', 'constructor', 'a.b', '*', 'a\r\nb', ' ']) {
      expect(encodeAction({ ...good, companyId }, context).companyId).toBe(companyId);
    }
  });

  test.each([
    ['type', 'upsert', /type must be one of insert, update, delete, got "upsert"/],
    ['type', undefined, /^type must be/],
    ['module', '', /module must not be empty/],
    ['module', null, /module must be a string, got null/],
    ['entityId', 5, /entityId must be a string, got 5/],
    ['entityId', 'x'.repeat(300), /entityId is too long.*256/],
    ['id', 'a\udfff', /id is not well-formed/],
    ['userId', {}, /userId must be a string, got an object/],
    ['timestamp', 'now', /timestamp must be a Unix time/],
    ['timestamp', NaN, /timestamp/],
    ['timestamp', -1, /timestamp/],
    ['queryPaths', 'guests', /queryPaths must be an array of strings, got "guests"/],
    ['queryPaths', undefined, /queryPaths must be an array/],
    ['queryPaths', [], /queryPaths is empty/],
    ['queryPaths', Array.from({ length: 257 }, () => 'a'), /257 paths; at most 256/],
  ])('%s = %p', (field, value, message) => {
    const [code, text] = refusal({ [field]: value });
    expect(code).toBe('INVALID_FIELD');
    expect(text).toMatch(message);
  });

  test.each([5, null, '', '.', 'a.', '.a', 'a..b', 'a b', 'a.*', '**', 'a\n', 'a,b', 'x'.repeat(257), '\ud800'])(
    'a query path %p',
    (path) => {
      const [code, text] = refusal({ queryPaths: ['guests', path] });
      expect(code).toBe('INVALID_QUERY_PATH');
      expect(text).toMatch(/^queryPaths\[1\]/);
    },
  );

  test.each(['*', 'guests', 'guests.getAll', 'a.b.c.d', 'ünïcode.Ω', 'a-b.c_d.$e~f'])(
    'query path %p is fine',
    (path) => {
      expect(encodeAction({ ...good, queryPaths: [path] }, context).action.queryPaths).toEqual([path]);
    },
  );

  test('a module that is not declared', () => {
    expect(refusal({ module: 'hotels' }, { modules: new Set(['guests', 'budget']) })).toEqual([
      'INVALID_FIELD',
      'module "hotels" is not declared; the hub\'s modules are: guests, budget',
    ]);
  });

  test('an action over 64 KiB', () => {
    expect(refusal({ data: 'x'.repeat(65_536) })).toEqual([
      'ACTION_TOO_LARGE',
      expect.stringMatching(/bytes of JSON \(data: 65538\); at most 65536/),
    ]);
    expect(refusal({ data: '€'.repeat(25_000) })[0]).toBe('ACTION_TOO_LARGE');
    expect(() => encodeAction({ ...good, data: 'x'.repeat(65_000) }, context)).not.toThrow();
  });

  test.each<[string, () => unknown, RegExp]>([
    [
      'a cycle',
      () => {
        const a: Record<string, unknown> = { b: {} };
        a['b'] = { c: a };
        return a;
      },
      /data\.b\.c is a cycle/,
    ],
    ['a BigInt', () => ({ rows: [{}, { age: 5n }] }), /data\.rows\[1\]\.age is a BigInt/],
    ['a BigInt itself', () => 5n, /data is a BigInt/],
    [
      'a toJSON that throws',
      () => ({
        when: {
          toJSON: () => {
            throw new Error('nope');
          },
        },
      }),
      /data\.when\.toJSON\(\) threw: Error at .+encode-action\.test/,
    ],
    [
      'a getter that throws',
      () => ({
        get x() {
          throw new Error('boom');
        },
      }),
      /data\.x threw when it was read: Error at .+encode-action\.test/,
    ],
    [
      'a proxy that throws',
      () =>
        new Proxy(
          {},
          {
            ownKeys: () => {
              throw new Error('trap');
            },
          },
        ),
      /data: Error at .+encode-action\.test/,
    ],
    [
      'depth',
      () => {
        let a: unknown = 1;
        for (let i = 0; i < 100_000; i++) a = [a];
        return a;
      },
      /data/,
    ],
  ])('data with %s', (_name, make, message) => {
    const [code, text] = refusal({ data: make() });
    expect(code).toBe('NOT_SERIALIZABLE');
    expect(text).toMatch(message);
  });

  test('what JSON leaves out is left out', () => {
    for (const data of [undefined, () => 1, Symbol('x')]) {
      const { head, tail } = encodeAction({ ...good, data }, context);
      expect(JSON.parse(`${head}1${tail}`)).not.toHaveProperty('data');
    }
  });
});

describe('with superjson', () => {
  const codec = createCodec(superjson);
  const over = { ...context, codec };
  const decode = (encoded: ReturnType<typeof encodeAction>): unknown => {
    const { head, tail } = encoded.transformed ?? { head: `{"json":${encoded.head}`, tail: `${encoded.tail}}` };
    return codec.decode(`${head}9${tail}`);
  };

  test('plain data needs no second text', () => {
    expect(encodeAction({ ...good, data: { a: [1, 'x', null] } }, over).transformed).toBeUndefined();
    expect(encodeAction(good, over).transformed).toBeUndefined();
  });

  test('dates, maps and undefined arrive as what they were', () => {
    const data = { when: new Date(NOW), set: new Set([1]), none: undefined };
    const encoded = encodeAction({ ...good, data, tx: { at: new Date(1) } }, over);
    expect(decode(encoded)).toEqual({ ...encoded.action, data, tx: { at: new Date(1) }, seq: 9 });
  });

  test('data cannot move the place of seq', () => {
    const data = { when: new Date(NOW), text: '"seq":1', seq: 1, meta: { values: 1 } };
    expect(decode(encodeAction({ ...good, data }, over))).toMatchObject({ data, seq: 9 });
  });

  test('a transformed action over the bound is refused', () => {
    const data = Array.from({ length: 1_500 }, () => new Date(NOW));
    expect(refusal({ data }, { codec })).toEqual([
      'ACTION_TOO_LARGE',
      expect.stringMatching(/through the transformer/),
    ]);
  });
});

describe('for a log that holds no data', () => {
  const over = { ...context, storesData: false };

  test('is the same without its data, and only where it has some', () => {
    const { head, tail, stored } = encodeAction({ ...good, data: { secret: 1 }, tx: 'x' }, over);
    const { data, ...rest } = JSON.parse(`${head}7${tail}`) as Record<string, unknown>;
    expect(data).toEqual({ secret: 1 });
    expect(JSON.parse(`${stored?.head}7${stored?.tail}`)).toEqual(rest);
    expect(rest).toMatchObject({ tx: 'x', seq: 7 });
    expect(encodeAction(good, over).stored).toBeUndefined();
    expect(encodeAction({ ...good, data: { secret: 1 } }, context).stored).toBeUndefined();
  });

  test('what the transformer carries beside the data stays', () => {
    const codec = createCodec(superjson);
    const { stored } = encodeAction({ ...good, data: { at: new Date(5) }, tx: new Date(6) }, { ...over, codec });
    expect(codec.decode(`${stored?.transformed?.head}7${stored?.transformed?.tail}`)).toMatchObject({ tx: new Date(6), seq: 7 });
    const plain = encodeAction({ ...good, data: { at: new Date(5) } }, { ...over, codec });
    expect(plain.transformed).toBeDefined();
    expect(plain.stored?.transformed).toBeUndefined();
    expect(plain.stored?.head).not.toContain('"data"');
  });
});

describe('an ephemeral event', () => {
  test('is whole JSON', () => {
    const { json, companyId } = encodeEphemeral(
      { companyId: 'acme', topic: 'typing', data: { who: 'u' } },
      createCodec(undefined),
      () => NOW,
    );
    expect(companyId).toBe('acme');
    expect(json).toBe(`{"type":"ephemeral","timestamp":${NOW},"queryPaths":[],"topic":"typing","data":{"who":"u"}}`);
  });

  test('without data carries null', () => {
    expect(encodeEphemeral({ companyId: 'a', topic: 't' }, createCodec(undefined), () => 1).json).toMatch(
      /"data":null}$/,
    );
  });

  test('dates survive superjson', () => {
    const codec = createCodec(superjson);
    const { transformedJson } = encodeEphemeral(
      { companyId: 'a', topic: 't', data: { at: new Date(5) } },
      codec,
      () => 1,
    );
    expect(codec.decode(transformedJson ?? '')).toMatchObject({ topic: 't', data: { at: new Date(5) } });
  });

  test.each([
    [{ companyId: '', topic: 't' }, 'INVALID_COMPANY_ID'],
    [{ companyId: 'a', topic: 5 }, 'INVALID_FIELD'],
    [{ companyId: 'a', topic: 't', data: 'x'.repeat(20_000) }, 'ACTION_TOO_LARGE'],
    [{ companyId: 'a', topic: 't', data: 1n }, 'NOT_SERIALIZABLE'],
    [null, 'INVALID_FIELD'],
  ])('%p is refused', (input, code) => {
    expect(codeOf(() => encodeEphemeral(input, createCodec(undefined), () => 1))[0]).toBe(code);
  });
});
