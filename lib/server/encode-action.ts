/**
 * From what a caller gave to what an engine takes: checked, stamped, encoded once.
 * Each field of the input is read once, so that nothing can change between the check and the use.
 */
import { Buffer } from 'node:buffer';
import { randomInt, randomUUID } from 'node:crypto';
import { ACTION_TYPES, type ActionEvent, type ActionType, type SyncAction } from '../protocol/events.js';
import { isPathcastError, PathcastError } from '../protocol/error.js';
import { MAX_ACTION_BYTES, MAX_EPHEMERAL_BYTES } from '../protocol/limits.js';
import { isPlain, restrictionOf, WHERE_BYTES, WHERE_PATHS, type Restriction, type Where } from '../protocol/where.js';
import { describe, describeThrown, describeType } from '../internal/describe.js';
import type { EncodedAction, EncodedEphemeral } from '../internal/engine.js';
import { checkCompanyId, checkIdentifier, checkObject, checkOptionalIdentifier, checkTime } from './check.js';
import { checkRow } from './check-row.js';
import { checkQueryPaths } from './query-paths.js';
import { envelope, type Codec } from './transformer.js';
import { whyUnserialisable } from './unserialisable.js';

export interface EncodeContext {
  /** Declared modules; undefined: any. */
  modules: ReadonlySet<string> | undefined;
  codec: Codec;
  /** False: a broker's log gets the action without its `data`. */
  storesData: boolean;
  /** Unix ms. */
  now: () => number;
  /** Something is odd, but the action goes out. */
  warn: (field: string, message: string, action: { companyId: string; id: string; module: string }) => void;
}

type Checked = SyncAction & Pick<ActionEvent, 'row'>;

/** `data` and `tx` as given, and as JSON (undefined: left out). */
interface Payload {
  data: unknown;
  dataJson: string | undefined;
  tx: unknown;
  txJson: string | undefined;
}

/** What a bound router makes of the paths that were given, and knows of queries. */
export interface Routed {
  /** What goes out. */
  paths: string[];
  /** Those of them that stand for something else as well. */
  standIns: ReadonlySet<string>;
  isQuery: (path: string) => boolean;
}

/** Digits an engine may put between head and tail. */
const SEQ_DIGITS = 16;

/**
 * `route` decides which query paths of the checked action go out; by default those that were given. Throws a
 * PathcastError, or whatever a hostile input throws when it is read.
 */
export function encodeAction(
  input: unknown,
  context: EncodeContext,
  route?: (action: SyncAction) => Routed,
): EncodedAction {
  const raw = checkObject('action', input);
  const action = checkAction(raw, context);
  const given = action.queryPaths;
  const routed = route?.(action);
  if (routed) action.queryPaths = routed.paths;
  const where = whereOf(raw, given, action, routed?.standIns, context);
  if (where) action.where = where;
  const data = raw['data'];
  const tx = raw['tx'];
  let why: string | undefined;
  const row = checkRow({ action: raw, data, type: action.type, queryPaths: action.queryPaths, codec: context.codec, isQuery: routed?.isQuery }, (wrong) => (why = wrong));
  if (!row && why === undefined) return encodeChecked(action, data, tx, context);
  const say = (what: string): void => context.warn('row', `row${/^[.:]/.test(what) ? '' : ' '}${what}; the action goes out without it`, action);
  if (row) {
    const encoded = encodedIfItFits({ ...action, row }, data, tx, context);
    if (typeof encoded !== 'string') return encoded;
    why = `: ${encoded}`;
  }
  // It saves reading again, no more: the action is what has to go out, with its data where these alone fit.
  const alone = encodedIfItFits(action, data, tx, context);
  if (typeof alone !== 'string') {
    say(why as string);
    return alone;
  }
  say(row ? `and its data${why}` : `${why}; nor can its data be sent: ${alone}`);
  return encodeChecked(action, undefined, tx, context);
}

/** A text: why it cannot be. */
function encodedIfItFits(action: Checked, data: unknown, tx: unknown, context: EncodeContext): EncodedAction | string {
  try {
    return encodeChecked(action, data, tx, context);
  } catch (thrown) {
    if (!isPathcastError(thrown)) throw thrown;
    return thrown.message;
  }
}

