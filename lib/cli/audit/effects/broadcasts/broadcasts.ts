/** Calls that broadcast. */
import type ts from 'typescript';
import type { Unseen } from '../../report.js';
import { pathsOfValue, readAction } from './action.js';
import type { Env } from '../code/environment.js';
import { BROADCAST_LIKE, BROADCAST_METHODS, BROADCASTS, HALVES, SYNC_METHODS, SYNC_RECEIVER } from '../code/names.js';
import { isNamed } from './tells.js';
import type { RawBroadcast } from '../types.js';
import { calleeName, isInlineFunction, rootOf, unwrap } from '../code/syntax.js';

export type FoundBroadcast = Pick<RawBroadcast, 'by' | 'queryPaths' | 'complete' | 'module' | 'type' | 'clientId' | 'userId' | 'mutation' | 'tool' | 'tells'> & {
  node: ts.Node;
  unseen: Unseen[];
  /** Goes out after the commit, wherever it stands. */
  afterCommit?: boolean;
  /** Of the two halves of one broadcast: what they share. */
  half?: ts.Node | string;
  /** The condition that its own `?.` is. */
  condition?: string;
};

export interface BroadcastCall {
  broadcasts: FoundBroadcast[];
  /** Looked like one and is none. */
  note?: string;
  /** The function called is part of the project: its code is to be read, whatever it broadcasts counted here already. */
  read: 'nothing' | 'writes';
}

/** What a call broadcasts by itself; undefined where it is to be followed like any other. */
export function broadcastOfCall(call: ts.CallExpression, env: Env, extra: ReadonlySet<string>, isProjects: () => boolean): BroadcastCall | undefined {
  const { ts: compiler } = env.project;
  const callee = unwrap(compiler, call.expression);
  const name = calleeName(compiler, callee);
  if (name === undefined) return undefined;
  const isSaid = isNamed(callee, extra, compiler);
  const named = BROADCASTS.has(name) || isSaid;
  const method = compiler.isPropertyAccessExpression(callee) ? callee : undefined;
  if (method && SYNC_METHODS.has(name)) return ofSync(call, method, name, env);
  if (!named && !BROADCAST_METHODS.has(name) && !BROADCAST_LIKE.test(name)) return undefined;
  const actions = actionsOf(call, compiler);
  const read = actions.map((node) => ({ node, action: readAction(node, env) }));
  const carried = read.filter(({ action }) => action.hasPaths === true);
  const by = shownName(callee, compiler);
  const optional = method?.questionDotToken ? { condition: method.expression.getText() } : {};
  const found = (list: typeof read): FoundBroadcast[] =>
    list.map(({ node, action: { hasPaths: _, ...action } }) => ({
      ...action,
      by,
      node: list.length > 1 ? node : call,
      ...optional,
      ...(HALVES.has(name) ? { half: halfKey(node, env) } : {}),
    }));
  if (carried.length > 0) {
    // `log({ queryPaths })` is none; a function of the project that takes an action may do more with it than to send it.
    return { broadcasts: found(carried), read: named ? 'nothing' : 'writes' };
  }
  if (named && !isSaid && read.some(({ action }) => action.hasPaths === undefined)) return { broadcasts: found(read), read: 'nothing' };
  const receiver = method && rootOf(compiler, method.expression);
  const onHub = method !== undefined && BROADCAST_METHODS.has(name) && SYNC_RECEIVER.test(calleeName(compiler, method.expression) ?? '') && receiver !== undefined;
  if (onHub && read.some(({ action }) => action.hasPaths === undefined)) return { broadcasts: found(read), read: 'nothing' };
  if (isSaid) {
    // The code base's own layer: it tells somebody, in its own way.
    const base = { by, node: call, queryPaths: [], complete: true, unseen: [], clientId: 'unknown', userId: 'unknown', tells: true } as const;
    return { broadcasts: [{ ...base, queryPaths: [], unseen: [], ...optional }], read: 'writes' };
  }
  // A function of that name which is the project's own is followed: it may end in a broadcast or have nothing to do with one.
  if (isProjects()) return undefined;
  if (named || BROADCAST_METHODS.has(name)) {
    return { broadcasts: [], note: `${by}() has no queryPaths: not counted as a broadcast`, read: 'nothing' };
  }
  return undefined;
}

/** The arguments that may be actions; the members of a list that `broadcastMany` is given. */
function actionsOf(call: ts.CallExpression, compiler: typeof ts): ts.Expression[] {
  const found: ts.Expression[] = [];
  for (const argument of call.arguments) {
    const inner = unwrap(compiler, argument);
    if (compiler.isArrayLiteralExpression(inner)) found.push(...inner.elements.filter((element) => !compiler.isSpreadElement(element)));
    else if (!isInlineFunction(compiler, inner) && !compiler.isStringLiteralLike(inner)) found.push(argument);
  }
  return found;
}

function shownName(callee: ts.Expression, compiler: typeof ts): string {
  if (compiler.isIdentifier(callee)) return callee.text;
  const text = callee.getText().replace(/\s+/g, '');
  const parts = text.split('.');
  return text.length <= 40 && !text.includes('(') ? text.replace(/\?/g, '').replace(/!/g, '') : (parts.at(-1) ?? text);
}

function halfKey(node: ts.Expression, env: Env): ts.Node | string {
  const { ts: compiler } = env.project;
  const inner = unwrap(compiler, node);
  const declaration = compiler.isIdentifier(inner) ? env.project.declarationOf(inner) : undefined;
  return declaration ?? inner.getText();
}

/** `sync.announce('guests.create', …)`, `sync.announceTool('add_guest', …)`, `sync.afterCommit(tx, action)`. */
function ofSync(call: ts.CallExpression, method: ts.PropertyAccessExpression, name: string, env: Env): BroadcastCall | undefined {
  const { ts: compiler } = env.project;
  const [first, second] = call.arguments;
  if (first === undefined) return undefined;
  const by = shownName(method, compiler);
  if (name === 'afterCommit') {
    const given = second ?? first;
    const inner = unwrap(compiler, given);
    // A function is run after the commit; what it broadcasts counts when it is read.
    if (isInlineFunction(compiler, inner)) return undefined;
    const list = compiler.isArrayLiteralExpression(inner) ? [...inner.elements] : [given];
    const broadcasts = list.map((node): FoundBroadcast => {
      const { hasPaths: _, ...action } = readAction(node, env);
      return { ...action, by, node: call, afterCommit: true };
    });
    return { broadcasts, read: 'nothing' };
  }
  const { paths, complete, why } = pathsOfValue(env.project.evaluate(first, env.scope), env);
  const names = [...new Set(paths.map((one) => one.path))];
  const key = name === 'announce' ? 'mutation' : 'tool';
  // An `announce` of something else: its argument is no path.
  if (key === 'mutation' && !(complete && names.length > 0 && names.every((one) => one.includes('.')))) return undefined;
  const base = { by, node: call, queryPaths: [], clientId: 'unknown', userId: 'unknown' } as const;
  const broadcasts = names.map((one): FoundBroadcast => ({ ...base, queryPaths: [], complete: true, unseen: [], [key]: one }));
  if (!complete) {
    const what = `the name given to ${by}()`;
    const unseen = [{ ...env.project.placeOf(first), what, why: why ?? 'it is computed when the program runs' }];
    broadcasts.push({ ...base, queryPaths: [], complete: false, unseen });
  }
  return { broadcasts, read: 'nothing' };
}
