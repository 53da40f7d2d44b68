/** How a refusal reads on the wire (SPEC §3), for those who write it and those who read it back. */
import type { ErrorCode } from './codes.js';

/** Fixed beginnings of the messages; `: 5 of 5` may follow. */
export const REFUSAL_MESSAGES = {
  USER_LIMIT: 'Too many connections for this user',
  COMPANY_LIMIT: 'Too many connections for this company',
  DRAINING: 'The server is draining; reconnect',
} as const satisfies Partial<Record<ErrorCode, string>>;
export type RefusalCode = keyof typeof REFUSAL_MESSAGES;

/** The code of a refusal's message; undefined for any other text. */
export function refusalOf(message: string): RefusalCode | undefined {
  for (const code of Object.keys(REFUSAL_MESSAGES) as RefusalCode[]) {
    if (message.startsWith(REFUSAL_MESSAGES[code])) return code;
  }
  return undefined;
}
