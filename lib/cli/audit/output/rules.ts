/** What each rule means, for people: one sentence, and what to do. */
import type { Rule } from '../report.js';

export interface RuleText {
  title: string;
  /** What is wrong with it. */
  why: string;
  /** What to do. */
  help: string;
}

export const RULE_TEXTS: Readonly<Record<Rule, RuleText>> = {
  phantom: {
    title: 'Query path that no query has',
    why: 'Clients compare query paths with their cache keys, segment by segment: a path that no query has makes nothing stale.',
    help: 'Write the name of a query of the router, or a prefix such as `guests`. An alias table (`aliases` of `createHub`) repairs a whole code base in one place.',
  },
  silent: {
    title: 'Mutation that broadcasts nothing',
    why: 'What it changed stays as it was on every other screen until somebody reloads.',
    help: 'Broadcast after the write, or put `sync.middleware()` on the base procedure and give the mutation an entry in the invalidation map. Where silence is right, say why: `silent` in the map or in the configuration of the audit.',
  },
  cascade: {
    title: 'Write to a module that the broadcast leaves out',
    why: 'The mutation, or a function that it calls, writes tables of another module, and nothing of that module is made stale.',
    help: "Add the other module's query paths, or declare the cascade in the invalidation map. If the table belongs elsewhere, say so under `modules` in the configuration.",
  },
  'missing-client-id': {
    title: 'Broadcast without clientId',
    why: 'Other broadcasts of this code base carry a clientId; streams that are filtered by client do not get this one.',
    help: 'Pass the clientId.',
  },
  'missing-user-id': {
    title: 'Broadcast without userId',
    why: 'Other broadcasts of this code base carry a userId; without it the originator cannot be told apart.',
    help: 'Pass the userId.',
  },
  'non-atomic': {
    title: 'Several writes without a transaction',
    why: 'A failure between them leaves a part of the change done.',
    help: 'Put the writes into one transaction, and broadcast after it.',
  },
  'broadcast-in-transaction': {
    title: 'Broadcast inside a transaction',
    why: 'A client that refetches at once reads what was there before the commit; after a rollback it was told of a change that never was.',
    help: 'Broadcast after the transaction, or use `sync.afterCommit`.',
  },
  'conditional-broadcast': {
    title: 'Broadcast that an optional value can skip',
    why: 'A caller that leaves the value out changes data without telling anybody.',
    help: 'Make the value required, or broadcast without it.',
  },
  'tool-mismatch': {
    title: "Tool whose paths differ from its mutation's",
    why: 'The same change makes different queries stale, depending on whether a person or the chatbot made it.',
    help: "Give both one entry of the invalidation map: `tools: { add_guest: 'guests.create' }`.",
  },
  'tool-fallback': {
    title: 'Tool without a module or mutation of its own',
    why: 'It falls through to a default that has nothing to do with it, or names a mutation that is not there.',
    help: 'Name the module or mutation of each tool.',
  },
  'blind-helper': {
    title: 'Function that writes and leaves broadcasting to its callers',
    why: 'Some of its callers do not know which modules it writes, and leave them out.',
    help: 'Declare the cascade once in the invalidation map, or let the callers add its modules.',
  },
  'tx-helper-without-tx': {
    title: 'Transactional function given the bare database',
    why: 'Its writes are not in one transaction with those around them.',
    help: 'Open a transaction and pass it on.',
  },
  'invalid-map': {
    title: 'Entry of the invalidation map or alias table that names nothing real',
    why: 'The hub refuses such a map when it starts.',
    help: 'Correct the name. `satisfies InvalidationMap<AppRouter>` lets the compiler find it.',
  },
};
