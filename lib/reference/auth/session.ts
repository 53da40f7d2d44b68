/** Signed sessions: who is calling, for which company, until when. HS256, made and checked by jose. */
import { randomUUID } from 'node:crypto';
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
  | { ok: true; id: string; session: Session }
  | { ok: false; reason: 'missing' | 'broken' | 'expired' | 'ended'; message: string };

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
  jti: z.string(),
  companyId: identifier,
  role: z.enum(ROLES),
  exp: z.number(),
});

const MESSAGES = {
  missing: 'Log in first: POST /login gives a session',
  broken: 'The session token is broken; log in again',
  expired: 'The session has expired; log in again',
  ended: 'The session was ended; log in again',
} as const;

function refused(reason: keyof typeof MESSAGES): SessionCheck {
  return { ok: false, reason, message: MESSAGES[reason] };
}

/** Ended sessions remembered, each until it would have expired. Above it the one that expires soonest is forgotten. */
const MAX_ENDED = 100_000;

export class Sessions {
  readonly #key: Uint8Array;
  /** By the token's id: when it would have expired, Unix ms. With several servers this is a table that they share. */
  readonly #ended = new Map<string, number>();
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
      .setJti(randomUUID())
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
      const { sub, jti, companyId, role, exp } = parsed.data;
      if (this.#ended.has(jti)) return refused('ended');
      return { ok: true, id: jti, session: { userId: sub, companyId, role, expiresAt: exp * 1000 } };
    } catch (error) {
      return refused(error instanceof errors.JWTExpired ? 'expired' : 'broken');
    }
  }

  /** Ends the session that these are of. Undefined where there is none. */
  async end(credentials: Credentials): Promise<Session | undefined> {
    const check = await this.check(credentials);
    if (!check.ok) return undefined;
    const now = Date.now();
    for (const [id, expiresAt] of this.#ended) if (expiresAt <= now) this.#ended.delete(id);
    if (this.#ended.size >= MAX_ENDED) {
      const [soonest] = [...this.#ended].reduce((a, b) => (a[1] <= b[1] ? a : b));
      this.#ended.delete(soonest);
    }
    this.#ended.set(check.id, check.session.expiresAt);
    return check.session;
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
