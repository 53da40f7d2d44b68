/** The address of a stream and what is sent along, as a person gives them to `doctor` and `tail`. */
import { validateHeaderName, validateHeaderValue } from 'node:http';
import { CommandError } from '../errors.js';
import { visible } from '../terminal/text.js';

export interface Target {
  readonly url: URL;
  /** Never printed: a header may be a token. */
  readonly headers: Readonly<Record<string, string[]>>;
  /** What may be printed: no query (tokens stand there), no user and no password. */
  readonly label: string;
  /** Text of the server made safe to print: no control characters, none of the secrets that were sent, no more than a line. */
  readonly quote: (text: string) => string;
}

/** Characters of a secret that is taken out of quoted texts; a shorter one is a word like any other. */
const MIN_SECRET = 6;
/** Characters of a quoted text. */
const MAX_QUOTED = 240;

/** @throws CommandError, which quotes no value of a header and no query. */
export function targetOf(address: string, headers: readonly string[] = []): Target {
  let url: URL | undefined;
  try {
    url = new URL(address);
  } catch {
    // Told below.
  }
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') {
    throw new CommandError(
      '--url must be the address of a stream, such as http://localhost:3000/sync/stream, with http:// or https://',
    );
  }
  url.hash = '';
  const read = headersOf(headers);
  return { url, headers: read, label: labelOf(url), quote: quoteWithout(secretsOf(url, read)) };
}

/** What the server might repeat: values of headers and of the query, the password, and their parts. */
function secretsOf(url: URL, headers: Readonly<Record<string, string[]>>): string[] {
  const whole = [...Object.values(headers).flat(), ...url.searchParams.values(), url.username, url.password];
  const parts = whole.flatMap((text) => [text, ...text.split(/[\s;,="{}:]+/)]);
  return [...new Set(parts)].filter((text) => text.length >= MIN_SECRET).sort((a, b) => b.length - a.length);
}

export function quoteWithout(secrets: readonly string[]): (text: string) => string {
  return (text) => {
    const hidden = secrets.reduce((rest, secret) => rest.split(secret).join('…'), text);
    const line = visible(hidden.replace(/\s+/g, ' ').trim());
    return line.length > MAX_QUOTED ? `${line.slice(0, MAX_QUOTED)}…` : line;
  };
}

export function labelOf({ origin, pathname }: URL): string {
  return visible(origin + pathname);
}

function headersOf(given: readonly string[]): Record<string, string[]> {
  const headers: Record<string, string[]> = {};
  given.forEach((line, index) => {
    const colon = line.indexOf(':');
    const which = given.length === 1 ? '--header' : `--header number ${index + 1}`;
    if (colon <= 0) throw new CommandError(`${which} must be 'Name: value'; there is no name before a colon`);
    const name = line.slice(0, colon).trim().toLowerCase();
    const value = line.slice(colon + 1).trim();
    try {
      validateHeaderName(name);
    } catch {
      throw new CommandError(`${which}: its name is none that HTTP allows`);
    }
    try {
      validateHeaderValue(name, value);
    } catch {
      throw new CommandError(`${which}: the value of ${name} holds a character that HTTP does not allow`);
    }
    // hasOwn: a header may be called __proto__.
    if (Object.hasOwn(headers, name) && name === 'host') throw new CommandError(`${which}: host is given twice`);
    if (Object.hasOwn(headers, name)) headers[name]?.push(value);
    else Object.defineProperty(headers, name, { value: [value], enumerable: true, configurable: true, writable: true });
  });
  return headers;
}
