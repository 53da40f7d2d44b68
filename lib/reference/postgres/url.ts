/** `postgresql://user:password@host:port/database`. */

const SCHEMES = ['postgresql:', 'postgres:'];

/** What is wrong with it, without repeating a part that may hold a password; undefined: nothing. */
export function faultOfPostgresUrl(text: string): string | undefined {
  if (!URL.canParse(text)) return "it is no URL; a '/', '?', '#' or '@' in a password is written %2F, %3F, %23 or %40";
  const { protocol, pathname, searchParams } = new URL(text);
  if (!SCHEMES.includes(protocol)) return `it begins with ${protocol}; allowed is postgresql://user:password@host:port/database`;
  if (pathname.length < 2 && !searchParams.has('dbname')) return 'it names no database; allowed is postgresql://user:password@host:port/database';
  return undefined;
}

/** As it may be printed. */
export function maskPostgresUrl(text: string): string {
  const { protocol, username, password, host, pathname } = new URL(text);
  const who = username === '' ? '' : `${username}${password === '' ? '' : ':***'}@`;
  return `${protocol}//${who}${host}${pathname}`;
}
