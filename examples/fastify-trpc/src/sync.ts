// sync.ts: who broadcasts. Rules say once what each action carries beside its query paths.
import { createSync } from 'pathcast/trpc';
import type { Context } from './context.js';

export const sync = createSync<Context>({
  rules: {
    companyId: ({ ctx }) => ctx.companyId,
    userId: ({ ctx }) => ctx.userId,
    clientId: null, // this app has no clients within a company
  },
});
