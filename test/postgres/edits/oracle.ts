/**
 * What two people's edits of one row must come to, told by values alone: who writes a field that is neither what he has seen nor what he wants
 * writes over somebody. It knows of no versions, no history and no database.
 */
export type Value = string | number | null;
export type Row = Readonly<Record<string, Value>>;

export interface Write {
  field: string;
  /** Undefined: to be deleted. */
  mine: Value | undefined;
  /** Undefined: there was no row, or he does not say. */
  seen: Value | undefined;
}

export type Edit =
  | { kind: 'edit'; user: string; writes: readonly Write[]; compares: boolean; named: boolean }
  | { kind: 'remove'; user: string; writes: readonly Write[] }
  /** Past the app: undefined removes the row. */
  | { kind: 'psql'; row: Row | undefined };

export interface Told {
  field: string;
  base: Value | undefined;
  mine: Value | undefined;
  theirs: Value | undefined;
  by: string | null;
}

export type Outcome = { kind: 'wrote'; fields: readonly string[] } | { kind: 'conflict'; told: readonly Told[] } | { kind: 'done' };

export interface World {
  row: Row | undefined;
  /** By field who wrote it last through the app, and what. */
  written: Readonly<Record<string, { value: Value; user: string }>>;
  /** Through the app; nobody has written since. */
  removedBy: string | undefined;
}

const isLost = ({ seen, mine }: Write, now: Value | undefined): boolean => now !== seen && now !== mine;

function byWhom({ row, written, removedBy }: World, field: string): string | null {
  if (removedBy !== undefined) return row ? null : removedBy;
  const last = written[field];
  return row && last && last.value === row[field] ? last.user : null;
}

export function after(world: World, edit: Edit): { world: World; outcome: Outcome } {
  if (edit.kind === 'psql') return { world: { ...world, row: edit.row }, outcome: { kind: 'done' } };
  const { row } = world;
  const compares = edit.kind === 'remove' || edit.compares;
  const told = !compares
    ? []
    : edit.writes
        .filter((write) => isLost(write, row?.[write.field]) && !isLeft(edit, write))
        .map(({ field, mine, seen }): Told => ({ field, base: seen, mine, theirs: row?.[field], by: byWhom(world, field) }));
  if (told.length > 0) return { world, outcome: { kind: 'conflict', told } };
  if (edit.kind === 'remove') {
    // Of what is gone already nobody else is who removed it.
    const removedBy = row ? edit.user : (world.removedBy ?? edit.user);
    return { world: { row: undefined, written: {}, removedBy }, outcome: { kind: 'done' } };
  }
  const fields = edit.writes.filter((write) => !(compares && isLeft(edit, write) && isLost(write, row?.[write.field]))).map(({ field }) => field);
  const outcome: Outcome = { kind: 'wrote', fields };
  if (!row) return { world, outcome };
  const values = Object.fromEntries(edit.writes.filter(({ field }) => fields.includes(field)).map(({ field, mine }) => [field, mine as Value]));
  const written = Object.fromEntries(Object.entries(values).map(([field, value]) => [field, { value, user: edit.user }]));
  const before = world.removedBy === undefined ? world.written : {};
  return {
    world: { row: { ...row, ...values }, written: { ...before, ...written }, removedBy: fields.length > 0 ? undefined : world.removedBy },
    outcome,
  };
}

/** The user has not changed it: what somebody else has made of it stays. */
function isLeft(edit: Edit, { mine, seen }: Write): boolean {
  return edit.kind === 'edit' && !edit.named && mine === seen;
}
