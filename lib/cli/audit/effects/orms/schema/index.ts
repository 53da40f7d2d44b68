/** The tables of a project as one: what each is called in code and SQL, and what a write does beside what the code shows. */
import type { Project } from '../../../model.js';
import type { RawWrite } from '../../types.js';
import { drizzleFacts } from './drizzle.js';
import { prismaFacts } from './prisma.js';
import { saysOfSchema, sqlFacts } from './sql.js';
import type { KeyFact, RelationFact, SchemaFacts, TriggerFact } from './facts.js';

/** Writes that one write brings about, each by the one before. */
const MAX_DEPTH = 12;

const schemas = new WeakMap<Project, Schema>();

export function schemaOf(project: Project): Schema {
  let schema = schemas.get(project);
  if (schema === undefined) schemas.set(project, (schema = new Schema(factsOf(project))));
  return schema;
}

function factsOf(project: Project): SchemaFacts[] {
  const prisma = project.schemas.filter(({ file }) => file.endsWith('.prisma'));
  // A schema may lie in several files of one folder; two databases lie apart.
  const folders = grouped(prisma);
  const migrations = project.schemas.filter(({ file, text }) => file.endsWith('.sql') && saysOfSchema(text));
  const inCode = project.files.filter(({ text }) => /\b(?:create|alter|drop)\s+(?:or\s+replace\s+)?(?:constraint\s+)?(?:materialized\s+)?(?:table|trigger|function|view)\b/i.test(text) && saysOfSchema(text));
  const ordered = [...migrations.map(({ file, text }) => ({ file, text })), ...inCode.map(({ fileName, text }) => ({ file: fileName, text }))].sort((a, b) => (a.file < b.file ? -1 : 1));
  return [drizzleFacts(project), ...[...folders.values()].map((files) => prismaFacts(files.map(({ text }) => text).join('\n'))), sqlFacts(ordered.map(({ text }) => text))];
}

function grouped(files: readonly { file: string; text: string }[]): Map<string, { file: string; text: string }[]> {
  const folders = new Map<string, { file: string; text: string }[]>();
  for (const one of files) {
    const folder = one.file.slice(0, one.file.lastIndexOf('/') + 1);
    folders.set(folder, [...(folders.get(folder) ?? []), one]);
  }
  return folders;
}

export class Schema {
  readonly #names = new Map<string, string>();
  readonly #tables = new Set<string>();
  readonly #models = new Set<string>();
  readonly #relations = new Map<string, RelationFact>();
  readonly #relationsOf = new Map<string, RelationFact[]>();
  readonly #views = new Map<string, string[]>();
  readonly #keys = new Map<string, KeyFact[]>();
  readonly #triggers = new Map<string, TriggerFact[]>();

  constructor(facts: readonly SchemaFacts[]) {
    for (const { tables, relations, models } of facts) {
      for (const model of models) this.#models.add(model);
      for (const { name, sql } of tables) {
        this.#tables.add(name);
        const [own, qualified] = [sql.split('.').at(-1) ?? sql, sql];
        for (const key of [qualified, own]) if (!this.#names.has(key.toLowerCase())) this.#names.set(key.toLowerCase(), name);
      }
      for (const relation of relations) {
        this.#relations.set(`${relation.model}.${relation.field}`, relation);
        this.#relationsOf.set(relation.model, [...(this.#relationsOf.get(relation.model) ?? []), relation]);
      }
    }
    const known = new Set(facts.flatMap(({ tables }) => tables.map(({ name }) => name)));
    const code = (name: string): string => (known.has(name) ? name : this.named(name));
    const seen = new Set<string>();
    for (const { keys, triggers, views } of facts) {
      for (const { name, reads } of views) this.#views.set(code(name), reads.map(code));
      for (const key of keys) {
        const one = { ...key, from: code(key.from), to: code(key.to) };
        const id = `${one.from}>${one.to}>${one.onDelete}`;
        if (seen.has(id)) continue;
        seen.add(id);
        this.#keys.set(one.to, [...(this.#keys.get(one.to) ?? []), one]);
      }
      for (const trigger of triggers) {
        const table = code(trigger.table);
        const writes = trigger.writes.map((write) => ({ ...write, table: code(write.table) }));
        this.#triggers.set(table, [...(this.#triggers.get(table) ?? []), { ...trigger, table, writes }]);
      }
    }
  }

  /** Whether a schema names a table so in the code. */
  isTable(name: string): boolean {
    return this.#tables.has(name);
  }

  /** What the code calls a table that SQL names so, with or without its schema. */
  named(sql: string): string {
    const plain = sql.replace(/["`[\]]/g, '').toLowerCase();
    const own = plain.split('.').at(-1) ?? plain;
    return this.#names.get(plain) ?? this.#names.get(own) ?? sql.split('.').at(-1) ?? sql;
  }

  /** The model behind a field of a Prisma model. */
  relation(model: string, field: string): RelationFact | undefined {
    return this.#relations.get(`${model}.${field}`);
  }

  relationsOf(model: string): readonly RelationFact[] {
    return this.#relationsOf.get(model) ?? [];
  }

  /** Whether a schema says what fields the model has. */
  knows(model: string): boolean {
    return this.#models.has(model);
  }

  /** The tables that a view of SQL reads; undefined where the name is none. */
  view(name: string): readonly string[] | undefined {
    return this.#views.get(name);
  }

  /** What the database does along with a write: keys with CASCADE or SET NULL, triggers. */
  alongWith(write: RawWrite): RawWrite[] {
    const found = new Map<string, RawWrite>();
    let generation: RawWrite[] = [write];
    for (let depth = MAX_DEPTH; depth > 0 && generation.length > 0; depth--) {
      const next: RawWrite[] = [];
      for (const cause of generation) {
        for (const one of this.#next(cause)) {
          const id = `${one.table} ${one.operation}`;
          if (found.has(id) || (one.table === write.table && one.operation === write.operation)) continue;
          found.set(id, one);
          next.push(one);
        }
      }
      generation = next;
    }
    return [...found.values()];
  }

  #next(cause: RawWrite): RawWrite[] {
    const { table, operation } = cause;
    const along = (other: string, how: RawWrite['operation'], because: 'foreign key' | 'trigger'): RawWrite => ({ ...cause, table: other, operation: how, because, nested: true });
    const keys = operation === 'delete' ? (this.#keys.get(table) ?? []) : [];
    const triggers = (this.#triggers.get(table) ?? []).filter(({ on }) => on.some((one) => operation === one || operation === 'execute' || (operation === 'upsert' && one !== 'delete')));
    return [
      ...keys.map(({ from, onDelete }) => along(from, onDelete === 'cascade' ? 'delete' : 'update', 'foreign key')),
      ...triggers.flatMap(({ writes }) => writes.map((write) => along(write.table, write.operation, 'trigger'))),
    ];
  }
}
