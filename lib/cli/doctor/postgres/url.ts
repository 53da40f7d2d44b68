/** `--postgres URL` as a person gives it: what of it may be shown, and what must not. */
import { CommandError } from '../../errors.js';
import { quoteWithout } from '../../stream/target.js';
import { visible } from '../../terminal/text.js';

export interface PostgresUrl {
  /** For node-postgres. Never printed. */
  readonly text: string;
  /** Without its password and its parameters. */
  readonly shown: string;
  /** A text of the server made safe to print. */
  readonly quote: (text: string) => string;
}

/** @throws CommandError, which repeats nothing of it. */
export function postgresUrlOf(text: string): PostgresUrl {
  let url: URL | undefined;
  try {
    url = new URL(text);
  } catch {
    // Told below.
  }
  if (url?.protocol !== 'postgres:' && url?.protocol !== 'postgresql:') {
    throw new CommandError('--postgres must be a URL, such as postgresql://user:password@host:5432/database; what is not a letter or a digit in its password is percent-encoded');
  }
  const { username, password, host, pathname, searchParams } = url;
  const socket = searchParams.get('host');
  const where = host === '' && socket !== null ? socket : host;
  const shown = visible(`postgresql://${username}${password === '' ? '' : ':***'}${username + password === '' ? '' : '@'}${where}${pathname}`);
  const secrets = [password, decoded(password), searchParams.get('password') ?? ''].filter((secret) => secret !== '');
  return { text, shown, quote: quoteWithout(secrets) };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
