/** `RealtimeDevtools`: a place for the panel of `pathcast/devtools`, which this module never loads by itself. */
import { useEffect } from 'react';
import { browserEnvironment } from '../client/environment.js';
import type { SyncClient } from '../client/index.js';
import type { QueryBinding } from '../tanstack/index.js';
import { useNewest, useStore } from './context.js';
import { useQueryBinding } from './use-query-binding.js';

interface PanelOptions {
  /** Whether the panel is open at the beginning. Default: false. */
  open?: boolean | undefined;
  /** Events that are remembered, 1 to 1,000. Default: 100. */
  maxEvents?: number | undefined;
  /** The queries of the server's router: with them phantoms are shown as such. */
  queryPaths?: readonly string[] | undefined;
}

export interface RealtimeDevtoolsProps extends PanelOptions {
  /** `() => import('pathcast/devtools')`: called when it mounts in a browser, so that whoever does not render it loads nothing. */
  load: () => Promise<{ mountDevtools: (options: PanelOptions & { client: SyncClient; binding: QueryBinding }) => { close: () => void } }>;
}

/** The panel of the provider's client and `queryClient`, below a `<RealtimeProvider>` that has both. Renders nothing of its own. */
export function RealtimeDevtools(props: RealtimeDevtoolsProps): null {
  const store = useStore('RealtimeDevtools');
  const binding = useQueryBinding();
  const newest = useNewest(props);
  useEffect(() => {
    const { client } = store;
    if (!binding || !client) return;
    let over = false;
    let end = (): void => undefined;
    const { load, ...options } = newest.current;
    const mount = async (): Promise<void> => {
      const { mountDevtools } = await load();
      if (!over) end = mountDevtools({ ...options, client, binding }).close;
    };
    // A panel for developers takes no app down: a chunk that is gone is told, and nothing is rendered.
    mount().catch((thrown: unknown) => browserEnvironment().report(thrown));
    return () => {
      over = true;
      end();
    };
  }, [store, binding, newest]);
  return null;
}