function encodeChecked(action: Checked, data: unknown, tx: unknown, context: EncodeContext): EncodedAction {
  const payload = encodePayload(data, tx, context.codec);
  const head = headOf(action, payload);
  checkSize(Buffer.byteLength(head) + SEQ_DIGITS + 1, MAX_ACTION_BYTES, 'the action', payload.dataJson);
  const encoded: EncodedAction = { companyId: action.companyId, head, tail: '}', action };
  if (!context.storesData && payload.dataJson !== undefined) {
    const rest = { ...payload, data: undefined, dataJson: undefined };
    const { row: _row, ...rowless } = action;
    const bare = headOf(rowless, rest);
    const transformed = transform(rowless, rest, bare, context.codec);
    encoded.stored = { head: bare, tail: '}', ...(transformed ? { transformed } : undefined) };
  }
  const transformed = transform(action, payload, head, context.codec);
  if (transformed) {
    checkSize(
      Buffer.byteLength(transformed.head) + Buffer.byteLength(transformed.tail) + SEQ_DIGITS,
      MAX_ACTION_BYTES,
      'the action, through the transformer,',
      payload.dataJson,
    );
    encoded.transformed = transformed;
  }
  return encoded;
}

/** The checked action without `data` and `tx`: those live on as JSON alone. */
function checkAction(raw: Record<string, unknown>, context: EncodeContext): SyncAction {
  const companyId = checkCompanyId(raw['companyId']);
  const type = checkType(raw['type']);
  const module = checkModule(raw['module'], context.modules);
  const entityId = checkIdentifier('entityId', raw['entityId']);
  const queryPaths = checkQueryPaths(raw['queryPaths']);
  const id = checkOptionalIdentifier('id', raw['id']) ?? randomUUID();
  const clientId = checkOptionalIdentifier('clientId', raw['clientId']);
  const userId = checkOptionalIdentifier('userId', raw['userId']);
  const sourceId = checkOptionalIdentifier('sourceId', raw['sourceId']);
  const givenTime = raw['timestamp'];
  const timestamp = givenTime === undefined || givenTime === null ? context.now() : checkTime('timestamp', givenTime);
  const toolName = checkOptionalIdentifier('toolName', raw['toolName']);
  if (userId === undefined)
    context.warn('userId', 'the action does not say who did it: userId is missing', { companyId, id, module });
  return {
    id,
    type,
    module,
    entityId,
    companyId,
    ...(clientId === undefined ? undefined : { clientId }),
    userId: userId ?? '',
    ...(sourceId === undefined ? undefined : { sourceId }),
    timestamp,
    queryPaths,
    ...(toolName === undefined ? undefined : { toolName }),
  };
}

/** What cannot narrow is left out: then more is stale, which is right, if dear. Nothing of it is quoted: it may be made of an input. */
function whereOf(raw: Record<string, unknown>, named: readonly string[], action: SyncAction, standIns: ReadonlySet<string> | undefined, context: EncodeContext): Where | undefined {
  const say = (what: string): void => context.warn('where', `where ${what}; it narrows nothing`, action);
  try {
    return checkWhere(raw['where'], named, (path) => action.queryPaths.includes(path) && standIns?.has(path) !== true, say);
  } catch (thrown) {
    say(`could not be read: ${describeThrown(thrown)}`);
    return undefined;
  }
}

function checkWhere(given: unknown, named: readonly string[], isSent: (path: string) => boolean, say: (what: string) => void): Where | undefined {
  if (given === undefined || given === null) return undefined;
  if (!isPlain(given)) {
    say(`must be { path: { key: value } }, got ${describeType(given)}`);
    return undefined;
  }
  const kept: [string, Restriction][] = [];
  const wrong: string[] = [];
  for (const [path, value] of Object.entries(given)) {
    if (value === undefined) continue;
    if (!named.includes(path)) wrong.push(`names a path, ${describeType(path)}, which is none of queryPaths`);
    // One that was repaired, or has another name by an alias, concerns any input; so does what stands for one.
    if (!isSent(path)) continue;
    const restriction = restrictionOf(value);
    if (restriction && path !== '*' && kept.length < WHERE_PATHS) kept.push([path, restriction]);
    else if (!isPlain(value)) wrong.push(`of a path must be { key: value }, got ${describeType(value)}`);
  }
  // An input may have made its keys: they must not fill a log.
  if (wrong.length > 0) say(`${wrong[0]}${wrong.length > 1 ? ` (and ${wrong.length - 1} more)` : ''}`);
  if (kept.length === 0) return undefined;
  const where = Object.fromEntries(kept);
  if (Buffer.byteLength(JSON.stringify(where)) <= WHERE_BYTES) return where;
  say(`is more than ${WHERE_BYTES} bytes of JSON`);
  return undefined;
}

