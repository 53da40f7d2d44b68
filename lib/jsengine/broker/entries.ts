/** An action as Redis gives it back. */
import type { EncodedAction } from '../../internal/engine.js';
import { actionOf, readStored } from '../../redis/stored.js';

/** A half of a pair, which JSON can say and UTF-8 cannot, stands in Redis as what stands for the unreadable. */
function wellFormed(text: string): string {
  return Buffer.from(text).toString();
}

/** Undefined where the bytes are no action of this company with this id. */
export function encodedOf(companyId: string, id: string, bytes: Buffer): EncodedAction | undefined {
  const stored = readStored(bytes);
  const action = stored && actionOf(stored, companyId);
  if (!stored || action === undefined || wellFormed(action.id) !== id) return undefined;
  const { head, tail, transformed } = stored;
  return { companyId, head, tail, action, ...(transformed && { transformed }) };
}
