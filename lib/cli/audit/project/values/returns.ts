import type ts from 'typescript';
import type { Bindings, Value } from '../../model.js';
import type { Reader } from './reader.js';
import { choice, constant, equal, truth } from './values.js';

interface Run {
  values: Value[];
  /** Whether every way through ends with a return or a throw. */
  ends: boolean;
}

/** What a function's body returns: each return that a known condition does not rule out. */
export function returnsOf(e: Reader, body: ts.Block, scope: Bindings): Value {
  const run = runAll(e, body.statements, scope);
  return choice(body, run.ends ? run.values : [...run.values, constant(body, undefined)]);
}

function runAll(e: Reader, statements: readonly ts.Statement[], scope: Bindings): Run {
  const values: Value[] = [];
  for (const statement of statements) {
    const run = runOne(e, statement, scope);
    values.push(...run.values);
    if (run.ends) return { values, ends: true };
  }
  return { values, ends: false };
}

const NOTHING: Run = { values: [], ends: false };

function runOne(e: Reader, statement: ts.Statement, scope: Bindings): Run {
  const { ts } = e;
  if (ts.isReturnStatement(statement)) {
    return { values: [statement.expression ? e.value(statement.expression, scope) : constant(statement, undefined)], ends: true };
  }
  if (ts.isThrowStatement(statement)) return { values: [], ends: true };
  if (ts.isBlock(statement)) return runAll(e, statement.statements, scope);
  if (ts.isIfStatement(statement)) {
    const taken = truth(e.value(statement.expression, scope));
    if (taken === true) return runOne(e, statement.thenStatement, scope);
    const otherwise = statement.elseStatement ? runOne(e, statement.elseStatement, scope) : NOTHING;
    if (taken === false) return otherwise;
    const then = runOne(e, statement.thenStatement, scope);
    return { values: [...then.values, ...otherwise.values], ends: then.ends && otherwise.ends };
  }
  if (ts.isSwitchStatement(statement)) return runSwitch(e, statement, scope);
  if (ts.isTryStatement(statement)) {
    const runs = [statement.tryBlock, statement.catchClause?.block].flatMap((block) => (block ? [runAll(e, block.statements, scope)] : []));
    const last = statement.finallyBlock ? runAll(e, statement.finallyBlock.statements, scope) : NOTHING;
    return { values: [...runs, last].flatMap((run) => run.values), ends: last.ends || runs.every((run) => run.ends) };
  }
  if (ts.isLabeledStatement(statement)) return runOne(e, statement.statement, scope);
  if (ts.isForStatement(statement) || ts.isForOfStatement(statement) || ts.isForInStatement(statement) || ts.isWhileStatement(statement) || ts.isDoStatement(statement)) {
    return { values: runOne(e, statement.statement, scope).values, ends: false };
  }
  return NOTHING;
}

function runSwitch(e: Reader, statement: ts.SwitchStatement, scope: Bindings): Run {
  const { ts } = e;
  const subject = e.value(statement.expression, scope);
  const { clauses } = statement.caseBlock;
  const same = clauses.map((clause) => (ts.isCaseClause(clause) ? equal(subject, e.value(clause.expression, scope)) : false));
  const fallback = clauses.findIndex((clause) => ts.isDefaultClause(clause));
  if (same.every((one) => one !== undefined)) {
    const match = same.indexOf(true);
    const from = match === -1 ? fallback : match;
    if (from === -1) return NOTHING;
    return runFrom(e, clauses, from, scope);
  }
  const runs = clauses.flatMap((_, index) => (same[index] === false && index !== fallback ? [] : [runFrom(e, clauses, index, scope)]));
  return { values: runs.flatMap((run) => run.values), ends: fallback !== -1 && runs.every((run) => run.ends) };
}

/** A clause and those that it falls through to. */
function runFrom(e: Reader, clauses: readonly ts.CaseOrDefaultClause[], from: number, scope: Bindings): Run {
  const values: Value[] = [];
  for (const clause of clauses.slice(from)) {
    const statements = clause.statements.flatMap((one) => (e.ts.isBlock(one) ? [...one.statements] : [one]));
    const stop = statements.findIndex((one) => e.ts.isBreakStatement(one));
    const run = runAll(e, stop === -1 ? statements : statements.slice(0, stop), scope);
    values.push(...run.values);
    if (run.ends) return { values, ends: true };
    if (stop !== -1) return { values, ends: false };
  }
  return { values, ends: false };
}
