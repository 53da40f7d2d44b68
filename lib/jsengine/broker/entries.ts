/** An action as Redis gives it back. */
import type { EncodedAction } from '../../internal/engine.js';
import { actionOf, readStored } from '../../redis/stored.js';

/** Undefined where the bytes are no action of this company with this id. */
export function encodedOf(companyId: string, id: string, bytes: Buffer): EncodedAction | undefined {
  const stored = readStored(bytes);
  const action = stored && actionOf(stored, companyId);
  if (action?.id !== id || !stored) return undefined;
  const { head, tail, transformed } = stored;
  return { companyId, head, tail, action, ...(transformed && { transformed }) };
}
