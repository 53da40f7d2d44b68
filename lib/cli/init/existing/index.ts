/** In an existing app: what has to be added, as a diff to review. */
import { CommandError } from '../../errors.js';
import type { Streams } from '../../streams.js';
import type { Asker } from '../ask.js';
import type { InitOptions } from '../options.js';

export async function initExisting(_folder: string, _options: InitOptions, _streams: Streams, _asker: Asker): Promise<number> {
  throw new CommandError('there is a package.json already; name an empty or missing folder');
}
