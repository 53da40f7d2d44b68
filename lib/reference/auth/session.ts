/** Signed sessions: who is calling, for which company, until when. HS256, made and checked by jose. */
import { errors, jwtVerify, SignJWT } from 'jose';
import * as z from 'zod';
import { identifier } from '../inputs.js';

/** `viewer` may only read. */
export const ROLES = ['admin', 'member', 'viewer'] as const;
export type Role = (typeof ROLES)[number];

export interface Session {
  userId: string;
  companyId: string;
  role: Role;
  /** Unix ms. */
  expiresAt: number;
}

export type SessionCheck =
  | { ok: true; session: Session }
  | { ok: false; reason: 'missing' | 'broken' | 'expired'; message: string };

/** What a request says about its sender, in the order in which it is believed. */
export interface Credentials {
  authorization?: string | undefined;
  /** `connectionParams.token` of a tRPC client: EventSource cannot send headers. */
  connectionToken?: string | undefined;
  cookie?: string | undefined;
}

const ISSUER = 'pathcast-reference';

const claims = z.object({
  sub: identifier,
  companyId: identifier,
  role: z.enum(ROLES),
  exp: z.number(),
});

const MESSAGES = {
  missing: 'Log in first: POST /login gives a session',
  broken: 'The session token is broken; log in again',
  expired: 'The session has expired; log in again',
} as const;

function refused(reason: keyof typeof MESSAGES): SessionCheck {
  return { ok: false, reason, message: MESSAGES[reason] };
}

export class Sessions {
  readonly #key: Uint8Array;
  /** Seconds a session lasts. */
  readonly ttlSeconds: number;

  constructor(secret: string, ttlSeconds: number) {
    this.#key = new TextEncoder().encode(secret);
    this.ttlSeconds = ttlSeconds;
  }

  async sign(who: Pick<Session, 'userId' | 'companyId' | 'role'>): Promise<{ token: string; expiresAt: number }> {
    const issuedAt = Math.floor(Date.now() / 1000);
    const exp = issuedAt + this.ttlSeconds;
    const token = await new SignJWT({ companyId: who.companyId, role: who.role })
      .setProtectedHeader({ alg: 'HS256' })
      .setIssuer(ISSUER)
      .setSubject(who.userId)
      .setIssuedAt(issuedAt)
      .setExpirationTime(exp)
      .sign(this.#key);
    return { token, expiresAt: exp * 1000 };
  }

  async verify(token: string): Promise<SessionCheck> {
    try {
      const { payload } = await jwtVerify(token, this.#key, { issuer: ISSUER, algorithms: ['HS256'] });
      const parsed = claims.safeParse(payload);
      if (!parsed.success) return refused('broken');
      const { sub, companyId, role, exp } = parsed.data;
      return { ok: true, session: { userId: sub, companyId, role, expiresAt: exp * 1000 } };
    } catch (error) {
      return refused(error instanceof errors.JWTExpired ? 'expired' : 'broken');
    }
  }

  /** The most explicit credential counts alone: a broken Bearer is refused whatever the cookie says. */
  async check(credentials: Credentials): Promise<SessionCheck> {
    const { authorization, connectionToken, cookie } = credentials;
    if (authorization !== undefined) {
      const match = /^Bearer +(\S+) *$/i.exec(authorization);
      return match?.[1] ? this.verify(match[1]) : refused('broken');
    }
    const token = connectionToken ?? cookie;
    return token ? this.verify(token) : refused('missing');
  }
}
