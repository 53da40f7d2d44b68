/** Prisma's models out of `schema.prisma`: names in SQL, relations, and what a deletion takes along. */
import { actionOf, noFacts, type SchemaFacts } from './facts.js';

interface Field {
  name: string;
  type: string;
  list: boolean;
  optional: boolean;
  attributes: string;
}

interface Model {
  name: string;
  sql: string;
  fields: Field[];
}

export const accessorOf = (model: string): string => model.charAt(0).toLowerCase() + model.slice(1);

export function prismaFacts(text: string): SchemaFacts {
  const facts = noFacts();
  const models = modelsIn(text);
  const byName = new Map(models.map((model) => [model.name, model]));
  for (const model of models) {
    const name = accessorOf(model.name);
    facts.tables.push({ name, sql: model.sql });
    facts.models.push(name);
    for (const field of model.fields) {
      const other = byName.get(field.type);
      if (!other) continue;
      const back = backOf(model, field, other);
      const between = field.list && back?.list ? tableBetween(model, field, other) : undefined;
      facts.relations.push({ model: name, field: field.name, other: accessorOf(other.name), list: field.list, ...(between === undefined ? {} : { between }) });
      if (!/\bfields\s*:/.test(field.attributes)) continue;
      // Prisma's own default: an optional relation is set to null, another one refuses.
      const said = /\bonDelete\s*:\s*(\w+)/.exec(field.attributes)?.[1];
      const onDelete = actionOf(said ?? (field.optional ? 'SetNull' : undefined));
      if (onDelete) facts.keys.push({ from: name, to: accessorOf(other.name), onDelete });
    }
  }
  return facts;
}

function modelsIn(text: string): Model[] {
  const plain = text.replace(/("(?:[^"\\\n]|\\.)*")|\/\/[^\n]*/g, (_, quoted: string | undefined) => quoted ?? '');
  // A brace in quotes closes nothing: `@default("{}")`.
  return [...plain.matchAll(/^[ \t]*(?:model|view)\s+(\w+)\s*\{((?:"(?:[^"\\\n]|\\.)*"|[^}"])*)\}/gm)].map(([, name = '', body = '']): Model => {
    const fields: Field[] = [];
    let sql = name;
    let schema: string | undefined;
    for (const line of body.split('\n')) {
      const mapped = /^\s*@@map\(\s*(?:name\s*:\s*)?"([^"]+)"/.exec(line);
      if (mapped?.[1]) sql = mapped[1];
      schema ??= /^\s*@@schema\(\s*"([^"]+)"/.exec(line)?.[1];
      const field = /^\s*(\w+)\s+(\w+)(\[\])?(\?)?(.*)$/.exec(line);
      if (field) fields.push({ name: field[1] ?? '', type: field[2] ?? '', list: field[3] !== undefined, optional: field[4] !== undefined, attributes: field[5] ?? '' });
    }
    return { name, sql: schema === undefined ? sql : `${schema}.${sql}`, fields };
  });
}

const relationName = ({ attributes }: Field): string | undefined => /@relation\(\s*(?:name\s*:\s*)?"([^"]+)"/.exec(attributes)?.[1] ?? /\bname\s*:\s*"([^"]+)"/.exec(attributes)?.[1];

/** The field of the other model that stands for the same relation. */
function backOf(model: Model, field: Field, other: Model): Field | undefined {
  const name = relationName(field);
  return other.fields.find((one) => one.type === model.name && one !== field && relationName(one) === name);
}

/** Of a relation of many to many that has no model of its own. */
function tableBetween(model: Model, field: Field, other: Model): string {
  return `_${relationName(field) ?? [model.name, other.name].sort().join('To')}`;
}
