/** Where the code finds the company and the user of a request: the way that is written most often. */
import type ts from 'typescript';

export interface Found {
  /** `ctx.session.companyId` */
  way: string;
  /** How often it stands there; 0: it is a guess. */
  uses: number;
}

const COMPANY = 'companyId|tenantId|organizationId|organisationId|orgId|workspaceId|teamId|accountId';
const USER = 'userId|user.id|session.sub';

export const companyIn = (files: readonly ts.SourceFile[]): Found => mostUsed(files, COMPANY, 'ctx.companyId');
export const userIn = (files: readonly ts.SourceFile[]): Found => mostUsed(files, USER, 'ctx.userId');

function mostUsed(files: readonly ts.SourceFile[], names: string, guess: string): Found {
  const pattern = new RegExp(`\\bctx((?:[?!]?\\.\\w+){0,3}?[?!]?\\.(?:${names.replaceAll('.', '[?!]?\\.')}))\\b`, 'g');
  const counts = new Map<string, number>();
  for (const { text } of files) {
    for (const [, way = ''] of text.matchAll(pattern)) {
      const plain = `ctx${way.replace(/[?!]\./g, '.')}`;
      counts.set(plain, (counts.get(plain) ?? 0) + 1);
    }
  }
  const [best] = [...counts].sort(([, a], [, b]) => b - a);
  return best ? { way: best[0], uses: best[1] } : { way: guess, uses: 0 };
}

/** Before any middleware has run nothing beyond the context itself is sure: `ctx.session?.user?.id`. */
export const careful = (way: string): string => way.replace(/^(ctx\.\w+)(.*)$/, (_, head: string, rest: string) => head + rest.replaceAll('.', '?.'));
