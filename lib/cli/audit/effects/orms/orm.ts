/** What the audit asks of each library that goes to a database. A room of this folder answers for one of them. */
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

export interface FoundRead {
  /** `?`: `why` says why nobody can tell. */
  table: string;
  why?: string;
  by: Write['by'];
  node: ts.Node;
  /** The columns that the answer depends on, where the text names them all. */
  columns?: readonly string[];
  /** A statement that nobody can see: it may write as well. */
  mayWrite?: true;
  /** Read along with another table: joined, included, asked of in a condition. */
  along?: true;
}

export interface Orm {
  /**
   * What a call `receiver.method(…)` writes, calls inside its arguments left out. Undefined where it is no call of this
   * library: the next one is asked then. An empty list: it is one, and writes nothing.
   */
  writesOfCall(call: ts.CallExpression, callee: ts.PropertyAccessExpression, env: Env): FoundWrite[] | undefined;

  /** The same for what it reads. The rows that a write gives back are no read. */
  readsOfCall(call: ts.CallExpression, callee: ts.Expression, env: Env): FoundRead[] | undefined;
}
