/** Where the machine's Chromium is. */
import { existsSync } from 'node:fs';

/** Ours first, then where distributions and vendors put it. */
const PLACES = [process.env['CHROMIUM'], '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

export function chromiumPath(): string {
  const found = PLACES.find((place) => place !== undefined && place !== '' && existsSync(place));
  if (found === undefined) throw new Error(`No Chromium at ${PLACES.filter(Boolean).join(', ')}; install it or set CHROMIUM`);
  return found;
}
