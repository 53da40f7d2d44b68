/**
 * Every mutation of the router, over HTTP: another user of the company hears of it, with query
 * paths that exist, with every query that reads a table it wrote, and with every query whose answer it changed. A
 * mutation that is declared to make too little stale fails here; so does a new one that the story lacks.
 */
import { apiOf, onlooker, type StreamClient } from './support/clients.js';
import { pathsOfKind } from './support/procedures.js';
import { READS, readersOf } from './support/reads.js';
import { login, post, startServer, type TestServer } from './support/server.js';
import { CLIENT, queryInputs, SILENT, STORY, type Ids } from './support/story.js';

jest.setTimeout(300_000);

let server: TestServer;
let token: string;
let stream: StreamClient;
let queries: string[];

beforeAll(async () => {
  server = await startServer();
  token = await login(server, 'acme', 'planner');
  stream = await onlooker(server, 'acme');
  queries = pathsOfKind(server.router, 'query');
});
afterAll(async () => {
  await stream.close();
  await server.close();
});

async function mutate(path: string, input: unknown): Promise<Record<string, unknown>> {
  const response = await post(`${server.url}/trpc/${path}`, input, { authorization: `Bearer ${token}`, 'x-source-id': 'tab-1' });
  const body = (await response.json()) as { result?: { data: Record<string, unknown> }; error?: { message: string } };
  if (!body.result) throw new Error(`${path}: ${body.error?.message}`);
  return body.result.data;
}

/** What each query answers right now, in one batch; an error is an answer too. */
async function answers(ids: Ids): Promise<Map<string, string>> {
  const inputs = queryInputs(ids);
  const read = queries.filter((path) => path !== 'sync.getStatus');
  const input = Object.fromEntries(read.map((path, index) => [index, inputs[path]]));
  const response = await fetch(`${server.url}/trpc/${read.join(',')}?batch=1&input=${encodeURIComponent(JSON.stringify(input))}`, {
    headers: { authorization: `Bearer ${token}` },
  });
  const results = (await response.json()) as unknown[];
  return new Map(read.map((path, index) => [path, JSON.stringify(results[index])]));
}

/** The queries that a path of an action stands for. */
const queriesOf = (path: string): string[] =>
  path === '*' ? queries : queries.filter((query) => query === path || query.startsWith(`${path}.`));

test('the story runs every mutation, and there are the 68 of the audited system', () => {
  const mutations = pathsOfKind(server.router, 'mutation');
  expect([...new Set(STORY.map((step) => step.path))].sort()).toEqual([...mutations].sort());
  expect(mutations).toHaveLength(68);
});

test('each mutation is announced once, with every query that it made stale', async () => {
  const ids: Ids = {};
  let heard = 0;
  for (const step of STORY) {
    const before = await answers(ids);
    const written = new Set<string>();
    server.database.onStatement = (sql) => {
      for (const [, table] of sql.matchAll(/\b(?:insert into|update|delete from)\s+"(\w+)"/gi)) written.add(String(table));
    };
    const result = await mutate(step.path, step.input(ids));
    server.database.onStatement = undefined;
    const after = await answers(ids);
    if (step.keep !== undefined) ids[step.keep] = String(result['id']);
    const changed = queries.filter((path) => before.get(path) !== after.get(path));

    if (SILENT.has(step.path)) {
      expect([step.path, changed, [...written]]).toEqual([step.path, [], []]);
      continue;
    }
    heard += 1;
    const nth = heard;
    const action = await stream.action((candidate) => candidate.seq === nth, `the action of ${step.path}`);
    const router = step.path.split('.')[0];
    expect({ path: step.path, module: action.module, userId: action.userId, sourceId: action.sourceId, companyId: action.companyId }).toEqual({
      path: step.path, module: step.module ?? router, userId: 'planner', sourceId: 'tab-1', companyId: 'acme',
    });
    const clientId = step.clientId === undefined ? CLIENT : step.clientId;
    expect([step.path, action.clientId ?? null]).toEqual([step.path, clientId]);
    expect([step.path, action.queryPaths.filter((path) => queriesOf(path).length === 0)]).toEqual([step.path, []]);
    const stale = new Set(action.queryPaths.flatMap(queriesOf));
    expect(written.size).toBeGreaterThan(0);
    expect([step.path, readersOf(written).filter((path) => !stale.has(path))]).toEqual([step.path, []]);
    expect([step.path, changed.filter((path) => !stale.has(path))]).toEqual([step.path, []]);
    expect(changed.length).toBeGreaterThan(0);
  }
  expect(stream.actions).toHaveLength(heard);
});

test('each query is declared with exactly the tables that it reads', async () => {
  const api = apiOf(server, token);
  await api.guests.create.mutate({ clientId: 'reads', name: 'Ada', needsHotel: true, needsTransport: true });
  const plan = await api.floorPlans.create.mutate({ clientId: 'reads', name: 'Dinner' });
  const vendor = await api.vendors.create.mutate({ name: 'Band', clientId: 'reads' });
  const [item] = await api.budget.getAll.query({ clientId: 'reads' });
  const inputs: Record<string, unknown> = {
    ...queryInputs({}),
    'floorPlans.getById': { id: plan.id },
    'vendors.getById': { id: vendor.id },
    'vendors.getAll': { clientId: 'reads' },
    'budget.getById': { id: item?.id },
  };
  for (const path of queries) {
    const read = new Set<string>();
    server.database.onStatement = (sql) => {
      for (const [, table] of sql.matchAll(/\b(?:from|join)\s+"(\w+)"/gi)) read.add(String(table));
    };
    const input = inputs[path] === undefined ? '' : `?input=${encodeURIComponent(JSON.stringify(inputs[path]))}`;
    await fetch(`${server.url}/trpc/${path}${input}`, { headers: { authorization: `Bearer ${token}` } });
    server.database.onStatement = undefined;
    expect([path, [...read].sort()]).toEqual([path, [...READS[path as keyof typeof READS]].sort()]);
  }
});
