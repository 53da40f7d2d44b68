/** The seam between who is there as a hub knows it (`lib/server/presence`) and as all nodes know it. */

/** What a user's streams say together. */
export interface PresenceValue {
  readonly topics: readonly string[];
  /** JSON, of the stream that said so last; `null` where none did. */
  readonly data: string;
  /** Unix ms. */
  readonly since: number;
}

export interface PresenceStore {
  /** The user is there with this value, or has a new one. Gives the values that other nodes have of it. */
  enter(companyId: string, userId: string, value: PresenceValue): Promise<readonly PresenceValue[]>;
  /** Nothing of the user is left at this node. */
  leave(companyId: string, userId: string): Promise<readonly PresenceValue[]>;
  /** Of every node. */
  list(companyId: string): Promise<readonly (readonly [userId: string, value: PresenceValue])[]>;
}

/** What a store tells of others' ends: users that were at a node that died, and are nowhere else; those that were thought to have left and are there. */
export interface PresenceNews {
  left(companyId: string, userId: string, value: PresenceValue): void;
  back(companyId: string, userId: string): void;
}
