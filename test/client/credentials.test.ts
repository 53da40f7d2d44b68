/**
 * What an app gives to be let in: its functions may throw, wait, or give what no header can hold. What broke: all of that looked like a network
 * that is gone, and a tab that could not get in kept out every other that could.
 */
import { Stage, type Page } from './support/stage.js';

describe('what the app itself gets wrong is told as that, and reported once', () => {
  const mine = (): never => {
    throw new Error('mine');
  };
  test.each([
    ['headers() that throws', { headers: mine }, 'Error: mine'],
    ['getToken that throws', { getToken: mine }, 'Error: mine'],
    ['getToken that rejects', { getToken: () => Promise.reject(new Error('mine')) }, 'Error: mine'],
    ['a token that is none', { getToken: () => 5 as never }, 'PathcastError: getToken() must be a non-empty string, got number'],
    ['an empty token', { getToken: () => '' }, 'PathcastError: getToken() must be a non-empty string, got ""'],
    ['a token with a line break', { getToken: () => 'one\ntwo' }, /TypeError/],
    ['a header with a line break', { headers: { 'x-app': 'one\ntwo' } }, /TypeError/],
  ])('%s', async (_what, options, error) => {
    const stage = new Stage();
    const reported: unknown[] = [];
    const page = stage.open(options, { report: (thrown) => reported.push(thrown) });
    await stage.run(30_000);
    expect(page.client.status).toMatchObject({ state: 'connecting', reason: 'token_failed' });
    expect(reported).toHaveLength(1);
    expect(String(reported[0])).toMatch(error);
  });
});

describe('a leader that cannot get in does not keep out a tab that can', () => {
  const failing = { getToken: () => Promise.reject(new Error('its refresh failed')) };
  const quiet = { report: () => undefined };
  const good = { getToken: () => 'good' };
  const hangs = { getToken: () => new Promise<string>(() => undefined) };
  const states = (...pages: Page[]): string[] => pages.map(({ client }) => `${client.status.state} ${client.status.reason}`);

  test.each([true, false])('a tab that comes later has its own turn; locks: %p', async (locks) => {
    const stage = new Stage({ locks });
    const bad = stage.open(failing, quiet);
    await stage.run(5_000);
    expect(states(bad)).toEqual(['connecting token_failed']);
    const next = stage.open({ tokenParam: 'token', ...good });
    await stage.run(10_000);
    expect(states(bad, next)).toEqual(['live open', 'live open']);
    expect(next.client.status.leader).toBe(true);
    await stage.publish();
    expect([bad.heard, next.heard]).toEqual([['a1'], ['a1']]);
  });

  test('so has one whose leader waits for its token for ever', async () => {
    const stage = new Stage();
    const [bad, next] = [stage.open(hangs), stage.open({ tokenParam: 'token', ...good })];
    await stage.run(30_000);
    expect(states(bad, next)).toEqual(['live open', 'live open']);
  });

  test('of many that all cannot, each tries once, one after the other, and then the last one goes on', async () => {
    const stage = new Stage();
    let asked = 0;
    const getToken = (): Promise<never> => {
      asked += 1;
      return Promise.reject(new Error('nobody is signed in'));
    };
    const pages = Array.from({ length: 10 }, () => stage.open({ getToken }, quiet));
    await stage.run(60_000);
    expect(pages.filter(({ statuses }) => statuses.some(({ leader }) => leader))).toHaveLength(10);
    const before = asked;
    await stage.run(60_000);
    // Waits of up to 8 s.
    expect(asked - before).toBeLessThan(40);
    expect(pages.filter(({ client }) => client.status.leader)).toHaveLength(1);
  });

  test('a follower that was live has its turn when the leader gets no token any more', async () => {
    const stage = new Stage();
    let works = true;
    const first = stage.open({ tokenParam: 'token', getToken: () => (works ? 'good' : Promise.reject(new Error('revoked'))) }, quiet);
    await stage.run(1_000);
    const second = stage.open({ tokenParam: 'token', ...good });
    await stage.run(1_000);
    works = false;
    stage.server.drain();
    await stage.run(5_000);
    expect(states(first, second)).toEqual(['live open', 'live open']);
    expect(second.client.status.leader).toBe(true);
  });

  test('what the server refuses is tried by a tab that comes, once; by one that was live only when a person asks there', async () => {
    const stage = new Stage();
    const [first, second] = [stage.open(), stage.open()];
    await stage.run(1_000);
    stage.server.refuse('revoked');
    stage.server.mode = 'revoked';
    await stage.run(30_000);
    expect(states(first, second)).toEqual(['refused revoked', 'refused revoked']);
    const before = stage.server.asked;
    const third = stage.open();
    await stage.run(30_000);
    expect(states(first, second, third)).toEqual(['refused revoked', 'refused revoked', 'refused revoked']);
    expect(stage.server.asked).toBe(before + 1);
    // Let in again, in a tab of its own choice.
    stage.server.mode = 'up';
    second.client.reconnect();
    await stage.run(2_000);
    expect(states(first, second, third)).toEqual(['live open', 'live open', 'live open']);
    expect([stage.server.asked, second.client.status.leader]).toEqual([before + 2, true]);
  });
});
