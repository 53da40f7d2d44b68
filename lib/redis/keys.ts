/**
 * The names of what pathcast keeps in Redis (SPEC §13). All keys of a company share one hash tag, so that a cluster keeps them
 * in one slot, whatever the company is called.
 */

/** Of all names and of every stored text. A node that meets a higher one leaves it alone. */
export const FORMAT = 1;

export interface CompanyKeys {
  /** Hash: format, epoch, newest seq, the Redis that counted it, clock, bounds of what was lost. */
  readonly head: string;
  /** Stream: the actions kept, each under the id `<seq>-0`. */
  readonly log: string;
  /** Hash: action id to seq, of the actions kept. */
  readonly ids: string;
  /** The channel that rings for each of its actions. */
  readonly doorbell: string;
}

/**
 * A company's name inside `{…}`. Letters, digits and `-_.~:@` stand for themselves, every other byte of its UTF-8 is `%XX`: no brace
 * ends the tag early, and no two companies share one.
 */
export function encodeCompany(companyId: string): string {
  return encodeURIComponent(companyId)
    .replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%3A', ':')
    .replaceAll('%40', '@');
}

/** The reverse of `encodeCompany`; undefined for what it never makes. */
export function decodeCompany(text: string): string | undefined {
  try {
    const companyId = decodeURIComponent(text);
    return encodeCompany(companyId) === text ? companyId : undefined;
  } catch {
    return undefined;
  }
}

/** `prefix`: the app's own, `pathcast` by default; two apps with different ones share a Redis without meeting. */
export function keysOf(prefix: string, companyId: string): CompanyKeys {
  const base = `${prefix}:${String(FORMAT)}:{${encodeCompany(companyId)}}`;
  return { head: `${base}:head`, log: `${base}:log`, ids: `${base}:ids`, doorbell: `${base}:bell` };
}

/** When the company was erased, µs of Redis's clock. Scripts make the name of the head's. */
export function forgottenKey(prefix: string, companyId: string): string {
  return `${prefix}:${String(FORMAT)}:{${encodeCompany(companyId)}}:forgotten`;
}

/** The company of a doorbell's channel; undefined where it is no channel of this prefix and format. */
export function companyOfDoorbell(prefix: string, channel: string): string | undefined {
  const start = `${prefix}:${String(FORMAT)}:{`;
  const end = '}:bell';
  if (!channel.startsWith(start) || !channel.endsWith(end)) return undefined;
  return decodeCompany(channel.slice(start.length, -end.length));
}

/** Where the seats of a company stand; what a node holds is under the name of this key, `:`, and the node's. */
export function seatsKey(prefix: string, companyId: string): string {
  return `${prefix}:${String(FORMAT)}:{${encodeCompany(companyId)}}:seats`;
}

/** Who is there, in the same manner. */
export function presenceKey(prefix: string, companyId: string): string {
  return `${prefix}:${String(FORMAT)}:{${encodeCompany(companyId)}}:here`;
}

/** Until when each node lives, by Redis's clock. */
export function nodesKey(prefix: string): string {
  return `${prefix}:${String(FORMAT)}:nodes`;
}

/** The channel of one node. */
export function nodeChannel(prefix: string, nodeId: string): string {
  return `${prefix}:${String(FORMAT)}:node:${nodeId}`;
}

/** The channel that every node hears. */
export function allChannel(prefix: string): string {
  return `${prefix}:${String(FORMAT)}:all`;
}

/** Whom the hubs were told to end, as long as a stream of then may live. */
export function endsKey(prefix: string): string {
  return `${prefix}:${String(FORMAT)}:ends`;
}

/** Where a node tries what it may do. */
export function rightsKey(prefix: string): string {
  return `${prefix}:${String(FORMAT)}:rights`;
}

/** What a worker beside the hub keeps: of the CDC worker, by its slot. */
export function workerKey(prefix: string, name: string): string {
  return `${prefix}:${String(FORMAT)}:worker:{${encodeCompany(name)}}`;
}

/** What a key of `rateLimit` has used up. */
export function rateKey(prefix: string, key: string): string {
  return `${prefix}:${String(FORMAT)}:rate:{${encodeCompany(key)}}`;
}
