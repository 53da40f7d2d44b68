/** Nothing of one company is seen by another: no row, no event, whatever the company is called and whatever ids it guesses. */
import { apiOf, StreamClient } from './support/clients.js';
import { login, startServer, type TestServer } from './support/server.js';

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.close());

test('the same ids in two companies are two rows', async () => {
  const [a, b] = [apiOf(server, await login(server, 'north')), apiOf(server, await login(server, 'south'))];
  await a.clients.create.mutate({ id: 'c1', name: 'Northern couple' });
  await b.clients.create.mutate({ id: 'c1', name: 'Southern couple' });
  const guest = await a.guests.create.mutate({ clientId: 'c1', name: 'Ada', needsHotel: true });
  await b.guests.create.mutate({ clientId: 'c1', name: 'Bilal' });

  expect((await a.guests.getAll.query({ clientId: 'c1' })).map((row) => row.name)).toEqual(['Ada']);
  expect((await b.guests.getAll.query({ clientId: 'c1' })).map((row) => row.name)).toEqual(['Bilal']);
  expect((await b.clients.getById.query({ id: 'c1' })).name).toBe('Southern couple');
  expect(await b.hotels.getAll.query()).toEqual([]);
  for (const attempt of [
    b.guests.getById.query({ id: guest.id }),
    b.guests.update.mutate({ id: guest.id, name: 'Stolen' }),
    b.guests.delete.mutate({ id: guest.id }),
  ]) {
    await expect(attempt).rejects.toMatchObject({ data: { code: 'NOT_FOUND' } });
  }
  expect((await a.guests.getById.query({ id: guest.id })).name).toBe('Ada');
});

test.each([['acme:b'], ['{acme}'], ['__proto__'], ['constructor'], ['acme\u2028x'], ['acme\r\ndata: forged'], ['null'], ["'; DROP TABLE guests; --"]])(
  'company %j hears its own changes alone, on both endpoints',
  async (companyId) => {
    const [own, other] = [await login(server, companyId), await login(server, 'acme')];
    const streams = [
      await StreamClient.live(server, own, '/sync/stream'),
      await StreamClient.live(server, own, '/trpc/sync.onSync'),
    ];
    const bystander = await StreamClient.live(server, other);
    await apiOf(server, other).guests.create.mutate({ clientId: 'c1', name: `For ${companyId}` });
    await apiOf(server, own).guests.create.mutate({ clientId: 'c1', name: 'Zoë\r\ndata: {}\n\n' });
    for (const stream of streams) {
      await stream.action((action) => action.seq === 1, 'the own change');
      expect(stream.actions.map((action) => action.companyId)).toEqual([companyId]);
      expect(stream.actions[0]?.queryPaths).toContain('guests');
    }
    await bystander.action(() => true, 'the change of acme');
    expect(bystander.actions.every((action) => action.companyId === 'acme')).toBe(true);
    expect((await apiOf(server, own).guests.getAll.query()).map((row) => row.name)).toEqual(['Zoë\r\ndata: {}']);
    await Promise.all([...streams, bystander].map((stream) => stream.close()));
  },
);

test('a stream can be narrowed to a client, and leave out its own tab', async () => {
  const token = await login(server, 'filters');
  const narrow = await StreamClient.live(server, token, `/trpc/sync.onSync?input=${encodeURIComponent('{"clientId":"c2"}')}`);
  const deaf = await StreamClient.live(server, token, `/trpc/sync.onSync?input=${encodeURIComponent('{"sourceId":"tab-1"}')}`);
  const plain = await StreamClient.live(server, token, '/sync/stream?clientId=c2');
  const tab = apiOf(server, token, { 'x-source-id': 'tab-1' });
  await tab.guests.create.mutate({ clientId: 'c1', name: 'Ada' });
  await tab.guests.create.mutate({ clientId: 'c2', name: 'Bilal' });
  await apiOf(server, token).guests.create.mutate({ clientId: 'c2', name: 'Clara' });
  for (const stream of [narrow, plain]) {
    await stream.action((action) => action.seq === 3, 'the third change');
    expect(stream.actions.map((action) => action.seq)).toEqual([2, 3]);
  }
  await deaf.action((action) => action.seq === 3, 'the third change');
  expect(deaf.actions.map((action) => action.seq)).toEqual([3]);
  await Promise.all([narrow, deaf, plain].map((stream) => stream.close()));
});

test('a stream can be narrowed to the queries that a page shows', async () => {
  const token = await login(server, 'paths');
  const input = encodeURIComponent('{"queryPaths":["guests.getAll","guests.made-up"]}');
  const narrow = await StreamClient.live(server, token, `/trpc/sync.onSync?input=${input}`);
  const api = apiOf(server, token);
  await api.gifts.create.mutate({ clientId: 'c1', name: 'Fence' });
  await api.guests.create.mutate({ clientId: 'c1', name: 'Ada' });
  await narrow.action(({ module }) => module === 'guests', 'the guest');
  expect(narrow.actions.map(({ module }) => module)).toEqual(['guests']);
  await narrow.close();
});

test('a tab whose name no action can carry is announced without it', async () => {
  const token = await login(server, 'names');
  const stream = await StreamClient.live(server, token);
  await apiOf(server, token, { 'x-source-id': 'é'.repeat(200) }).guests.create.mutate({ clientId: 'c1', name: 'Ada' });
  expect((await stream.action(() => true, 'the change')).sourceId).toBeUndefined();
  await stream.close();
});
