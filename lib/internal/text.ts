/** Facts about strings as they will be on the wire (UTF-8). */

/** In Unicode mode a pair is one code point, so only a lone surrogate matches. */
const LONE_SURROGATE = /\p{Surrogate}/u;

/** False if the string has a lone surrogate, which no UTF-8 text can hold. */
export function isWellFormed(text: string): boolean {
  return !LONE_SURROGATE.test(text);
}

/** True if the UTF-8 form of a well-formed string is longer than `max` bytes; cheap for short strings. */
export function exceedsBytes(text: string, max: number): boolean {
  // One UTF-16 unit is one to three bytes of UTF-8.
  if (text.length * 3 <= max) return false;
  if (text.length > max) return true;
  return utf8Length(text) > max;
}

/** Bytes of the UTF-8 form; a lone surrogate counts as U+FFFD. */
export function utf8Length(text: string): number {
  let bytes = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) bytes += 1;
    else if (unit < 0x800) bytes += 2;
    else if (unit >= 0xd800 && unit < 0xdc00 && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00) {
      bytes += 4;
      i++;
    } else bytes += 3;
  }
  return bytes;
}
