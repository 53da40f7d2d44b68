import type ts from 'typescript';
import type { Write } from '../report.js';

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
