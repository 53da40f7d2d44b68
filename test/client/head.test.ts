/** `SyncStatus.head`: whoever waits until a tab has heard everything that it missed goes by it, in the tab that leads and in those that follow. */
import { Stage } from './support/stage.js';

test('leader and follower know the head at the last verdict, and their cursors reach it', async () => {
  const stage = new Stage();
  const [first, second] = [stage.open(), stage.open()];
  expect(first.client.status.head).toBeUndefined();
  await stage.run(2_000);
  expect([first, second].map(({ client }) => client.status.head)).toEqual(['e1.0', 'e1.0']);
  await stage.publish(3);
  await stage.run(1_000);
  // It is of the verdict, not of now.
  expect([first, second].map(({ client }) => [client.status.head, client.status.cursor])).toEqual([['e1.0', 'e1.3'], ['e1.0', 'e1.3']]);
  first.tab.kill();
  await stage.publish(2);
  await stage.run(10_000);
  expect([second.client.status.leader, second.client.status.head, second.client.status.cursor]).toEqual([true, 'e1.5', 'e1.5']);
});
