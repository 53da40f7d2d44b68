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
  /** JSON text of a value through the transformer. Throws what the transformer throws. */
  encode: (value: unknown) => string;
  /** The value of a payload of a `transformed` stream. */
  decode: (text: string) => unknown;
}

const PLAIN: Codec = {
  form: 'none',
  wrap: null,
  encode: (value) => JSON.stringify(value),
  decode: (text) => JSON.parse(text) as unknown,
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
  if (wrap) return { form: 'wrapped', wrap, encode, decode };
  return {
    form: 'enveloped',
    // An engine adds nothing to its own events, and takes the envelope as the transformed text of an action.
    wrap: ['', ''],
    encode,
    decode: (text) => openEnvelope(JSON.parse(text) as Record<string, unknown>, half),
  };
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
