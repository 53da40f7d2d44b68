/** `POST /login` and `POST /logout`. There is no password: this server shows sync, not accounts. */
import cookie from '@fastify/cookie';
import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance } from 'fastify';
import * as z from 'zod';
import { ROLES, type Session, type Sessions } from '../auth/session.js';
import { identifier } from '../inputs.js';
import type { Settings } from '../settings.js';
import { refuse } from './refusals.js';

export const SESSION_COOKIE = 'pathcast_session';

const body = z.object(
  { userId: identifier, companyId: identifier, role: z.enum(ROLES).default('member') },
  'the body must be a JSON object',
);

export interface LoginHooks {
  /** Before a session is given to somebody. */
  entering: (who: { companyId: string }) => Promise<void>;
  /** After a session was ended: its streams must end too. */
  left: (session: Session) => Promise<unknown>;
}

export async function installLogin(app: FastifyInstance, sessions: Sessions, settings: Settings, hooks: LoginHooks): Promise<void> {
  await app.register(cookie);
  await app.register(async (scope) => {
    if (settings.loginsPerMinute > 0) {
      await scope.register(rateLimit, { max: settings.loginsPerMinute, timeWindow: 60_000 });
    }
    const attributes = { path: '/', httpOnly: true, sameSite: 'lax', secure: settings.production } as const;

    scope.post('/login', { bodyLimit: 4_096 }, async (request, reply) => {
      const parsed = body.safeParse(request.body);
      if (!parsed.success) {
        const problems = parsed.error.issues.map((issue) => [issue.path.join('.'), issue.message].filter(Boolean).join(': '));
        return refuse(request, reply, 400, problems.join('; '));
      }
      await hooks.entering(parsed.data);
      const { token, expiresAt } = await sessions.sign(parsed.data);
      reply.setCookie(SESSION_COOKIE, token, { ...attributes, maxAge: sessions.ttlSeconds });
      reply.header('cache-control', 'no-store');
      return { token, expiresAt, ...parsed.data };
    });

    /** Ends the session that the request is of: its token is worth nothing from then on, and the user's streams end. */
    scope.post('/logout', async (request, reply) => {
      const ended = await sessions.end({ authorization: request.headers.authorization, cookie: request.cookies[SESSION_COOKIE] });
      if (ended) await hooks.left(ended);
      reply.clearCookie(SESSION_COOKIE, attributes);
      return reply.code(204).send();
    });
  });
}
