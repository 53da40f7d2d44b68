/**
 * A network of the kernel's own: each node lives in a namespace with two cables, one to a switch where Redis is, one to a switch where its clients
 * are. A cable that is pulled takes packets and loses them; connections stay. Only root may make one, with `ip` of iproute2.
 */
import { execFileSync } from 'node:child_process';

/** Frames that a thin cable lets through at once, bytes, and how long others wait before they are lost. */
const BURST_BYTES = 3_200;
const QUEUE_MS = 2_000;

function run(program: string, ...args: string[]): void {
  execFileSync(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
}
const ip = (...args: string[]): void => run('ip', ...args);

/** Addresses and names are of this process: runs may go on side by side. */
const RUN = process.pid % 250;
const REDIS_NET = `10.77.${RUN}`;
const CLIENT_NET = `10.78.${RUN}`;
const switchOf = (side: Side): string => `pc${RUN}${side}`;
const spaceOf = (index: number): string => `pathcast-${RUN}-n${index}`;
/** At the switch, and in the namespace. */
const cableOf = (side: Side, index: number): [there: string, here: string] => [`pc${RUN}${side}${index}`, `${side}${index}`];

/** Of Redis, and of clients. */
type Side = 'r' | 'c';

export class Network {
  readonly redisHost = `${REDIS_NET}.1`;
  readonly #spaces: string[] = [];
  readonly #switches: string[] = [];

  /** Why there can be none here; undefined: there can. */
  static lacks(): string | undefined {
    const name = `pathcast-${RUN}-try`;
    try {
      ip('netns', 'add', name);
      ip('netns', 'del', name);
      return undefined;
    } catch (error) {
      return `this user may make no network namespaces (${String(error).split('\n').at(-2) ?? ''})`;
    }
  }

  static start(nodes: number): Network {
    const network = new Network();
    try {
      for (const [side, net] of [['r', REDIS_NET], ['c', CLIENT_NET]] as const) network.#switch(switchOf(side), `${net}.1/24`);
      for (let index = 0; index < nodes; index++) network.#node(index);
      return network;
    } catch (error) {
      network.end();
      throw error;
    }
  }

  #switch(name: string, address: string): void {
    ip('link', 'add', name, 'type', 'bridge');
    this.#switches.push(name);
    ip('addr', 'add', address, 'dev', name);
    ip('link', 'set', name, 'up');
  }

  #node(index: number): void {
    const space = spaceOf(index);
    ip('netns', 'add', space);
    this.#spaces.push(space);
    ip('-n', space, 'link', 'set', 'lo', 'up');
    for (const [side, net] of [['r', REDIS_NET], ['c', CLIENT_NET]] as const) {
      const [there, here] = cableOf(side, index);
      ip('link', 'add', there, 'type', 'veth', 'peer', 'name', here, 'netns', space);
      ip('link', 'set', there, 'master', switchOf(side), 'up');
      ip('-n', space, 'addr', 'add', `${net}.${10 + index}/24`, 'dev', here);
      ip('-n', space, 'link', 'set', here, 'up');
    }
  }

  /** Where its clients find it. */
  hostOf(index: number): string {
    return `${CLIENT_NET}.${10 + index}`;
  }

  /** A program and its arguments that run what follows them there. */
  through(index: number): string[] {
    return ['ip', 'netns', 'exec', spaceOf(index)];
  }

  part(index: number): void {
    ip('link', 'set', cableOf('r', index)[0], 'down');
  }

  heal(index: number): void {
    ip('link', 'set', cableOf('r', index)[0], 'up');
  }

  /** Undefined: as wide as ever. */
  thin(index: number, kbit: number | undefined): void {
    const [there, here] = cableOf('r', index);
    const shape = ['root', 'tbf', 'rate', `${kbit ?? 0}kbit`, 'burst', String(BURST_BYTES), 'latency', `${QUEUE_MS}ms`];
    for (const [where, dev] of [[[], there], [['-n', spaceOf(index)], here]] as const) {
      if (kbit === undefined) run('tc', ...where, 'qdisc', 'del', 'dev', dev, 'root');
      else run('tc', ...where, 'qdisc', 'replace', 'dev', dev, ...shape);
    }
  }

  /** Processes in it have ended. */
  end(): void {
    for (const space of this.#spaces.splice(0)) ip('netns', 'del', space);
    for (const name of this.#switches.splice(0)) ip('link', 'del', name);
  }
}
