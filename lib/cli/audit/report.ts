/**
 * What an audit finds, as `--json` prints it. Version 1: fields are added, never changed. Files are relative to the
 * audited folder, with `/`; lines and columns count from 1.
 */

export interface Place {
  file: string;
  line: number;
  column: number;
}

/** Rules by name, as `--fail-on` takes them. */
export const RULES = {
  /** A query path that no query has. */
  phantom: 'error',
  /** A mutation that broadcasts nothing and is not declared silent. */
  silent: 'error',
  /** The mutation writes tables of a module (or calls a helper that does) whose paths are not among those broadcast. */
  cascade: 'warning',
  /** A broadcast without clientId in a code base whose other broadcasts carry one. */
  'missing-client-id': 'warning',
  'missing-user-id': 'warning',
  /** Several writes, or writes in a loop, outside a transaction. */
  'non-atomic': 'warning',
  /** A broadcast inside the transaction that it tells of. */
  'broadcast-in-transaction': 'error',
  /** A broadcast that a condition on something optional can skip. */
  'conditional-broadcast': 'note',
  /** A chatbot tool's paths differ from those of the mutation it stands for. */
  'tool-mismatch': 'warning',
  /** A tool that falls through to a default module, or names a mutation that is not there. */
  'tool-fallback': 'warning',
  /** A helper that writes, broadcasts nothing, and is called where the broadcast leaves its modules out. */
  'blind-helper': 'warning',
  /** A helper made for a transaction that is given the bare database. */
  'tx-helper-without-tx': 'warning',
  /** An entry of the invalidation map or the alias table that names nothing real. */
  'invalid-map': 'error',
} as const satisfies Record<string, Severity>;
export type Rule = keyof typeof RULES;
export type Severity = 'error' | 'warning' | 'note';

export type PathVerdict = 'exact' | 'prefix' | 'phantom';

export interface PathUse extends Place {
  path: string;
  verdict: PathVerdict;
  /** Best first; only for a phantom. */
  nearest?: string[];
  /** Where an alias table repairs it. */
  alias?: string;
}

export interface Write extends Place {
  /** As the code names it: the Drizzle table, the Prisma model, the SQL name. `?` where it is computed. */
  table: string;
  operation: 'insert' | 'update' | 'delete' | 'upsert' | 'execute';
  by: 'drizzle' | 'prisma' | 'knex' | 'sql' | 'other';
  inTransaction: boolean;
  inLoop: boolean;
  /** No code shows it: the database does it along with the write at this place. */
  because?: 'foreign key' | 'trigger';
  /** Helpers through which it was reached, outermost first. */
  via: string[];
}

/** What a call reads of one table. */
export interface Read extends Place {
  /** As `Write` names it. Of a view those that it is made of, but for one that is materialised. */
  table: string;
  by: Write['by'];
  /** The columns that the answer depends on, where the text of the call names them all. Absent: any of them. */
  columns?: string[];
  /** Read along with another table: joined, included, asked of in a condition. */
  along?: true;
  /** The view through which it is read. */
  through?: string;
  via: string[];
}

export interface Broadcast extends Place {
  /** The function called: `broadcastSync`, `sync.broadcast`, `middleware` for pathcast's own. */
  by: string;
  queryPaths: PathUse[];
  /** False where part of the list is computed and could not be followed; see `unseen`. */
  complete: boolean;
  module?: string;
  /** `unknown`: the argument is computed (a spread that could not be followed). */
  clientId: 'yes' | 'no' | 'unknown';
  userId: 'yes' | 'no' | 'unknown';
  /** It tells somebody in a way of the code base's own, without query paths: nothing is said of what it leaves out. */
  tells?: true;
  inTransaction: boolean;
  /** Text of the condition that may skip it, if any. */
  condition?: string;
  via: string[];
}

export interface MutationReport extends Place {
  path: string;
  router: string;
  /** `unknown`: its code could not be followed far enough to say; see `unseen`. */
  broadcast: 'yes' | 'no' | 'silent' | 'unknown';
  /** Reason of a declared silence. */
  silent?: string;
  broadcasts: Broadcast[];
  /** Every write is inside a transaction; some are; none; nothing is written. */
  transaction: 'inside' | 'partly' | 'outside' | 'no-writes';
  writes: Write[];
  /** Distinct tables written, in order of appearance. */
  tables: string[];
  /** Distinct query paths broadcast, in order of appearance. */
  queryPaths: string[];
  notes: string[];
}

