/** A Broker over one ioredis client for commands and one for subscriptions: nothing beyond what the seam asks. */
import type { Redis } from 'ioredis';
import { BrokerError, type Broker, type BrokerReply, type BrokerState, type ChannelListener } from '../../lib/internal/broker.js';

export function plainBroker(commands: Redis, hearing: Redis): Broker & { readonly sent: string[][] } {
  const listeners = new Map<string, Set<ChannelListener>>();
  const heard = new Set<(state: BrokerState) => void>();
  const sent: string[][] = [];
  let link: BrokerState['link'] = commands.status === 'ready' ? 'ready' : 'connecting';
  const become = (next: BrokerState['link']): void => {
    if (link === next) return;
    link = next;
    for (const each of heard) each({ link, trouble: '' });
  };
  commands.on('ready', () => become('ready'));
  commands.on('close', () => become('lost'));
  hearing.on('messageBuffer', (channel: Buffer, payload: Buffer) => {
    for (const each of listeners.get(channel.toString()) ?? []) each.message(payload);
  });
  hearing.on('ready', () => {
    for (const [channel, all] of listeners) void hearing.subscribe(channel).then(() => all.forEach((each) => each.subscribed()));
  });
  const call = async (args: readonly (string | number | Buffer)[]): Promise<BrokerReply> => {
    if (link !== 'ready') throw new BrokerError('unsent', 'not ready');
    sent.push(args.map(String));
    const [name, ...rest] = args;
    try {
      return (await commands.callBuffer(String(name), ...rest)) as BrokerReply;
    } catch (thrown) {
      const { message } = thrown as Error;
      throw new BrokerError(/^[A-Z]+ /.test(message) ? 'refused' : 'lost', message);
    }
  };
  return {
    kind: 'ioredis',
    ring: 'PUBLISH',
    url: 'test',
    sent,
    get state() {
      return { link, trouble: '' };
    },
    eval: (script, keys, args) => call(['EVAL', script.body, keys.length, ...keys, ...args]),
    command: call,
    subscribe(channel, listener) {
      const all = listeners.get(channel) ?? new Set();
      listeners.set(channel, all.add(listener));
      if (hearing.status === 'ready') void hearing.subscribe(channel).then(() => listener.subscribed());
      return () => void all.delete(listener);
    },
    onState(listener) {
      heard.add(listener);
      return () => void heard.delete(listener);
    },
    resubscribe: () => undefined,
    close: async () => {
      become('closed');
      commands.disconnect();
      hearing.disconnect();
    },
  };
}
