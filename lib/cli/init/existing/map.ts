/** The invalidation map of an app that has none: what its mutations broadcast already, else all queries of their router. */
import type { AuditReport } from '../../audit/report.js';
import type { Procedure } from '../../audit/model.js';

const prefixOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf('.')));

export function mapText(procedures: readonly Procedure[], report: AuditReport, root: { name: string; from: string }): string {
  const queries = procedures.filter(({ kind }) => kind === 'query').map(({ path }) => path);
  const known = new Map(report.mutations.map((one) => [one.path, one]));
  const lines = procedures
    .filter(({ kind }) => kind === 'mutation')
    .map(({ path }) => {
      const uses = known.get(path)?.broadcasts.flatMap(({ queryPaths }) => queryPaths) ?? [];
      const real = uses.flatMap(({ path: name, verdict, alias, nearest = [] }) => (verdict === 'phantom' ? (alias ?? nearest[0] ?? []) : name));
      return `    ${quoted(path)}: ${entryOf(path, [...new Set(real)], queries)},\n`;
    });
  return `// invalidation.ts: what each mutation makes stale. One that is missing does not compile, nor does a path that no query has.
// Where nothing was known it is all queries of the mutation's router: never too little there. Say it more exactly as you go.
import type { InvalidationMap } from 'pathcast/trpc';
import type { ${root.name} } from '${root.from}';

export const invalidation = {
  mutations: {
${lines.join('')}  },
} satisfies InvalidationMap<typeof ${root.name}>;
`;
}

function entryOf(path: string, told: readonly string[], queries: readonly string[]): string {
  if (told.length > 0) return `[${told.map(quoted).join(', ')}]`;
  for (let prefix = prefixOf(path); prefix !== ''; prefix = prefixOf(prefix)) {
    if (queries.some((query) => query.startsWith(`${prefix}.`))) return `[${quoted(prefix)}]`;
  }
  return "{ silent: 'to be said: which queries does it make stale, or why none?' }";
}

const quoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
