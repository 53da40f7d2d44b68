/** Calls that tell somebody without query paths: an emitter, a push service, a cache of the framework. */
import type ts from 'typescript';
import type { Env } from '../code/environment.js';
import { originOf } from '../code/origin.js';
import { isPlainData } from '../code/plain-data.js';
import { calleeName, unwrap } from '../code/syntax.js';

const MODULES = /^(node:)?events$|^(pusher|ably|socket\.io|mitt|eventemitter3|emittery|nanoevents|ws|centrifuge|@supabase\/|pubnub|@liveblocks\/|partykit|graphql-(redis-)?subscriptions|mqtt|nats|soketi)/;
const METHODS = /^(emit|emitAsync|emitSerial|trigger|triggerBatch|publish|publishAsync|broadcast|send|notify|dispatch)$/;
/** Receivers whose very name says that somebody listens. */
const RECEIVERS = /^(ee|io|pusher|ably|socket|ws|wss)$|(emitter|pusher|channel|pubsub|socket|realtime|publisher)$/i;
const REDIS = /redis|publisher|^(pub|nats|mqtt)$/i;
/** Of Next. */
const REVALIDATES = /^(revalidatePath|revalidateTag|updateTag|expireTag|expirePath|unstable_expireTag|unstable_expirePath)$/;

/** `pusher.trigger`; undefined where the call tells nobody, as far as its names say. */
export function tellingOf(call: ts.CallExpression, env: Env): string | undefined {
  const { ts: compiler } = env.project;
  const callee = unwrap(compiler, call.expression);
  const name = calleeName(compiler, callee);
  if (name === undefined) return undefined;
  if (compiler.isIdentifier(callee)) return REVALIDATES.test(name) && env.project.importOf(callee) !== undefined ? name : undefined;
  if (!compiler.isPropertyAccessExpression(callee) || !METHODS.test(name)) return undefined;
  const receiver = lastName(callee.expression, compiler);
  const isNamed = receiver !== undefined && (RECEIVERS.test(receiver) || (name.startsWith('publish') && REDIS.test(receiver)));
  const known = isNamed || MODULES.test(originOf(callee.expression, env.project)?.module ?? '');
  return known && !isPlainData(callee.expression, env.project) ? `${receiver ?? '…'}.${name}` : undefined;
}

/** `io` of `io.to(room)`, `channel` of `ably.channels.get('x')` kept as `get`. */
function lastName(node: ts.Expression, compiler: typeof ts): string | undefined {
  const inner = unwrap(compiler, node);
  if (!compiler.isCallExpression(inner)) return inner.kind === compiler.SyntaxKind.ThisKeyword ? 'this' : calleeName(compiler, inner);
  const callee = unwrap(compiler, inner.expression);
  return compiler.isPropertyAccessExpression(callee) ? (lastName(callee.expression, compiler) ?? callee.name.text) : calleeName(compiler, callee);
}

/** Whether a name of the settings means this call: `revalidatePath`, or `pusher.trigger` by receiver and method. */
export function isNamed(callee: ts.Expression, names: ReadonlySet<string>, compiler: typeof ts): boolean {
  const inner = unwrap(compiler, callee);
  const name = calleeName(compiler, inner);
  if (name === undefined || names.size === 0) return false;
  if (names.has(name)) return true;
  if (!compiler.isPropertyAccessExpression(inner)) return false;
  const receiver = lastName(inner.expression, compiler);
  const last = calleeName(compiler, inner.expression);
  return [receiver, last].some((one) => one !== undefined && names.has(`${one}.${name}`)) || names.has(inner.getText().replace(/[\s?!]/g, ''));
}
