/** Which tab sends: by a Web Lock, without those by a lease in the database, and alone where nothing is kept. Being wrong for a moment is no harm: each write of a sender checks its fence. */
import { alone, type Candidate, type Election } from '../../client/leadership/election.js';
import { webLocks } from '../../client/leadership/web-locks.js';
import type { OfflineEnvironment } from '../environment.js';
import type { Storage } from '../storage/types.js';

/** How long a lease holds, and how often it is renewed or asked for. */
const LEASE_MS = 10_000;
const RENEW_MS = 3_000;

export function createLead(environment: OfflineEnvironment, storage: Storage, name: string, { elected, deposed }: Pick<Candidate, 'elected' | 'deposed'>): Election {
  let { locks } = environment;
  let election: Election | undefined;
  const leave = (): void => {
    election?.leave();
    election = undefined;
  };
  const join = (): void => {
    leave();
    // What an election says that is not this tab's any more is not heard.
    const mine = (run: () => void) => () => {
      if (election === own) run();
    };
    const candidate: Candidate = {
      elected: mine(elected),
      deposed: mine(deposed),
      broken: mine(() => {
        locks = undefined;
        join();
      }),
    };
    const own: Election = !storage.kept ? alone(candidate) : locks ? webLocks(locks, name, candidate) : lease(environment, storage, candidate);
    election = own;
    own.join();
  };
  return { join, take: join, leave, queued: true };
}

function lease({ now, random, setTimeout, clearTimeout }: OfflineEnvironment, storage: Storage, { elected, deposed }: Candidate): Election {
  const tab = `${random()}`;
  let timer: unknown;
  let wants = false;
  let leads = false;
  const look = async (): Promise<void> => {
    // Who cannot keep anything cannot send either.
    const mine = await storage
      .change(
        ({ meta }) => {
          const { tab: other = tab, until = 0 } = meta.lease ?? {};
          const left = until - now();
          // A lease far ahead is of a clock that was set back since.
          const free = other === tab || left <= 0 || left > LEASE_MS;
          if (free) meta.lease = wants ? { tab, until: now() + LEASE_MS } : undefined;
          return free && wants;
        },
        { relaxed: true },
      )
      .catch(() => false);
    if (!wants) return;
    timer = setTimeout(() => void look(), RENEW_MS * (0.75 + random() / 2));
    if (mine === leads) return;
    leads = mine;
    if (mine) elected();
    else deposed();
  };
  const join = (): void => {
    wants = true;
    void look();
  };
  return {
    join,
    take: join,
    leave() {
      clearTimeout(timer);
      wants = false;
      if (leads) void look();
      leads = false;
    },
    queued: true,
  };
}
