/** What the audit asks of each library that writes to a database. A room of this folder answers for one of them. */
import type ts from 'typescript';
import type { Write } from '../../report.js';
import type { Env } from '../code/environment.js';

export interface FoundWrite {
  table: string;
  operation: Write['operation'];
  by: Write['by'];
  database: 'tx' | 'bare';
  node: ts.Node;
  /** On a connection that a transaction of the same process always covers (better-sqlite3). */
  shared?: boolean;
  /** Part of the statement of another write, or in its place: a statement on one of several tables. */
  nested?: true;
  note?: string;
}

export interface Orm {
  /**
   * What a call `receiver.method(…)` writes, calls inside its arguments left out. Undefined where it is no call of this
   * library: the next one is asked then. An empty list: it is one, and writes nothing.
   */
  writesOfCall(call: ts.CallExpression, callee: ts.PropertyAccessExpression, env: Env): FoundWrite[] | undefined;
}
