/** What a schema says of tables: each library's room reads its own kind into this. */
import type { Write } from '../../../report.js';

export interface TableFact {
  /** As the code names it: Drizzle's constant, the accessor of Prisma's model. */
  name: string;
  /** In SQL, with its schema where one is said: `auth.users`. */
  sql: string;
}

/** What a row of `from` suffers when the row of `to` is deleted that it points at. Both as the code or as SQL names them. */
export interface KeyFact {
  from: string;
  to: string;
  onDelete: 'cascade' | 'set null';
}

/** A field of a Prisma model, or a relation of a Drizzle table, that stands for rows of another one. */
export interface RelationFact {
  model: string;
  field: string;
  /** The other model's accessor. */
  other: string;
  list: boolean;
  /** The other side is a list too: rows of a table between them, of this name. */
  between?: string;
}

export interface TriggerFact {
  name: string;
  table: string;
  on: readonly ('insert' | 'update' | 'delete')[];
  writes: readonly { table: string; operation: Write['operation'] }[];
}

/** A view that is written in SQL. */
export interface ViewFact {
  name: string;
  /** As SQL names them. */
  reads: readonly string[];
}

export interface SchemaFacts {
  tables: TableFact[];
  /** Prisma's models by their accessors: all their fields are known. */
  models: string[];
  keys: KeyFact[];
  relations: RelationFact[];
  triggers: TriggerFact[];
  views: ViewFact[];
}

export const noFacts = (): SchemaFacts => ({ tables: [], models: [], keys: [], relations: [], triggers: [], views: [] });

export function actionOf(text: string | undefined): KeyFact['onDelete'] | undefined {
  const plain = text?.toLowerCase().replace(/[\s_-]+/g, '');
  if (plain === 'cascade') return 'cascade';
  return plain === 'setnull' || plain === 'setdefault' ? 'set null' : undefined;
}
