// route.ts: the stream, a route handler.
import { webHandler } from 'pathcast/web';
import { sessionOf } from '../../../lib/session';

export const dynamic = 'force-dynamic';
export const GET = webHandler({ identify: () => sessionOf() });
