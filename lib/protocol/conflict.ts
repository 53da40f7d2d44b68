/** What two people have made of one field, as it travels in the error of a mutation (SPEC §22). */

/** `Row`: of the fields, where they are known by type. */
export type FieldConflict<Row = Record<string, unknown>> = {
  [Field in keyof Row & string]: {
    field: Field;
    /** What it was when the caller read it. Absent where that is not kept any more. */
    base?: Row[Field];
    /** What the caller wants it to be; absent: the caller wants to delete it all. */
    mine?: Row[Field];
    /** What it is; absent where it was deleted. */
    theirs?: Row[Field];
    /** The user who made it so; null where it was not written through `sync.transaction()`. */
    by: string | null;
    /** When, Unix ms; null as `by`. */
    at: number | null;
    /** Whoever has seen `theirs` says this in `expected`. */
    version: string;
  };
}[keyof Row & string];
