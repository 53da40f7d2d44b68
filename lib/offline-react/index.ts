/** `pathcast/offline/react`: what a person did and is kept, in React 18 and 19. A server component may render what it exports, and runs none of it. */
'use client';

export { OfflineBadge, type BadgeState, type OfflineBadgeProps } from './badge.js';
export { ConflictDialog, type ConflictDialogProps } from './conflict-dialog.js';
export type { ConflictClassNames, Side, Where } from './conflict-field.js';
export type { BadgeLabels, ConflictLabels, RefusedLabels } from './labels.js';
export { OfflineProvider, type OfflineProviderProps } from './provider.js';
export { RefusedChanges, type RefusedChangesProps } from './refused-changes.js';
export { threeWay } from './three-way.js';
export { useConflicts, type Conflict, type Conflicts } from './use-conflicts.js';
export { useNetwork } from './use-network.js';
export { useOutbox, type OutboxView } from './use-outbox.js';
export { usePending } from './use-pending.js';
