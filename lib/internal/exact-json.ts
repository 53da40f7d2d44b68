/**
 * JSON that somebody else has written, read without losing a digit: a number that a JavaScript number does not hold (2^53 + 1, 0.1234567890123456789, 1e400) becomes the
 * text that stands there. Everything else is what JSON.parse makes of it.
 */

/** A text, which is passed over as a whole, or a number. */
const TOKENS = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
/** 15 digits are held by every double. */
const SHORT = /^-?[\d.]{1,15}$/;
/** Where there is none of these, every number is short. */
const LONG = /[\d.]{16}|\d[eE]/;

/** Throws SyntaxError. */
export function parseExact(text: string): unknown {
  // First as it stands: what is no JSON stays none.
  const plain = JSON.parse(text) as unknown;
  return LONG.test(text) ? (JSON.parse(text.replace(TOKENS, (token) => (token.startsWith('"') || isExact(token) ? token : `"${token}"`))) as unknown) : plain;
}

function isExact(token: string): boolean {
  if (SHORT.test(token)) return true;
  const value = Number(token);
  return Number.isFinite(value) && normal(token) === normal(String(value));
}

/** Sign, digits without zeros around them, and the exponent of the last one: equal for equal numbers. */
function normal(number: string): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(number) ?? [];
  const digits = (whole + fraction).replace(/^0+/, '');
  const kept = digits.replace(/0+$/, '');
  return kept === '' ? '0' : `${sign}${kept}e${String(Number(exponent) - fraction.length + digits.length - kept.length)}`;
}
