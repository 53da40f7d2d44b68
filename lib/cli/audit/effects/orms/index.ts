/** The libraries that the audit knows, each a room of its own, and what a call writes and reads by one of them. */
import type ts from 'typescript';
import type { Env } from '../code/environment.js';
import { unwrap } from '../code/syntax.js';
import { readsOfDrizzle } from './drizzle/reads.js';
import { ofTable } from './drizzle/writes.js';
import { readsOfKnex } from './knex/reads.js';
import { ofKnex } from './knex/writes.js';
import { readsOfKysely } from './kysely/reads.js';
import { ofKysely } from './kysely/writes.js';
import { readsOfDocument } from './mongo/reads.js';
import { ofDocument } from './mongo/writes.js';
import type { FoundRead, FoundWrite, Orm } from './orm.js';
import { readsOfPrisma } from './prisma/reads.js';
import { ofPrisma } from './prisma/writes.js';
import { readsOfRawSql, readsOfStatement } from './sql/reads.js';
import { ofRawSql, ofRows, ofStatement } from './sql/writes.js';
import { readsOfRepository } from './typeorm/reads.js';
import { ofRepository } from './typeorm/writes.js';

export type { FoundRead, FoundWrite, Orm } from './orm.js';

/** In the order in which they are asked: what is told by more than a method's name comes first. */
export const ORMS: readonly Orm[] = [
  { writesOfCall: ofStatement, readsOfCall: readsOfStatement },
  { writesOfCall: (call, callee, env) => ofRows(call, callee, env) ?? ofRawSql(call, callee, env), readsOfCall: readsOfRawSql },
  { writesOfCall: ofPrisma, readsOfCall: readsOfPrisma },
  { writesOfCall: ofKysely, readsOfCall: readsOfKysely },
  { writesOfCall: ofKnex, readsOfCall: readsOfKnex },
  { writesOfCall: ofTable, readsOfCall: readsOfDrizzle },
  { writesOfCall: ofRepository, readsOfCall: readsOfRepository },
  { writesOfCall: ofDocument, readsOfCall: readsOfDocument },
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

/** What one call reads, calls inside its arguments left out; undefined where no library knows it. */
export function readsOfCall(call: ts.CallExpression, env: Env): FoundRead[] | undefined {
  const callee = unwrap(env.project.ts, call.expression);
  for (const orm of ORMS) {
    const found = orm.readsOfCall(call, callee, env);
    if (found !== undefined) return found;
  }
  return undefined;
}
