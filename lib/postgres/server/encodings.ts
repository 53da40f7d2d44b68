/**
 * Bytes of a transaction's message as text. PostgreSQL sends rows in the client's encoding, UTF-8, and a message as it stands in the WAL: in that of the database.
 */
import type { Buffer } from 'node:buffer';

/** PostgreSQL's name, and the one that a TextDecoder knows. Of the others what is ASCII can be read. */
const LABELS: Readonly<Record<string, string>> = {
  UTF8: 'utf-8',
  // What a client has sent: mostly UTF-8.
  SQL_ASCII: 'utf-8',
  LATIN2: 'iso-8859-2',
  LATIN3: 'iso-8859-3',
  LATIN4: 'iso-8859-4',
  LATIN5: 'iso-8859-9',
  LATIN6: 'iso-8859-10',
  LATIN7: 'iso-8859-13',
  LATIN8: 'iso-8859-14',
  LATIN9: 'iso-8859-15',
  ISO_8859_5: 'iso-8859-5',
  ISO_8859_6: 'iso-8859-6',
  ISO_8859_7: 'iso-8859-7',
  ISO_8859_8: 'iso-8859-8',
  WIN866: 'ibm866',
  WIN874: 'windows-874',
  WIN1250: 'windows-1250',
  WIN1251: 'windows-1251',
  WIN1252: 'windows-1252',
  WIN1253: 'windows-1253',
  WIN1254: 'windows-1254',
  WIN1255: 'windows-1255',
  WIN1256: 'windows-1256',
  WIN1257: 'windows-1257',
  WIN1258: 'windows-1258',
  KOI8R: 'koi8-r',
  KOI8U: 'koi8-u',
  EUC_JP: 'euc-jp',
  EUC_KR: 'euc-kr',
  EUC_CN: 'gb2312',
};

export type Decode = (bytes: Buffer) => string | undefined;

/** `encoding`: as `server_encoding` says. Gives undefined for bytes that are no text in it. */
export function decoderOf(encoding: string): Decode {
  // A TextDecoder takes its name for windows-1252.
  if (encoding === 'LATIN1') return (bytes) => bytes.toString('latin1');
  const decoder = textDecoder(LABELS[encoding]);
  return (bytes) => {
    if (!decoder) return bytes.every((byte) => byte < 0x80) ? bytes.toString('latin1') : undefined;
    try {
      return decoder.decode(bytes);
    } catch {
      return undefined;
    }
  };
}

/** Undefined: there is none, or this Node was built without it. */
function textDecoder(label: string | undefined): InstanceType<typeof TextDecoder> | undefined {
  try {
    return label === undefined ? undefined : new TextDecoder(label, { fatal: true, ignoreBOM: true });
  } catch {
    return undefined;
  }
}
