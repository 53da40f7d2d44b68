/**
 * A page that nobody sees for a while has timers that run once a minute. What broke: a leader there said `live` for up to 75 s on a stream that
 * had died, to a tab that a person looked at; and each of its waits took a minute. Whoever asks it makes it look at the clock (SPEC §15, T7).
 */
import { Stage, type Page } from './support/stage.js';

const states = (...pages: Page[]): string[] => pages.map(({ client }) => `${client.status.state} ${client.status.reason}`);

/** Two tabs, of which the one that leads is slow. */
async function slowLeader(locks: boolean): Promise<{ stage: Stage; leader: Page; other: Page }> {
  const stage = new Stage({ locks });
  const [leader, other] = [stage.open(), stage.open()];
  await stage.run(3_000);
  const pages = [leader, other].sort((a) => (a.client.status.leader ? -1 : 1)) as [Page, Page];
  pages[0].tab.slow = true;
  return { stage, leader: pages[0], other: pages[1] };
}

test.each([true, false])('a stream that has died is noticed within 10 s, and another one is there; locks: %p', async (locks) => {
  const { stage, leader, other } = await slowLeader(locks);
  await stage.run(120_000);
  expect(states(leader, other)).toEqual(['live open', 'live open']);
  const from = stage.clock.now;
  // What is open is swallowed without a word; what is opened anew works.
  stage.browser.cutNetwork('hole');
  await stage.run(2_500);
  stage.browser.network.state = 'up';
  await stage.run(9_500);
  const silent = other.statuses.find(({ state, since }) => state === 'connecting' && since >= from);
  // 2.5 heartbeats of 2 s behind the last ping, and a question each 1.5 s at the latest.
  expect(silent!.since - from).toBeLessThan(2_000 + 5_000 + 2_000);
  expect(states(leader, other)).toEqual(['live open', 'live open']);
  await stage.publish();
  for (const { heard } of [leader, other]) expect(heard.at(-1)).toBe(`a${stage.server.published.length}`);
});

test.each([true, false])('so is the end of a wait: a server that is back has its stream within 10 s; locks: %p', async (locks) => {
  const { stage, leader, other } = await slowLeader(locks);
  stage.server.mode = 'bad_gateway';
  stage.server.restart(false);
  await stage.run(30_000);
  expect(states(other)).toEqual(['connecting bad_gateway']);
  stage.server.mode = 'up';
  await stage.run(10_000);
  expect(states(leader, other)).toEqual(['live open', 'live open']);
});

test('a browser that was put out for another one waits for whoever looks at it, in whichever tab', async () => {
  const stage = new Stage();
  const [leader, other] = [stage.open(), stage.open()];
  await stage.run(1_000);
  stage.server.refuse('evicted');
  await stage.run(120_000);
  expect([states(leader, other), stage.server.asked]).toEqual([['connecting evicted', 'connecting evicted'], 1]);
  other.tab.says('wake');
  await stage.run(1_000);
  expect([states(leader, other), stage.server.asked]).toEqual([['live open', 'live open'], 2]);
  // And comes back by itself, some minutes later.
  stage.server.refuse('evicted');
  await stage.run(310_000);
  expect([states(leader, other), stage.server.asked]).toEqual([['live open', 'live open'], 3]);
});

test.each([true, false])('a follower that is looked at four times while its leader is busy takes nothing from it; locks: %p', async (locks) => {
  const { stage, leader, other } = await slowLeader(locks);
  leader.tab.slow = false;
  leader.tab.freeze();
  for (let nth = 0; nth < 6; nth += 1) {
    other.tab.says('wake');
    await stage.run(100);
  }
  leader.tab.thaw();
  await stage.run(3_000);
  expect([leader.client.status.leader, other.client.status.leader, stage.server.asked]).toEqual([true, false, 1]);
});

test('without locks, a tab that asks to reconnect before it has heard of anybody waits for whoever leads', async () => {
  const stage = new Stage({ locks: false });
  const leader = stage.open();
  await stage.run(3_000);
  const other = stage.open();
  other.client.reconnect();
  await stage.run(3_000);
  expect([leader.client.status.leader, other.client.status.leader]).toEqual([true, false]);
  expect(states(leader, other)).toEqual(['live open', 'live open']);
});
