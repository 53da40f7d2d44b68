// live.tsx: hears in the browser what became stale, and lets Next render this page again.
'use client';

import { useRouter } from 'next/navigation';
import { useEffect, useState } from 'react';

/** What an event has, whatever its type. */
interface Heard {
  type: string;
  queryPaths: string[];
}

/** `since`: what the page already knows. Without it, what changes between rendering and listening would be missed. */
export function Live({ since }: { since: string }) {
  const router = useRouter();
  const [live, setLive] = useState(false);
  const [heard, setHeard] = useState<string[]>([]);
  const [from] = useState(since); // a page that is rendered again keeps its stream

  useEffect(() => {
    let position = from;
    let source: EventSource;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const listen = () => {
      source = new EventSource(`/sync/stream?since=${encodeURIComponent(position)}`);
      source.onmessage = ({ data, lastEventId }) => {
        const { type, queryPaths } = JSON.parse(data as string) as Heard;
        position = lastEventId || position;
        setLive(true);
        setHeard((lines) => [`${type} ${queryPaths.join(', ')}`, ...lines]);
        // All that this page shows comes from one render, so whatever is stale, it is rendered again.
        if (queryPaths.length > 0) router.refresh();
      };
      source.onerror = () => {
        setLive(false);
        // A browser comes back by itself, except after an answer such as a proxy's 502.
        if (source.readyState === EventSource.CLOSED) timer = setTimeout(listen, 3_000);
      };
    };
    listen();
    return () => {
      clearTimeout(timer);
      source.close();
    };
  }, [from, router]);

  return (
    <>
      <p id="status" role="status" data-state={live ? 'live' : 'connecting'}>
        {live ? 'Live' : 'Connecting'}
      </p>
      <h2>Heard</h2>
      <ol id="heard">
        {heard.map((line, index) => (
          <li key={heard.length - index}>{line}</li>
        ))}
      </ol>
    </>
  );
}
