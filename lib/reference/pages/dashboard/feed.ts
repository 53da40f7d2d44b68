/** The dashboard's data: fetched once a second, kept for as long as the server keeps it. */
import { useEffect, useState } from 'preact/hooks';
import type { DashboardData, Sample } from '../../http/dashboard-data.js';

const EVERY_MS = 1_000;
/** As many as the server keeps. */
const KEPT_SAMPLES = 300;

export interface Feed {
  data: DashboardData | undefined;
  samples: Sample[];
  /** The server did not answer the last time. */
  lost: boolean;
}

export function useFeed(): Feed {
  const [feed, setFeed] = useState<Feed>({ data: undefined, samples: [], lost: false });
  useEffect(() => {
    let samples: Sample[] = [];
    let stopped = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const look = async (): Promise<void> => {
      try {
        const response = await fetch(`/dashboard/data?since=${samples.at(-1)?.at ?? 0}`);
        if (!response.ok) throw new Error(String(response.status));
        const data = (await response.json()) as DashboardData;
        samples = [...samples, ...data.samples].slice(-KEPT_SAMPLES);
        setFeed({ data, samples, lost: false });
      } catch {
        setFeed((last) => ({ ...last, lost: true }));
      }
      if (!stopped) timer = setTimeout(() => void look(), EVERY_MS);
    };
    void look();
    return () => {
      stopped = true;
      clearTimeout(timer);
    };
  }, []);
  return feed;
}
