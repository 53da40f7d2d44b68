/**
 * From committed transactions to announced actions: the tables that changed become the query paths
 * that read them, and the action goes to the hub. Keeps the last actions for the dashboard.
 */
import type { ActionType } from '../protocol/events.js';
import type { Hub } from '../server/hub.js';
import type { TableName } from './db/schema.js';

/** Module names as they stand in actions. */
export const MODULES = [
  'guests', 'budget', 'events', 'timeline', 'vendors', 'hotels', 'transport', 'gifts', 'floorPlans', 'clients',
] as const;
export type Module = (typeof MODULES)[number];

export interface Announcement {
  type: ActionType;
  module: Module;
  entityId: string;
  companyId: string;
  clientId?: string | null | undefined;
  userId: string;
  sourceId: string | undefined;
  /** Tables the transaction changed. */
  touched: ReadonlySet<TableName>;
}

/** One line of the dashboard's list. */
export interface AnnouncedAction {
  at: number;
  type: ActionType;
  module: Module;
  entityId: string;
  companyId: string;
  userId: string;
  queryPaths: string[];
  /** Place in the company's log; null when the hub refused the action. */
  seq: number | null;
  error: string | null;
}

/** Actions remembered for the dashboard; the oldest go first. */
const MAX_RECENT = 50;

export class Announcer {
  readonly #recent: AnnouncedAction[] = [];
  readonly #hub: Pick<Hub<Module>, 'broadcastSync'>;
  readonly #pathsOf: (tables: ReadonlySet<TableName>) => string[];

  constructor(hub: Pick<Hub<Module>, 'broadcastSync'>, pathsOf: (tables: ReadonlySet<TableName>) => string[]) {
    this.#hub = hub;
    this.#pathsOf = pathsOf;
  }

  /** Hands the action over; never throws and never waits. The hub reports what goes wrong. */
  announce(announcement: Announcement): void {
    const { touched, ...action } = announcement;
    const queryPaths = this.#pathsOf(touched);
    if (queryPaths.length === 0) return;
    const { type, module, entityId, companyId, userId } = action;
    const line: AnnouncedAction = {
      at: Date.now(), type, module, entityId, companyId, userId, queryPaths, seq: null, error: null,
    };
    this.#recent.push(line);
    if (this.#recent.length > MAX_RECENT) this.#recent.shift();
    void this.#hub.broadcastSync({ ...action, queryPaths }).then((outcome) => {
      if (outcome.ok) line.seq = outcome.seq;
      else line.error = outcome.message;
    });
  }

  /** Newest first. */
  recent(): readonly AnnouncedAction[] {
    return [...this.#recent].reverse();
  }
}
