/** The default rules: what they find, and where. */
import { compileRules } from '../../../lib/trpc/rules.js';

const rules = compileRules(undefined);
const given = { module: 'guests', type: 'update' } as const;
const fields = (ctx: unknown, input?: unknown, result?: unknown, type: 'insert' | 'update' = 'update') => {
  const failures: string[] = [];
  const found = rules.fieldsOf({ ctx, input, result, path: 'guests.update' }, { ...given, type }, (error) =>
    failures.push(error.message),
  );
  return { ...found, failures };
};

test.each([
  [{ companyId: 'acme', userId: 'ann' }],
  [{ session: { companyId: 'acme', userId: 'ann' } }],
  [{ user: { companyId: 'acme', id: 'ann' } }],
  [{ session: { user: { companyId: 'acme', id: 'ann' } } }],
  [{ auth: { companyId: 'acme', userId: 'ann' } }],
])('company and user from %j', (ctx) => {
  expect(fields(ctx)).toMatchObject({ companyId: 'acme', userId: 'ann', failures: [] });
});

test('ids that are numbers are text; empty ones are none', () => {
  expect(fields({ companyId: 7, userId: 8n })).toMatchObject({ companyId: '7', userId: '8' });
  expect(fields({ companyId: '', userId: null })).toMatchObject({ companyId: undefined, userId: undefined });
});

test('the entity: of the input, of an insert the result, else all', () => {
  expect(fields({}, { id: 'in' }, { id: 'out' }).entityId).toBe('in');
  expect(fields({}, { id: 'in' }, { id: 'out' }, 'insert').entityId).toBe('out');
  expect(fields({}, { guestId: 'g' }, true).entityId).toBe('g');
  expect(fields({}, {}, { id: 5 }).entityId).toBe('5');
  expect(fields({}, [{ id: 'a' }], [{ id: 'b' }]).entityId).toBe('*');
});

test('what may be a secret is no entity: an input that is a text, and rows that are secrets by their name', () => {
  const entity = (module: string, input: unknown, result?: unknown): string =>
    rules.fieldsOf({ ctx: {}, input, result, path: `${module}.x` }, { module, type: 'insert' }, () => undefined)
      .entityId;
  expect([entity('account', 'hunter2'), entity('account', 4711), entity('account', { token: 't', key: 'k' })]).toEqual([
    '*',
    '*',
    '*',
  ]);
  for (const module of ['sessions', 'apiKeys', 'inviteTokens', 'admin.pins', 'discount_codes', 'invitations'])
    expect([module, entity(module, { id: 's3cret' }, { id: 's3cret' })]).toEqual([module, '*']);
  for (const module of ['guests', 'shippings', 'keyboards']) expect(entity(module, { id: 'g1' })).toBe('g1');
});

test("the database's word on the client comes before the client's", () => {
  expect(fields({}, { clientId: 'made-up' }, { clientId: 'real' }).clientId).toBe('real');
  expect(fields({ clientId: 'session' }, { clientId: 'made-up' }).clientId).toBe('session');
  expect(fields({}, { clientId: 'asked' }, {}).clientId).toBe('asked');
});

test('the tab: from the context, a Node request, a web request', () => {
  const header = { 'x-source-id': 'tab' };
  expect(fields({ sourceId: 'own', req: { headers: header } }).sourceId).toBe('own');
  expect(fields({ req: { headers: header } }).sourceId).toBe('tab');
  expect(fields({ req: { headers: { 'x-source-id': ['tab', 'other'] } } }).sourceId).toBe('tab');
  expect(fields({ request: { headers: new Headers(header) } }).sourceId).toBe('tab');
});

test('a context that throws when it is read gives nothing, and is told', () => {
  const hostile = new Proxy(
    {},
    {
      get: (_target, key) => {
        throw new Error(`no ${String(key)}`);
      },
    },
  );
  const found = fields(hostile, hostile, hostile);
  expect(found).toMatchObject({ companyId: undefined, userId: undefined, clientId: undefined, entityId: '*' });
  expect(found.failures).toContainEqual(expect.stringContaining('the rule companyId threw for "guests.update"'));
});
