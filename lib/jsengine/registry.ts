import type { ConnectionQuery, DisconnectMatch, StreamSpec } from '../internal/engine.js';
import type { Channel } from './channel.js';
import type { Stream } from './stream.js';

type InstanceParts = Pick<StreamSpec, 'companyId' | 'userId' | 'instanceId'>;

/**
 * The streams that are open, in the order in which they opened, and the ways to find them: by connection,
 * by tenant and user, by browser instance.
 */
export class Registry {
  private readonly byId = new Map<string, { stream: Stream; channel: Channel }>();
  private readonly byUser = new Map<string, Set<Stream>>();
  private readonly byInstance = new Map<string, Stream>();

  get size(): number {
    return this.byId.size;
  }

  has(connectionId: string): boolean {
    return this.byId.has(connectionId);
  }

  add(stream: Stream, channel: Channel): void {
    this.byId.set(stream.connectionId, { stream, channel });
    channel.streams.add(stream);
    const user = userKey(stream.spec);
    const streams = this.byUser.get(user);
    if (streams) streams.add(stream);
    else this.byUser.set(user, new Set([stream]));
    const key = instanceKey(stream.spec);
    if (key !== null) this.byInstance.set(key, stream);
  }

  /** Its channel; undefined if it is not here (any more). */
  remove(stream: Stream): Channel | undefined {
    const channel = this.byId.get(stream.connectionId)?.channel;
    this.byId.delete(stream.connectionId);
    channel?.streams.delete(stream);
    const user = userKey(stream.spec);
    const streams = this.byUser.get(user);
    if (streams?.delete(stream) && streams.size === 0) this.byUser.delete(user);
    const key = instanceKey(stream.spec);
    if (key !== null && this.byInstance.get(key) === stream) this.byInstance.delete(key);
    return channel;
  }

  /** The living stream of the same browser instance, tenant and user. */
  sameInstance(spec: InstanceParts): Stream | undefined {
    const key = instanceKey(spec);
    return key === null ? undefined : this.byInstance.get(key);
  }

  /** The streams of one user in one tenant. */
  ofUser(companyId: string, userId: string): Iterable<Stream> {
    return this.byUser.get(userKey({ companyId, userId })) ?? [];
  }

  /** The first `n`, oldest first. */
  oldest(n: number): Stream[] {
    const found: Stream[] = [];
    for (const { stream } of this.byId.values()) {
      if (found.length >= n) break;
      found.push(stream);
    }
    return found;
  }

  /** Without those that are asked to end already, here and below. */
  find(match: DisconnectMatch, channelOf: (companyId: string) => Channel | undefined): Stream[] {
    const { companyId, userId, connectionId, origin } = match;
    const candidates =
      connectionId !== undefined
        ? [this.byId.get(connectionId)?.stream]
        : companyId === undefined
          ? this.oldest(this.size)
          : userId === undefined
            ? [...(channelOf(companyId)?.streams ?? [])]
            : [...this.ofUser(companyId, userId)];
    return candidates.filter(
      (stream): stream is Stream =>
        stream !== undefined &&
        !stream.isLeaving &&
        (companyId === undefined || stream.spec.companyId === companyId) &&
        (userId === undefined || stream.spec.userId === userId) &&
        (origin === undefined || stream.spec.origin === origin),
    );
  }

  /** In the order of their ids, of which `placeOf` knows the place. */
  select({ companyId, userId, origin, limit, after }: ConnectionQuery, placeOf: (connectionId: string) => number): Stream[] {
    const beyond = after === undefined ? 0 : placeOf(after);
    return [...this.byId.values()]
      .map(({ stream }) => stream)
      .filter(({ spec, connectionId, isLeaving }) => {
        const { companyId: tenant, userId: user } = spec;
        return (
          !isLeaving &&
          user !== '' &&
          (companyId ?? tenant) === tenant &&
          (userId ?? user) === user &&
          (origin === undefined || spec.origin === origin) &&
          placeOf(connectionId) > beyond
        );
      })
      .sort((a, b) => placeOf(a.connectionId) - placeOf(b.connectionId))
      .slice(0, limit);
  }
}

/** Of those streams that hold a seat, the one whose sink last took bytes longest ago. */
export function leastRecentlyAlive(streams: Iterable<Stream>): Stream | undefined {
  let oldest: Stream | undefined;
  for (const stream of streams) {
    if (stream.spec.uncounted) continue;
    if (!oldest || stream.lastWriteUs < oldest.lastWriteUs) oldest = stream;
  }
  return oldest;
}

/** JSON keeps hostile parts apart, here and below. */
function userKey({ companyId, userId }: Pick<StreamSpec, 'companyId' | 'userId'>): string {
  return JSON.stringify([companyId, userId]);
}

function instanceKey({ companyId, userId, instanceId }: InstanceParts): string | null {
  return instanceId === undefined ? null : JSON.stringify([companyId, userId, instanceId]);
}
