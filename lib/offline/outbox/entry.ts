/** What an entry is, in the words that several parts ask for. Pure. */
import type { EntityKey, MutationKind, OutboxEntry } from '../types.js';

/** Of a row: its lane, and its name among the versions. */
export const keyOf = ({ entity, id }: EntityKey): string => `${entity}\0${id}`;

/** Its row; undefined: it is of none that has a name. */
export const rowOf = ({ entity, entityId: id }: Pick<OutboxEntry, 'entity' | 'entityId'>): EntityKey | undefined => (entity === undefined || id === undefined ? undefined : { entity, id });

/** Nobody has answered for good that it is done. */
export const isOpen = ({ state }: OutboxEntry): boolean => state !== 'acked';

/** What is sent, or may be. */
export const isUnsent = ({ state }: OutboxEntry): boolean => state === 'queued' || state === 'sending';

/** It was never sent: it is bound to no id, and nobody has heard of it. */
export const isUntouched = ({ state, attempts }: OutboxEntry): boolean => state === 'queued' && !attempts;

/** The server compares what such a mutation's user has seen. */
export const isCompared = (kind?: MutationKind): boolean => kind === 'update' || kind === 'delete';

/** Whether it is compared (`inputOf`): two become one where that is the same for both. */
export const isSeen = ({ fields, base, kind }: OutboxEntry): boolean => Object.keys(kind === 'delete' ? base : fields).every((field) => field in base);
