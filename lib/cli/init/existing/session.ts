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

export const companyIn = (files: readonly ts.SourceFile[]): Found => wayIn(files, 'companyId', COMPANY);
export const userIn = (files: readonly ts.SourceFile[]): Found => wayIn(files, 'userId', USER);

/** What broadcasts that are there say, else what is written most often. */
function wayIn(files: readonly ts.SourceFile[], field: string, names: string): Found {
  const told = mostUsed(files, new RegExp(`\\b${field}: *ctx((?:[?!]?\\.\\w+)+)`, 'g'));
  const pattern = new RegExp(`\\bctx((?:[?!]?\\.\\w+){0,3}?[?!]?\\.(?:${names.replaceAll('.', '[?!]?\\.')}))\\b`, 'g');
  return told ?? mostUsed(files, pattern) ?? { way: `ctx.${field}`, uses: 0 };
}

function mostUsed(files: readonly ts.SourceFile[], pattern: RegExp): Found | undefined {
  const counts = new Map<string, number>();
  for (const { text } of files) {
    for (const [, way = ''] of text.matchAll(pattern)) {
      const plain = `ctx${way.replace(/[?!]\./g, '.')}`;
      counts.set(plain, (counts.get(plain) ?? 0) + 1);
    }
  }
  const [best] = [...counts].sort(([, a], [, b]) => b - a);
  return best && { way: best[0], uses: best[1] };
}

/** Before any middleware has run nothing beyond the context itself is sure: `ctx.session?.user?.id`. */
export const careful = (way: string): string => way.replace(/^(ctx\.\w+)(.*)$/, (_, head: string, rest: string) => head + rest.replaceAll('.', '?.'));
