/** Hand-made models: what the parts of the audit might have seen, with only what a test is about. */
import ts from 'typescript';
import { judge, NO_HINTS, type Facts, type Hints, type ProcedureFacts } from '../../../lib/cli/audit/findings/index.js';
import type {
  RawBroadcast,
  RawEffects,
  RawEntry,
  RawPath,
  RawPathMap,
  RawSyncConfig,
  RawTool,
  RawWrite,
} from '../../../lib/cli/audit/effects/types.js';
import type { FunctionNode, HelperCall } from '../../../lib/cli/audit/model.js';
import type { AuditReport, Finding, Place, Rule } from '../../../lib/cli/audit/report.js';

let line = 0;
/** A place of its own. */
export const somewhere = (file = 'src/app.ts'): Place => ({ file, line: ++line, column: 3 });

export function fn(source = 'async () => {}'): FunctionNode {
  const file = ts.createSourceFile('fn.ts', `const f = ${source};`, ts.ScriptTarget.Latest, true);
  const [statement] = file.statements;
  if (!statement || !ts.isVariableStatement(statement)) throw new Error('no function');
  return statement.declarationList.declarations[0]!.initializer as FunctionNode;
}

export const effects = (some: Partial<RawEffects> = {}): RawEffects => ({
  broadcasts: [],
  writes: [],
  reads: [],
  helpers: [],
  unseen: [],
  unread: [],
  tells: [],
  notes: [],
  ...some,
});

export const write = (table: string, some: Partial<RawWrite> = {}): RawWrite => ({
  table,
  operation: 'update',
  by: 'drizzle',
  inTransaction: false,
  inLoop: false,
  via: [],
  arms: [],
  ...somewhere(),
  ...some,
});

export const paths = (...names: string[]): RawPath[] => names.map((path) => ({ path, ...somewhere() }));

export const broadcast = (names: readonly string[], some: Partial<RawBroadcast> = {}): RawBroadcast => ({
  by: 'broadcastSync',
  queryPaths: paths(...names),
  complete: true,
  clientId: 'yes',
  userId: 'yes',
  inTransaction: false,
  via: [],
  arms: [],
  inLoop: false,
  ...somewhere(),
  ...some,
});

export const helper = (name: string, some: Partial<HelperCall> = {}): HelperCall => ({
  name,
  declaration: fn(),
  place: somewhere(),
  database: 'none',
  via: [],
  ...some,
});

export const query = (path: string, reads: string[] = []): ProcedureFacts => ({
  procedure: { path, kind: 'query', place: somewhere(), resolver: fn() },
  reads: reads.map((table) => ({ table, by: 'drizzle', via: [], ...somewhere() })),
});

export const mutation = (path: string, some: Partial<RawEffects> = {}): ProcedureFacts => ({
  procedure: { path, kind: 'mutation', place: somewhere(), resolver: fn() },
  effects: effects(some),
});

export const toolMap = (entries: Record<string, string[]>, kind: RawPathMap['kind'] = 'tools'): RawPathMap => ({
  kind,
  name: kind === 'tools' ? 'TOOL_QUERY_MAP' : 'getQueryPathsForModule',
  entries: Object.entries(entries).map(([key, names]) => ({
    key,
    queryPaths: paths(...names),
    complete: true,
    ...somewhere(),
  })),
  ...somewhere(),
});

export const tool = (name: string, some: Partial<RawEffects> = {}, calls: string[] = []): RawTool => ({
  tool: name,
  effects: effects(some),
  calls,
  ...somewhere(),
});

export const entry = (name: string, names: string[], some: Partial<RawEntry> = {}): RawEntry => ({
  name,
  queryPaths: paths(...names),
  complete: true,
  computed: false,
  ...somewhere(),
  ...some,
});

export const NO_SYNC: RawSyncConfig = { maps: [], hubs: [], middleware: [], logged: [] };

export function facts(procedures: readonly ProcedureFacts[], some: Partial<Facts> = {}): Facts {
  return {
    roots: [{ name: 'src/root.ts#appRouter', place: somewhere(), procedures, unseen: [] }],
    pathMaps: [],
    executors: [],
    fallbacks: [],
    sync: NO_SYNC,
    unseen: [],
    files: 1,
    placeOf: () => somewhere('src/helpers.ts'),
    ...some,
  };
}

export const report = (
  procedures: readonly ProcedureFacts[],
  some: Partial<Facts> = {},
  hints: Partial<Hints> = {},
): AuditReport => judge(facts(procedures, some), { ...NO_HINTS, ...hints });

export const of = (one: AuditReport, rule: Rule): Finding[] => one.findings.filter((finding) => finding.rule === rule);
export const subjects = (one: AuditReport, rule: Rule): (string | undefined)[] =>
  of(one, rule).map((finding) => finding.subject);
