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
  expect(fields({}, 'g7').entityId).toBe('g7');
  expect(fields({}, {}, { id: 5 }).entityId).toBe('5');
  expect(fields({}, [{ id: 'a' }], [{ id: 'b' }]).entityId).toBe('*');
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
