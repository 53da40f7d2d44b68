/**
 * Places in PostgreSQL's WAL: 64 bits, a bigint inside, `16/B374D848` for people and in SQL. Also the hexadecimal form of a fixed length whose order
 * as text is the order of places, which is what Lua can compare.
 */

const TEXT = /^([0-9A-Fa-f]{1,8})\/([0-9A-Fa-f]{1,8})$/;

/** Undefined: the text is no LSN. */
export function parseLsn(text: string): bigint | undefined {
  const found = TEXT.exec(text);
  if (!found) return undefined;
  return (BigInt(`0x${found[1] ?? ''}`) << 32n) | BigInt(`0x${found[2] ?? ''}`);
}

export function formatLsn(lsn: bigint): string {
  return `${(lsn >> 32n).toString(16).toUpperCase()}/${(lsn & 0xffffffffn).toString(16).toUpperCase()}`;
}

/** 16 digits. */
export function hexOfLsn(lsn: bigint): string {
  return lsn.toString(16).padStart(16, '0');
}

const HEX = /^[0-9a-f]{16}$/;

/** Undefined: `hexOfLsn` never made it. */
export function lsnOfHex(text: string): bigint | undefined {
  return HEX.test(text) ? BigInt(`0x${text}`) : undefined;
}
