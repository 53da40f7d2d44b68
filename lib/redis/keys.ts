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

/** The company of a doorbell's channel; undefined where it is no channel of this prefix and format. */
export function companyOfDoorbell(prefix: string, channel: string): string | undefined {
  const start = `${prefix}:${String(FORMAT)}:{`;
  const end = '}:bell';
  if (!channel.startsWith(start) || !channel.endsWith(end)) return undefined;
  return decodeCompany(channel.slice(start.length, -end.length));
}