function checkType(value: unknown): ActionType {
  if (ACTION_TYPES.includes(value as ActionType)) return value as ActionType;
  throw new PathcastError('INVALID_FIELD', `type must be one of ${ACTION_TYPES.join(', ')}, got ${describe(value)}`);
}

/** `*`: no module in particular. */
function checkModule(value: unknown, modules: ReadonlySet<string> | undefined): string {
  const module = checkIdentifier('module', value);
  if (modules && module !== '*' && !modules.has(module)) {
    throw new PathcastError(
      'INVALID_FIELD',
      `module ${describe(module)} is not declared; the hub's modules are: ${[...modules].join(', ')}`,
    );
  }
  return module;
}

function encodePayload(data: unknown, tx: unknown, codec: Codec): Payload {
  return { data, dataJson: toJson('data', data, codec), tx, txJson: toJson('tx', tx, codec) };
}

/**
 * Undefined for what JSON leaves out of an object (undefined, a function, a symbol). A BigInt that the app's transformer
 * carries is its digits for those who read plain JSON.
 */
function toJson(field: string, value: unknown, codec: Codec): string | undefined {
  if (value === undefined) return undefined;
  try {
    return JSON.stringify(value);
  } catch (thrown) {
    if (codec.carriesBigInt) {
      try {
        return JSON.stringify(value, (_key, each: unknown) => (typeof each === 'bigint' ? String(each) : each));
      } catch {
        // Something else is in the way: told below.
      }
    }
    throw new PathcastError('NOT_SERIALIZABLE', `cannot be written as JSON: ${whyUnserialisable(field, value, thrown)}`);
  }
}

const quote = JSON.stringify as (text: string) => string;

function headOf(action: Checked, payload: Payload): string {
  let head = `{"id":${quote(action.id)},"type":"${action.type}","module":${quote(action.module)},"entityId":${quote(action.entityId)}`;
  if (payload.dataJson !== undefined) head += `,"data":${payload.dataJson}`;
  head += `,"companyId":${quote(action.companyId)}`;
  if (action.clientId !== undefined) head += `,"clientId":${quote(action.clientId)}`;
  head += `,"userId":${quote(action.userId)}`;
  if (action.sourceId !== undefined) head += `,"sourceId":${quote(action.sourceId)}`;
  head += `,"timestamp":${action.timestamp},"queryPaths":${JSON.stringify(action.queryPaths)}`;
  if (action.toolName !== undefined) head += `,"toolName":${quote(action.toolName)}`;
  if (payload.txJson !== undefined) head += `,"tx":${payload.txJson}`;
  if (action.where !== undefined) head += `,"where":${JSON.stringify(action.where)}`;
  if (action.row !== undefined) head += `,"row":${JSON.stringify(action.row)}`;
  return `${head},"seq":`;
}

/** What may be more than JSON holds. */
function isObject(value: unknown): boolean {
  return (typeof value === 'object' && value !== null) || typeof value === 'bigint';
}

/** Undefined where the plain text, wrapped, is the transformed one. */
function transform(action: Checked, payload: Payload, head: string, codec: Codec): EncodedAction['transformed'] {
  if (codec.form === 'none' || (!isObject(payload.data) && !isObject(payload.tx))) return undefined;
  const extra: Record<string, unknown> = {};
  if (payload.dataJson !== undefined) extra['data'] = payload.data;
  if (payload.txJson !== undefined) extra['tx'] = payload.tx;
  try {
    if (codec.form === 'enveloped') {
      const [prefix, suffix] = envelope(codec, extra);
      return { head: prefix + head, tail: `}${suffix}` };
    }
    return splitAtSeq(action, extra, head, codec);
  } catch (thrown) {
    if (thrown instanceof PathcastError) throw thrown;
    throw new PathcastError(
      'NOT_SERIALIZABLE',
      `the transformer cannot write it: ${whyUnserialisable('data', payload.data, thrown)}`,
    );
  }
}

