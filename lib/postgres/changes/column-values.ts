/** A column's text as a value that JSON has, for the `data` of an action. What a number of JavaScript cannot hold exactly stays the text that PostgreSQL sends, inside of a JSON column too. */
import { parseExact } from '../../internal/exact-json.js';

/** Of pg_type: they are the same in every database. */
const BOOL = 16;
const INT2 = 21;
const INT4 = 23;
const FLOAT4 = 700;
const FLOAT8 = 701;
const JSON_TYPE = 114;
const JSONB = 3802;

export function columnValue(typeOid: number, text: string | null): unknown {
  if (text === null) return null;
  switch (typeOid) {
    case BOOL:
      return text === 't';
    case INT2:
    case INT4:
      return Number(text);
    case FLOAT4:
    case FLOAT8: {
      const value = Number(text);
      // NaN and Infinity are no JSON.
      return Number.isFinite(value) ? value : text;
    }
    case JSON_TYPE:
    case JSONB:
      try {
        return parseExact(text);
      } catch {
        return text;
      }
    default:
      return text;
  }
}
