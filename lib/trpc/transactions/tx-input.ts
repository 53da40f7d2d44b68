/** What a client says of a mutation beside its input: `.input(txInput)`. */
import { describeKind, isArray } from '../../internal/describe.js';
import { MAX_FIELDS } from '../../protocol/limits.js';

/** All of it comes from a browser: none of it is quoted in an error. */
export interface TxRequest {
  /** Made once a mutation, sent with each try of it: `crypto.randomUUID()`. 1 to 64 printable characters of ASCII, the first no `~`. */
  transactionId: string;
  /** The tab, as the stream's `sourceId`. */
  sourceId?: string | undefined;
  /** The fields that the user has changed. Default: all that the mutation is given. At most 256. */
  changedFields?: string[] | undefined;
  /**
   * By field the version that the user has seen: the transaction that wrote it, as the stream's actions and the answers say; null: none is known.
   * A changed field that is not here counts as null. Without `expected` nothing is compared. At most 256: of a row with more, those that the user may change here.
   */
  expected?: Record<string, string | null> | undefined;
}

// A type, not an interface: tRPC merges inputs that are records.
 
export type TxInput = { tx?: TxRequest | undefined };

const ID = /^(?!~)[!-~]{1,64}$/;
/** `~`: of what was written past `sync.transaction()`. */
const VERSION = /^[!-~]{1,64}$/;
const FIELD = /^[^\p{C}]{1,128}$/u;

/**
 * A parser for `.input()`, beside the app's own: `.input(txInput).input(z.object({ id: z.string(), title: z.string() }))`. A strict object
 * refuses the `tx` beside it. Throws TypeError, which tRPC answers with BAD_REQUEST.
 */
export function txInput(value: unknown): TxInput {
  const tx = txOf(value);
  return tx ? { tx } : {};
}

/** Undefined: the client says nothing. Throws TypeError. */
export function txOf(value: unknown): TxRequest | undefined {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, 'tx')) return undefined;
  const given = (value as { tx?: unknown }).tx;
  if (given === undefined || given === null) return undefined;
  if (typeof given !== 'object' || isArray(given)) throw new TypeError(`tx must be an object, got ${describeKind(given)}`);
  const { transactionId, sourceId, changedFields, expected } = given as Record<string, unknown>;
  const tx: TxRequest = { transactionId: idOf('transactionId', transactionId, ID) };
  if (sourceId !== undefined && sourceId !== null) tx.sourceId = idOf('sourceId', sourceId, VERSION);
  if (changedFields !== undefined && changedFields !== null) {
    if (!isArray(changedFields)) throw new TypeError(`tx.changedFields must be an array of names, got ${describeKind(changedFields)}`);
    if (changedFields.length > MAX_FIELDS) throw new TypeError(`tx.changedFields has ${changedFields.length} names; at most ${MAX_FIELDS}`);
    tx.changedFields = changedFields.map((name) => fieldOf('changedFields', name));
  }
  if (expected !== undefined && expected !== null) {
    if (typeof expected !== 'object' || isArray(expected)) throw new TypeError(`tx.expected must be an object, got ${describeKind(expected)}`);
    const entries = Object.entries(expected);
    if (entries.length > MAX_FIELDS) throw new TypeError(`tx.expected has ${entries.length} fields; at most ${MAX_FIELDS}: leave out those that the user does not change here`);
    const versions = entries.map(([name, version]): [string, string | null] => [
      fieldOf('expected', name),
      version === null ? null : idOf('expected[…]', version, VERSION),
    ]);
    // Never an assignment: a field may be called `__proto__`.
    tx.expected = Object.fromEntries(versions);
  }
  return tx;
}

function idOf(name: string, value: unknown, pattern: RegExp): string {
  if (typeof value === 'string' && pattern.test(value)) return value;
  throw new TypeError(`tx.${name} must be a text of 1 to 64 printable characters of ASCII${pattern === ID ? ', the first no ~' : ''}, got ${describeKind(value)}`);
}

function fieldOf(name: string, value: unknown): string {
  if (typeof value === 'string' && FIELD.test(value)) return value;
  throw new TypeError(`tx.${name}: a field's name is a text of 1 to 128 characters that can be seen, got ${describeKind(value)}`);
}
