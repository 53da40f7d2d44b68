/** `pathcast/devtools`: a panel for developers, beside TanStack's own: what the stream does, and what its events do to the cache. Load it when it is asked for. */
export { mountDevtools, type Devtools, type DevtoolsOptions } from './mount.js';
