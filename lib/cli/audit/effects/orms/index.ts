/** The libraries that the audit knows, each a room of its own, and what a call writes by one of them. */
import type ts from 'typescript';
import type { Env } from '../code/environment.js';
import { unwrap } from '../code/syntax.js';
import { ofTable } from './drizzle/writes.js';
import { ofKnex } from './knex/writes.js';
import { ofKysely } from './kysely/writes.js';
import { ofDocument } from './mongo/writes.js';
import type { FoundWrite, Orm } from './orm.js';
import { ofPrisma } from './prisma/writes.js';
import { ofRawSql, ofStatement } from './sql/writes.js';
import { ofRepository } from './typeorm/writes.js';

export type { FoundWrite, Orm } from './orm.js';

/** In the order in which they are asked: what is told by more than a method's name comes first. */
export const ORMS: readonly Orm[] = [
  { writesOfCall: ofStatement },
  { writesOfCall: ofRawSql },
  { writesOfCall: ofPrisma },
  { writesOfCall: ofKysely },
  { writesOfCall: ofKnex },
  { writesOfCall: ofTable },
  { writesOfCall: ofRepository },
  { writesOfCall: ofDocument },
];

/** What one call writes, calls inside its arguments left out. */
export function writesOfCall(call: ts.CallExpression, env: Env): FoundWrite[] {
  const callee = unwrap(env.project.ts, call.expression);
  if (!env.project.ts.isPropertyAccessExpression(callee)) return [];
  for (const orm of ORMS) {
    const found = orm.writesOfCall(call, callee, env);
    if (found !== undefined) return found;
  }
  return [];
}
