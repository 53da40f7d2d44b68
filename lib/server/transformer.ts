/**
 * How the app's tRPC transformer meets an engine that knows nothing of transformers.
 *
 * Most transformers (superjson) put a prefix and a suffix around plain JSON, and add to it only where the
 * value holds more than JSON can (dates, maps). A probe at start finds prefix and suffix, so that an engine
 * can write its own events; an action whose data is more than plain travels with its transformed text.
 *
 * A transformer of another form (devalue) cannot be written by an engine. Then no tRPC stream takes the
 * socket; each goes through a generator, and tRPC itself transforms. Data that is more than JSON survives the
 * engine in an envelope `{"d":<transformed data and tx>,"e":<event>}` that never leaves the process.
 */
import { PathcastError } from '../protocol/error.js';
import { messageOf } from '../internal/describe.js';
import type { AnyTransformer, TransformerLike } from './options.js';

export interface Codec {
  /** `none`: no transformer. `wrapped`: an engine can write it. `enveloped`: generators only. */
  readonly form: 'none' | 'wrapped' | 'enveloped';
  /** For `EngineOptions.transformWrap`. */
  readonly wrap: readonly [prefix: string, suffix: string] | null;
  /** A BigInt comes back as one. */
  readonly carriesBigInt: boolean;
  /** A date does. */
  readonly carriesDate: boolean;
  /** JSON text of a value through the transformer. Throws what the transformer throws. */
  encode: (value: unknown) => string;
  /** The value of a payload of a `transformed` stream. */
  decode: (text: string) => unknown;
  /** The value that `encode` made the text of. Throws what the transformer throws. */
  restore: (text: string) => unknown;
}

const PLAIN: Codec = {
  form: 'none',
  wrap: null,
  carriesBigInt: false,
  carriesDate: false,
  encode: (value) => JSON.stringify(value),
  decode: (text) => JSON.parse(text) as unknown,
  restore: (text) => JSON.parse(text) as unknown,
};

/** Every kind that JSON has, and text that must be escaped. */
const PROBES: readonly unknown[] = [
  {
    type: 'probe',
    text: '"\\\u2028\u00e9\u{1f600}\n',
    numbers: [0, -1.5e-7, 2 ** 53],
    yes: true,
    no: false,
    none: null,
    empty: [{}, []],
    deep: { a: [{ b: [null] }] },
  },
  { type: 'other', queryPaths: ['guests.getAll', '*'], seq: 7, data: { json: 1, meta: 2 } },
];

/** An object, or a class with static methods (superjson). */
function isHolder(value: unknown): value is Record<string, unknown> {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}

/** The half that serves data on its way to the client. */
function outputHalf(transformer: unknown): TransformerLike {
  const half = isHolder(transformer) && 'output' in transformer ? transformer['output'] : transformer;
  if (!isHolder(half) || typeof half['serialize'] !== 'function' || typeof half['deserialize'] !== 'function') {
    throw new PathcastError(
      'INVALID_OPTION',
      'transformer must have serialize() and deserialize(), or be { input, output } of such',
    );
  }
  return half as unknown as TransformerLike;
}

/** Throws INVALID_OPTION if the transformer cannot carry plain JSON there and back. */
export function createCodec(transformer: AnyTransformer | undefined): Codec {
  if (transformer === undefined) return PLAIN;
  const half = outputHalf(transformer);
  const encode = (value: unknown): string => JSON.stringify(half.serialize(value));
  const decode = (text: string): unknown => half.deserialize(JSON.parse(text));
  const wrap = probe(encode, decode);
  const carried = { carriesBigInt: carries(7n, encode, decode), carriesDate: carries(new Date(7), encode, decode) };
  if (wrap) return { form: 'wrapped', wrap, ...carried, encode, decode, restore: decode };
  return {
    form: 'enveloped',
    ...carried,
    // An engine adds nothing to its own events, and takes the envelope as the transformed text of an action.
    wrap: ['', ''],
    encode,
    restore: decode,
    decode: (text) => openEnvelope(JSON.parse(text) as Record<string, unknown>, half),
  };
}

function carries(value: bigint | Date, encode: Codec['encode'], decode: Codec['decode']): boolean {
  try {
    const back = decode(encode(value));
    return back === value || (back instanceof Date && value instanceof Date && back.getTime() === value.getTime());
  } catch {
    return false;
  }
}

function probe(
  encode: (value: unknown) => string,
  decode: (text: string) => unknown,
): readonly [string, string] | null {
  let wrap: readonly [string, string] | null | undefined;
  for (const value of PROBES) {
    const plain = JSON.stringify(value);
    let text: string;
    let back: string;
    try {
      text = encode(value);
      back = JSON.stringify(decode(text));
    } catch (thrown) {
      throw new PathcastError('INVALID_OPTION', `transformer cannot carry plain JSON: ${messageOf(thrown)}`, {
        cause: thrown,
      });
    }
    if (back !== plain)
      throw new PathcastError('INVALID_OPTION', 'transformer changes plain JSON on its way there and back');
    const at = text.indexOf(plain);
    const found = at < 0 ? null : ([text.slice(0, at), text.slice(at + plain.length)] as const);
    if (wrap === undefined) wrap = found;
    else if (!found || !wrap || found[0] !== wrap[0] || found[1] !== wrap[1]) wrap = null;
  }
  return wrap ?? null;
}

/** Text around the event's own JSON in an envelope. */
export function envelope(codec: Codec, extra: Record<string, unknown>): readonly [prefix: string, suffix: string] {
  return [`{"d":${codec.encode(extra)},"e":`, '}'];
}

/** Every event has a `type`; an envelope has none. */
function openEnvelope(value: Record<string, unknown>, half: TransformerLike): unknown {
  if ('type' in value || !('e' in value)) return value;
  return { ...(value['e'] as object), ...(half.deserialize(value['d']) as object) };
}

/** More than JSON holds: what a transformer is for. */
const TELLING = { date: new Date(0), list: [1, 'two', null], none: undefined };

/**
 * The router's transformer and the hub's must write the same: the hub writes events that tRPC's client reads with the
 * router's. Throws INVALID_OPTION.
 */
export function checkTransformer(router: unknown, codec: Codec): void {
  const config = (router as { _def?: { _config?: { transformer?: unknown } } } | null)?._def?._config;
  if (!isHolder(config) || config['transformer'] === undefined) return;
  const text = (encode: () => string): string | undefined => {
    try {
      return encode();
    } catch {
      return undefined;
    }
  };
  const plain = JSON.stringify(TELLING);
  const own = text(() => codec.encode(TELLING));
  const routers = text(() => JSON.stringify(outputHalf(config['transformer']).serialize(TELLING)));
  if (own === routers) return;
  const say = (written: string | undefined): string => (written === plain ? 'none' : 'one');
  const how =
    say(own) === say(routers) ? 'the two are different' : `the router has ${say(routers)}, the hub ${say(own)}`;
  throw new PathcastError(
    'INVALID_OPTION',
    `transformer: ${how}; give createHub({ transformer }) what initTRPC.create({ transformer }) has, else browsers read no event`,
  );
}
