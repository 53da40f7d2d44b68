/**
 * A sign-out (`close({ forget: true })`) ends the stream in every tab, and nothing else for good. What broke: a tab that heard of it kept a dead
 * stream for whoever came next; a handle that was closed before told nobody; a page that came back from the back-forward cache went on.
 */
import { Stage, type Page } from './support/stage.js';

const states = (...pages: Pick<Page, 'client'>[]): string[] => pages.map(({ client }) => `${client.status.state} ${client.status.reason}`);

test('whoever signs in again after a sign-out in another tab has a stream, whatever handles are still there', async () => {
  const stage = new Stage();
  const [one, two] = [stage.open(), stage.open()];
  await stage.run(1_000);
  one.client.close({ forget: true });
  await stage.run(100);
  expect(states(two)).toEqual(['closed forgotten']);
  const [again, other] = [stage.join(one.environment), stage.join(two.environment)];
  await stage.run(2_000);
  expect(states(again, other, two)).toEqual(['live open', 'live open', 'closed forgotten']);
  await stage.publish();
  expect([again.heard, other.heard]).toEqual([['a1'], ['a1']]);
  // The handle of before ends nothing of theirs.
  two.client.close();
  await stage.run(2_000);
  expect(states(other)).toEqual(['live open']);
});

test.each([true, false])('a handle that was closed before signs out all the same; locks: %p', async (locks) => {
  const stage = new Stage({ locks });
  const [one, two] = [stage.open(), stage.open()];
  await stage.run(8_000);
  await stage.publish();
  one.client.close();
  // The second after which the page's stream has ended.
  await stage.run(5_000);
  one.client.close({ forget: true });
  await stage.run(100);
  expect(states(two)).toEqual(['closed forgotten']);
  expect(stage.server.streams.size).toBe(0);
  for (const part of ['cursor', 'instance', 'lease']) expect(two.environment.storage?.getItem(`pathcast%2F1 http%3A%2F%2Fapp.test%2Fsync acme ann ${part}`)).toBeNull();
});

test('a page that was kept for later when the person signed out opens nothing when it comes back', async () => {
  const stage = new Stage();
  const [one, two, bob] = [stage.open(), stage.open(), stage.open({ userId: 'bob' })];
  await stage.run(1_000);
  for (const { tab } of [one, bob]) tab.says('hide');
  await stage.run(1_000);
  two.client.close({ forget: true });
  await stage.run(1_000);
  const { asked } = stage.server;
  for (const { tab } of [one, bob]) tab.says('show');
  await stage.run(5_000);
  expect(states(one, bob)).toEqual(['closed forgotten', 'live open']);
  expect(stage.server.asked).toBe(asked + 1);
  // Who signs in again is not signed out by what that one left behind.
  const again = stage.open();
  await stage.run(1_000);
  again.tab.says('hide');
  await stage.run(1_000);
  again.tab.says('show');
  await stage.run(1_000);
  expect(states(again)).toEqual(['live open']);
});

test('a page that is away can sign out', async () => {
  const stage = new Stage();
  const [one, two] = [stage.open(), stage.open()];
  await stage.run(1_000);
  one.tab.says('hide');
  one.client.close({ forget: true });
  await stage.run(1_000);
  expect(states(one, two)).toEqual(['closed forgotten', 'closed forgotten']);
});