export interface QueryReport extends Place {
  path: string;
  router: string;
  reads: Read[];
  /** Distinct tables read, in order of appearance. */
  tables: string[];
  /** False where something that may read could not be followed; see `unseen`. */
  complete: boolean;
}

/** A table, with the procedures that write and read it: `guests.create`; `tool add_guest`; `src/admin.ts#admin guests.purge` of a root beside. */
export interface TableReport {
  name: string;
  writers: string[];
  readers: string[];
}

export interface RouterReport extends Place {
  /** First segment: `guests`. */
  path: string;
  queries: number;
  mutations: number;
  broadcasting: number;
  silent: number;
  declaredSilent: number;
  unknown: number;
  /** Of the mutations, broadcasting or declared silent; 0 to 1; 1 where there is none. */
  coverage: number;
}

export interface ToolReport extends Place {
  tool: string;
  queryPaths: PathUse[];
  /** The mutation it is compared with, and how that was found. */
  mutation?: string;
  matchedBy?: 'config' | 'call' | 'writes' | 'name';
  verdict: 'match' | 'mismatch' | 'mutation-silent' | 'unmatched';
  /** Paths of the mutation that the tool leaves out, and the other way round. */
  missing: string[];
  extra: string[];
  /** The module that a fallback gives it. */
  fallbackModule?: string;
}

/** A function or constant that maps something else to query paths (`getQueryPathsForModule`). */
export interface PathMapReport extends Place {
  name: string;
  entries: { key: string; queryPaths: PathUse[] }[];
}

export interface HelperReport extends Place {
  name: string;
  tables: string[];
  broadcasts: boolean;
  /** Procedures from which it is reached. */
  calledFrom: string[];
}

export interface Finding extends Place {
  rule: Rule;
  severity: Severity;
  message: string;
  /** Procedure or tool concerned. */
  subject?: string;
  /** Stable over edits elsewhere in the file: rule, file, subject and detail, not the line. For the baseline. */
  fingerprint: string;
  /** With a baseline: whether it holds this one. */
  known?: boolean;
}

export interface PhantomReport {
  path: string;
  /** Real paths, best first. */
  nearest: string[];
  /** The only real path that can be meant: `--fix` writes it. */
  certain?: string;
  /** Where an alias table repairs it: then it is no finding. */
  alias?: string;
  /** `in`: the procedure, tool (`tool add_guest`) or path map (`getQueryPathsForModule budget`). */
  uses: (Place & { in: string })[];
}

/** What the audit met and could not follow. */
export interface Unseen extends Place {
  what: string;
  why: string;
  subject?: string;
}

/** In this order in the JSON. */
export interface Totals {
  mutations: number;
  broadcasting: number;
  silent: number;
  declaredSilent: number;
  unknown: number;
  /** Of `silent`, those in which no write was seen. */
  silentWithoutWrites: number;
  /** Of the mutations, broadcasting or declared silent; 0 to 1; 1 where there is none. */
  coverage: number;
  routers: number;
  queries: number;
  subscriptions: number;
  /** Distinct phantom paths that no alias repairs, and the places that use them. */
  phantomPaths: number;
  phantomUses: number;
  /** Distinct phantom paths that an alias repairs. */
  aliasedPaths: number;
  tools: number;
  toolMismatches: number;
  nonAtomic: number;
  files: number;
}

/** How the findings stand to a baseline. */
export interface BaselineReport {
  file: string;
  /** Findings that it holds, and those that it does not. */
  known: number;
  new: number;
  /** What it holds and the audit no longer finds; `count` of them. */
  stale: { rule: Rule; file: string; subject?: string; message: string; fingerprint: string; count: number }[];
}

export interface AuditReport {
  version: 1;
  /** `file#name` of the root router. */
  root: string;
  /** `none`: nothing in it tells clients of anything. Silence is information then, and no error. */
  layer: 'seen' | 'none';
  totals: Totals;
  routers: RouterReport[];
  mutations: MutationReport[];
  queries: QueryReport[];
  /** Every table that something writes or reads, by its name. */
  tables: TableReport[];
  /** Every distinct phantom with its right name and its uses. */
  phantoms: PhantomReport[];
  tools: ToolReport[];
  pathMaps: PathMapReport[];
  helpers: HelperReport[];
  /** Routers that are served beside the root (an import endpoint of its own): not in the totals. */
  otherRoots: { root: string; routers: RouterReport[]; mutations: MutationReport[] }[];
  findings: Finding[];
  unseen: Unseen[];
  baseline?: BaselineReport;
}
