/** How long tabs wait, and how often they ask. */

/** A follower that has heard nothing for so long asks, ms. */
export const ASK_MS = 1_500;
/** Where nobody queues, and nobody was heard of yet, ms. */
export const FIRST_ASK_MS = 300;
/** Questions without an answer after which the lead is taken; a tab that has just come asks once where nobody queues. */
export const MAX_ASKS = 3;
/** A tab that has led for less than this may have taken the lead from one that had heard more, ms. */
export const NEW_MS = 10_000;
/** ms between two attempts that an app asks for. */
export const ASKED_MS = 1_000;
/** ms that a cursor waits before it is stored. */
export const STORE_MS = 1_000;
/** A stream that nobody here knows took the place twice within this time, ms: the browser's id is somebody else's too. */
export const REPLACED_MS = 60_000;
