/** What goes into a table and comes out of it. */
import type { InferSelectModel } from 'drizzle-orm';
import type { SQLiteTable } from 'drizzle-orm/sqlite-core';

type Stamp = 'companyId' | 'id' | 'createdAt' | 'updatedAt';

/** A row as procedures return it: without its company, which the session implies. */
export type RowOf<T extends SQLiteTable> = Omit<InferSelectModel<T>, 'companyId'>;

/** What a change takes; an absent or undefined part stays as it is. */
export type PatchOf<T extends SQLiteTable> = { [K in Exclude<keyof InferSelectModel<T>, Stamp>]?: InferSelectModel<T>[K] | undefined };

/** Columns that an insert must give. */
type Required<T extends SQLiteTable> = {
  [K in keyof T['_']['columns']]: T['_']['columns'][K]['_'] extends { notNull: true; hasDefault: false } ? K : never;
}[keyof T['_']['columns']];

/** What an insert takes. The id is a UUID unless it is given. */
export type NewRow<T extends SQLiteTable> = { id?: string | undefined } & PatchOf<T> &
  Pick<InferSelectModel<T>, Extract<Exclude<Required<T>, Stamp>, keyof InferSelectModel<T>>>;

/** Narrowing of a list: equal columns; `undefined` narrows nothing. */
export type Where<T extends SQLiteTable> = PatchOf<T> & { id?: string | undefined };
