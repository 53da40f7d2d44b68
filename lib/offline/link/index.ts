/** `pathcast/offline/link`: the mutations of a tRPC client go into the outbox, and its answers show what is kept. */
export { offlineLink, type OfflineLink } from './offline-link.js';
