/**
 * What a follower hears, and what tabs say to each other for it. What broke: streams whose events have no ids were heard by the leader alone; every
 * follower asked every 1.5 s however much was said, and each answer made all the others ask; a clock that was set hid actions.
 */
import type { Environment, EventSourceLike } from '../../lib/client/index.js';
import { Stage, type Page } from './support/stage.js';

const states = (...pages: Page[]): string[] => pages.map(({ client }) => `${client.status.state} ${client.status.reason}`);

describe('streams without ids', () => {
  /** As a tRPC subscription has them that yields the bare events. */
  const withoutIds = (Source: NonNullable<Environment['EventSource']>): Environment['EventSource'] =>
    class extends Source implements EventSourceLike {
      override addEventListener(name: string, listener: (event: { data?: unknown; lastEventId?: string }) => void): void {
        super.addEventListener(name, ({ data }) => listener({ data }));
      }
    };
  const open = (stage: Stage): Page => {
    const page = stage.open({ shared: false });
    page.client.close({ forget: true });
    const { EventSource } = page.environment;
    Object.assign(page.environment, { EventSource: withoutIds(EventSource!) });
    return { ...page, ...stage.join(page.environment) };
  };

  test('each tab hears each action once, over a hand-over and a restart of the server, and no resync', async () => {
    const stage = new Stage();
    const [first, second, third] = [open(stage), open(stage), open(stage)];
    await stage.run(2_000);
    await stage.publish(2);
    expect(first.client.status.cursor).toBe('e1.2');
    first.tab.kill();
    await stage.publish(2);
    await stage.run(10_000);
    stage.server.restart(false);
    await stage.publish(2);
    await stage.run(10_000);
    for (const { heard } of [second, third]) expect(heard).toEqual(['a1', 'a2', 'a3', 'a4', 'a5', 'a6']);
    expect(states(second, third)).toEqual(['live open', 'live open']);
    const late = open(stage);
    await stage.run(1_000);
    await stage.publish();
    expect(late.heard).toEqual(['a7']);
  });

  test('a log that began anew is one resync, and actions are heard behind it', async () => {
    const stage = new Stage();
    const [first, second] = [open(stage), open(stage)];
    await stage.run(2_000);
    await stage.publish();
    stage.server.restart(true);
    await stage.run(10_000);
    await stage.publish();
    for (const { heard } of [first, second]) expect(heard).toEqual(['a1', 'resync', 'a2']);
    expect(second.client.status.cursor).toBe('e2.1');
  });
});

describe('what tabs say', () => {
  /** Each message that is said, by its kind. */
  const counted = (stage: Stage, number: number): { pages: Page[]; said: Record<string, number> } => {
    const said: Record<string, number> = {};
    const pages = Array.from({ length: number }, () => {
      const { tab, environment } = stage.browser.open();
      const { channel } = environment;
      environment.channel = (name) => {
        const own = channel!(name);
        return new Proxy(own, {
          get: (target, key) =>
            key === 'postMessage'
              ? (message: { is: string }) => {
                  said[message.is] = (said[message.is] ?? 0) + 1;
                  target.postMessage(message);
                }
              : typeof (target as never)[key] === 'function'
                ? ((target as never)[key] as () => void).bind(target)
                : (target as never)[key],
        });
      };
      return { tab, environment, ...stage.join(environment) };
    });
    return { pages, said };
  };

  test.each([20, 80])('%i tabs that open in one moment ask a few times each', async (number) => {
    const stage = new Stage();
    const { pages, said } = counted(stage, number);
    await stage.run(5_000);
    expect(new Set(states(...pages))).toEqual(new Set(['live open']));
    expect(said['ask']).toBeLessThan(4 * number);
    expect(said['joined']).toBeLessThan(2 * number);
  });

  test('a hand-over of 80 is no storm', async () => {
    const stage = new Stage();
    const { pages, said } = counted(stage, 80);
    await stage.run(5_000);
    for (const kind of Object.keys(said)) said[kind] = 0;
    pages.find(({ client }) => client.status.leader)?.tab.kill();
    await stage.run(5_000);
    expect(pages.filter(({ client, tab }) => !tab.gone && client.status.state === 'live')).toHaveLength(79);
    expect(said['ask']).toBeLessThan(4 * 80);
    expect(said['joined']).toBeLessThan(2 * 80);
  });

  test('in a quiet minute one of them asks, not each', async () => {
    const stage = new Stage();
    const { said } = counted(stage, 20);
    await stage.run(5_000);
    for (const kind of Object.keys(said)) said[kind] = 0;
    await stage.run(60_000);
    // One in 1.1 s at most, and its answer; the pings of 2 s are said to all.
    expect(said['ask']).toBeLessThan(60);
    expect(said['here']).toBeLessThan(100);
    expect(said['joined']).toBe(0);
  });
});

describe('by time', () => {
  test("a leader's clock that is set back by an hour hides no action from a page that was rendered a moment ago", async () => {
    const stage = new Stage();
    const leader = stage.open();
    await stage.run(1_000);
    leader.environment.now = () => stage.clock.now - 3_600_000;
    await stage.publish(2);
    const page = stage.open({ since: stage.clock.now - 1_000 });
    await stage.run(1_000);
    expect(page.heard).toEqual(['a1', 'a2']);
  });
});
