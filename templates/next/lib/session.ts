// session.ts: who asks.
export interface Session {
  companyId: string;
  userId: string;
}

/** From `cookies()` or a token, never from what the client says of itself. Until then everyone is Ann of Acme. */
export async function sessionOf(): Promise<Session> {
  return { companyId: 'acme', userId: 'ann' };
}