/** Transforms the whole action with a marker for `seq`, and cuts there. */
function splitAtSeq(
  action: Checked,
  extra: Record<string, unknown>,
  head: string,
  codec: Codec,
): EncodedAction['transformed'] {
  const [prefix, suffix] = codec.wrap ?? ['', ''];
  // The marker must occur once; data that holds it by chance (or by spite) gets another one.
  for (let attempt = 0; attempt < 4; attempt++) {
    const marker = 1e14 + randomInt(2 ** 47);
    const text = codec.encode(inWireOrder(action, extra, marker));
    if (text === `${prefix}${head}${marker}}${suffix}`) return undefined;
    const digits = String(marker);
    const at = text.indexOf(digits);
    if (at >= 0 && text.indexOf(digits, at + 1) < 0)
      return { head: text.slice(0, at), tail: text.slice(at + digits.length) };
  }
  throw new PathcastError('NOT_SERIALIZABLE', 'the transformer does not keep the number `seq` as it is');
}

/** The key order of `headOf`, so that the two texts can be compared. */
function inWireOrder(action: Checked, extra: Record<string, unknown>, seq: number): Record<string, unknown> {
  const { id, type, module, entityId, companyId, clientId, userId, sourceId, timestamp, queryPaths, toolName } = action;
  return {
    id,
    type,
    module,
    entityId,
    ...('data' in extra ? { data: extra['data'] } : undefined),
    companyId,
    ...(clientId === undefined ? undefined : { clientId }),
    userId,
    ...(sourceId === undefined ? undefined : { sourceId }),
    timestamp,
    queryPaths,
    ...(toolName === undefined ? undefined : { toolName }),
    ...('tx' in extra ? { tx: extra['tx'] } : undefined),
    ...(action.where === undefined ? undefined : { where: action.where }),
    ...(action.row === undefined ? undefined : { row: action.row }),
    seq,
  };
}

function checkSize(bytes: number, max: number, what: string, dataJson: string | undefined): void {
  if (bytes <= max) return;
  const data = dataJson === undefined ? '' : ` (data: ${Buffer.byteLength(dataJson)})`;
  throw new PathcastError('ACTION_TOO_LARGE', `${what} is ${bytes} bytes of JSON${data}; at most ${max}`);
}

/** Throws like `encodeAction`. */
export function encodeEphemeral(input: unknown, codec: Codec, now: () => number): EncodedEphemeral {
  const raw = checkObject('event', input);
  const companyId = checkCompanyId(raw['companyId']);
  const topic = checkIdentifier('topic', raw['topic']);
  const data = raw['data'];
  const dataJson = toJson('data', data, codec) ?? 'null';
  const timestamp = now();
  const json = `{"type":"ephemeral","timestamp":${timestamp},"queryPaths":[],"topic":${quote(topic)},"data":${dataJson}}`;
  checkSize(Buffer.byteLength(json), MAX_EPHEMERAL_BYTES, 'the event', dataJson);
  const encoded: EncodedEphemeral = { companyId, json };
  if (codec.form === 'none' || !isObject(data)) return encoded;
  let text: string;
  try {
    if (codec.form === 'enveloped') {
      const [prefix, suffix] = envelope(codec, { data });
      text = prefix + json + suffix;
    } else {
      text = codec.encode({ type: 'ephemeral', timestamp, queryPaths: [], topic, data });
      if (text === `${codec.wrap?.[0]}${json}${codec.wrap?.[1]}`) return encoded;
    }
  } catch (thrown) {
    throw new PathcastError('NOT_SERIALIZABLE', `the transformer cannot write it: ${whyUnserialisable('data', data, thrown)}`);
  }
  checkSize(Buffer.byteLength(text), MAX_EPHEMERAL_BYTES, 'the event, through the transformer,', dataJson);
  encoded.transformedJson = text;
  return encoded;
}
