/** The last actions of this server, for the dashboard. */
import type { ActionType } from '../protocol/events.js';
import type { SyncObserver } from '../trpc/index.js';

/** One line of the dashboard's list. */
export interface RecentAction {
  at: number;
  type: ActionType;
  module: string;
  entityId: string;
  companyId: string;
  userId: string;
  queryPaths: readonly string[];
  /** Place in the company's log; null until it has one, and when the hub refused the action. */
  seq: number | null;
  error: string | null;
}

/** Actions remembered; the oldest go first. */
const MAX_RECENT = 50;

export class RecentActions {
  readonly #lines: RecentAction[] = [];

  /** For `sync.observe()`. */
  readonly observer: SyncObserver = {
    handed: ({ action, outcome }) => {
      const { type, module, entityId, companyId, queryPaths } = action;
      const line: RecentAction = {
        at: Date.now(),
        type,
        module,
        entityId: String(entityId),
        companyId,
        userId: action.userId ?? '',
        queryPaths,
        seq: null,
        error: null,
      };
      this.#lines.push(line);
      if (this.#lines.length > MAX_RECENT) this.#lines.shift();
      void outcome?.then((result) => {
        if (result.ok) line.seq = result.seq ?? null;
        else line.error = result.message;
      });
    },
  };

  /** Newest first. */
  list(): readonly RecentAction[] {
    return [...this.#lines].reverse();
  }
}
