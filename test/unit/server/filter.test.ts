/** Filters: checked, and narrowed by a client's query but never widened. */
import { initTRPC, lazy } from '@trpc/server';
import { createHub } from '../../../lib/index.js';
import { engineFilter, narrowByQuery } from '../../../lib/server/filter.js';
import { internalsOf } from '../../../lib/server/internals.js';

test('none', () => {
  expect(engineFilter(undefined, 'u')).toBeUndefined();
  expect(engineFilter({}, 'u')).toBeUndefined();
  expect(engineFilter({ excludeUserId: false }, 'u')).toBeUndefined();
});

test('all parts', () => {
  expect(
    engineFilter(
      {
        clientId: 'c',
        modules: ['a', 'b', 'a'],
        entities: ['1'],
        queryPaths: ['guests', 'budget.getAll', 'guests'],
        excludeSourceId: 's',
        excludeUserId: true,
      },
      'u',
    ),
  ).toEqual({
    clientIds: ['c'],
    modules: ['a', 'b'],
    entities: ['1'],
    queryPaths: ['guests', 'budget.getAll'],
    excludeSourceId: 's',
    excludeUserId: 'u',
  });
  expect(engineFilter({ clientId: ['c', 'd'], excludeUserId: 'other' }, 'u')).toEqual({
    clientIds: ['c', 'd'],
    excludeUserId: 'other',
  });
});

test('an empty list lets nothing through, not everything', () => {
  expect(engineFilter({ modules: [] }, 'u')).toEqual({ modules: [] });
  expect(engineFilter({ queryPaths: [] }, 'u')).toEqual({ queryPaths: [] });
});

test.each<[unknown, string]>([
  [{ module: ['a'] }, 'INVALID_OPTION'],
  [{ modules: 'a' }, 'INVALID_FIELD'],
  [{ modules: [1] }, 'INVALID_FIELD'],
  [{ modules: [''] }, 'INVALID_FIELD'],
  [{ entities: Array.from({ length: 257 }, (_, i) => `e${i}`) }, 'INVALID_FIELD'],
  [{ clientId: 5 }, 'INVALID_FIELD'],
  [{ queryPaths: 'guests' }, 'INVALID_FIELD'],
  [{ queryPaths: Array.from({ length: 257 }, (_, i) => `p${i}`) }, 'INVALID_FIELD'],
  [{ queryPaths: ['guests..getAll'] }, 'INVALID_QUERY_PATH'],
  [{ queryPaths: ['guests', 5] }, 'INVALID_QUERY_PATH'],
  [{ queryPaths: ['x'.repeat(257)] }, 'INVALID_QUERY_PATH'],
  [{ queryPaths: [''] }, 'INVALID_QUERY_PATH'],
  ['guests', 'INVALID_FIELD'],
])('%p is refused', (filter, code) => {
  expect(() => engineFilter(filter as never, 'u')).toThrow(expect.objectContaining({ code }) as Error);
});

test('a query narrows', () => {
  const query = new URLSearchParams('modules=a,b&modules=c&clientId=x&excludeSourceId=tab');
  expect(narrowByQuery(undefined, query)).toEqual({
    modules: ['a', 'b', 'c'],
    clientId: ['x'],
    excludeSourceId: 'tab',
  });
  expect(narrowByQuery({ modules: ['b', 'z'], clientId: 'y', excludeSourceId: 'own' }, query)).toEqual({
    modules: ['b'],
    clientId: [],
    excludeSourceId: 'own',
  });
  expect(narrowByQuery({ modules: [] }, query)).toMatchObject({ modules: [] });
  expect(narrowByQuery({ modules: ['b'] }, new URLSearchParams('modules='))).toEqual({ modules: ['b'] });
  expect(narrowByQuery(undefined, new URLSearchParams())).toBeUndefined();
});

test('a query narrows paths: of two that meet, the longer one is left', () => {
  const narrow = (allowed: string[] | undefined, asked: string): readonly string[] | undefined =>
    narrowByQuery(allowed && { queryPaths: allowed }, new URLSearchParams({ queryPaths: asked }))?.queryPaths;
  expect(narrow(undefined, 'guests,budget.getAll')).toEqual(['guests', 'budget.getAll']);
  expect(narrow(['guests', 'hotels.getAll', 'budget'], 'guests.getAll,hotels,vendors,budget')).toEqual([
    'guests.getAll',
    'hotels.getAll',
    'budget',
  ]);
  expect(narrow(['guests'], '*')).toEqual(['guests']);
  expect(narrow(['*'], 'guests')).toEqual(['guests']);
  expect(narrow(['guests'], 'guestsX,guest')).toEqual([]);
  expect(narrow([], 'guests')).toEqual([]);
  expect(narrow(['guests'], '')).toEqual(['guests']);
  // What only looks like a path is refused by the check that follows.
  expect(() => engineFilter({ queryPaths: narrow(['guests'], 'guests..x') ?? [] }, 'u')).toThrow('guests..x');
});

describe('with a bound router', () => {
  const hub = createHub({ engine: 'js', aliases: { 'guests.list': 'guests.getAll', 'guests.old': 'budget.getAll' } });
  const t = initTRPC.create();
  const query = t.procedure.query(() => 1);
  beforeAll(async () => {
    const guests = t.router({ getAll: query, notes: t.router({ byGuest: query }) });
    const router = t.router({
      guests,
      budget: t.router({ getAll: query }),
      admin: t.router({ late: lazy(() => Promise.reject<typeof guests>(new Error('not there'))) }),
    });
    await expect(hub.bindRouter(router)).rejects.toThrow('not there');
  });
  afterAll(() => hub.close());
  const paths = (...queryPaths: string[]) => engineFilter({ queryPaths }, 'u', internalsOf(hub).paths)?.queryPaths;

  test('a path that no query has becomes its longest real prefix, else *', () => {
    expect(paths('guests.getAll', 'guests', 'budget.getAll')).toEqual(['guests.getAll', 'guests', 'budget.getAll']);
    expect(paths('guests.notes.id-1', 'guests.id-1', 'guests.id-2')).toEqual(['guests.notes', 'guests']);
    expect(paths('guests.getAll.id-1')).toEqual(['guests.getAll']);
    expect(paths('guests.getAll', 'id-1')).toEqual(['*']);
    expect(paths('*')).toEqual(['*']);
    expect(paths()).toEqual([]);
    expect(paths('guests.list', 'guests.getAll')).toEqual(['guests.getAll']);
  });

  test('what may lie in a lazy router becomes that router', () => {
    expect(paths('admin', 'admin.late', 'admin.late.id-1')).toEqual(['admin', 'admin.late']);
    expect(paths('admin.later')).toEqual(['admin']);
  });

  test('a client cannot use an alias to hear more than the app allows', () => {
    const narrow = (allowed: string[], asked: string) =>
      narrowByQuery({ queryPaths: allowed }, new URLSearchParams({ queryPaths: asked }), internalsOf(hub).paths)?.queryPaths;
    expect(narrow(['guests'], 'guests.old,guests.list')).toEqual(['guests.getAll']);
    expect(narrow(['guests.list'], 'guests')).toEqual(['guests.getAll']);
  });
});
