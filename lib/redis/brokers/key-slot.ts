/** Which of a cluster's slots a key or a channel is in: CRC16 (XMODEM) of its hash tag, or of all of it. */
const SLOTS = 16_384;

export function keySlot(key: string): number {
  const open = key.indexOf('{');
  const close = open < 0 ? -1 : key.indexOf('}', open + 1);
  const bytes = Buffer.from(close > open + 1 ? key.slice(open + 1, close) : key);
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = ((crc & 0x8000) === 0 ? crc << 1 : (crc << 1) ^ 0x1021) & 0xffff;
  }
  return crc % SLOTS;
}

const KEYLESS: ReadonlySet<string> = new Set(['INFO', 'PING', 'TIME', 'SCRIPT', 'CONFIG', 'CLIENT', 'CLUSTER', 'ROLE']);

/** The key that decides to whom a command goes; undefined: to anybody. */
export function firstKey([name, ...args]: readonly (string | Buffer)[]): string | undefined {
  const command = String(name).toUpperCase();
  if (KEYLESS.has(command)) return undefined;
  const key = command === 'EVAL' || command === 'EVALSHA' ? args[2] : args[0];
  return key === undefined ? undefined : String(key);
}
