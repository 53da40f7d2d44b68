/** Which tab sends: by a Web Lock, without those by a lease in the database, and alone where nothing is kept. Being wrong for a moment is no harm: each write of a sender checks its fence. */
import { alone, type Candidate, type Election } from '../../client/leadership/election.js';
import { webLocks } from '../../client/leadership/web-locks.js';
import type { OfflineEnvironment } from '../environment.js';
import type { Storage } from '../storage/types.js';

/** How long a lease holds, and how often it is renewed or asked for. */
const LEASE_MS = 10_000;
const RENEW_MS = 3_000;

export interface LeadOptions {
  environment: OfflineEnvironment;
  storage: Storage;
  name: string;
  tab: string;
}

export function createLead({ environment, storage, name, tab }: LeadOptions, candidate: Pick<Candidate, 'elected' | 'deposed'>): Election {
  let locks = environment.locks;
  let election: Election | undefined;
  const leave = (): void => {
    election?.leave();
    election = undefined;
  };
  const join = (): void => {
    leave();
    let own: Election | undefined;
    // What an election says that is not this tab's any more is not heard.
    const mine = (run: () => void) => () => {
      if (election === own) run();
    };
    const elected = mine(candidate.elected);
    const deposed = mine(candidate.deposed);
    const broken = mine(() => {
      locks = undefined;
      join();
    });
    if (!storage.kept) own = alone({ elected });
    else if (locks) own = webLocks(locks, name, { elected, deposed, broken });
    else own = lease({ environment, storage, tab }, { elected, deposed });
    election = own;
    own.join();
  };
  return { join, take: join, leave, queued: true };
}

function lease({ environment, storage, tab }: Omit<LeadOptions, 'name'>, { elected, deposed }: Pick<Candidate, 'elected' | 'deposed'>): Election {
  let timer: unknown;
  let wants = false;
  let leads = false;
  const look = async (): Promise<void> => {
    let mine = false;
    try {
      mine = await storage.change(
        ({ meta }) => {
          const now = environment.now();
          // A lease far ahead is of a clock that was set back since.
          const free = !meta.lease || meta.lease.tab === tab || meta.lease.until <= now || meta.lease.until > now + LEASE_MS;
          if (free) meta.lease = wants ? { tab, until: now + LEASE_MS } : undefined;
          return free && wants;
        },
        { relaxed: true },
      );
    } catch {
      // Who cannot keep anything cannot send either.
    }
    if (!wants) return;
    timer = environment.setTimeout(() => void look(), RENEW_MS * (0.75 + environment.random() / 2));
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
      environment.clearTimeout(timer);
      wants = false;
      if (leads) void look();
      leads = false;
    },
    queued: true,
  };
}
