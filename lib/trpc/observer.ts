/** What a sync tells those who watch it: the recorder of `pathcast/testing`, a dashboard. */
import type { SyncActionInput } from '../protocol/events.js';
import type { BroadcastResult } from '../server/results.js';

/** One mutation that ran to its end under `sync.middleware()`. */
export interface MutationEnd {
  path: string;
  ok: boolean;
  /**
   * `map`: its paths go out, alone or with the mutation around it. `silent`: declared so, or its function gave no path.
   * `none`: it is in no map; its router's prefix goes out. `lost`: nothing can be sent, for there is no companyId.
   */
  said: 'map' | 'silent' | 'none' | 'lost';
  /** Of the map. */
  queryPaths: readonly string[];
}

/** One broadcast that was handed to the hub: by the middleware, or by hand inside a mutation. */
export interface Handed {
  /** The mutation it belongs to; undefined outside of any. */
  path: string | undefined;
  byHand: boolean;
  queryPaths: readonly string[];
  action: SyncActionInput;
  /** What became of it; undefined for one made by hand, whose caller has it. Never rejects. */
  outcome: Promise<BroadcastResult> | undefined;
}

export interface SyncObserver {
  mutationEnded?(end: MutationEnd): void;
  handed?(broadcast: Handed): void;
}
