import type ts from 'typescript';
import type { Bindings, ProcedureKind, Value } from '../model.js';
import type { OpenedProject } from '../project/index.js';
import { type Chain, type Link, chainOf } from './chain.js';

/** What an expression makes, as far as tRPC is concerned. `site` is where it is asked for, `node` the call that makes it. */
export type Made =
  /** `byShape`: what it is called with says so, not what it is called on. */
  | { kind: 'router'; record: ts.Expression; scope: Bindings; node: ts.CallExpression; byShape?: string }
  | { kind: 'merge'; routers: readonly ts.Expression[]; scope: Bindings; node: ts.CallExpression }
  | { kind: 'lazy'; loader: ts.Expression; scope: Bindings; node: ts.CallExpression }
  | { kind: 'procedure'; type: ProcedureKind; chain: Chain; tip: Link; node: ts.CallExpression }
  /** tRPC 9 and the interop mode of 10: `.mutation('name', { resolve })`. */
  | { kind: 'old'; node: ts.Node }
  | { kind: 'other'; chain: Chain };

const KINDS: ReadonlySet<string> = new Set<ProcedureKind>(['query', 'mutation', 'subscription']);
const isTrpc = (module: string | undefined): boolean => module !== undefined && /^@trpc\/server(\/|$)/.test(module);
/** Functions that are given a router, and make none. */
const ADAPTER = /handler|middleware|server|plugin|adapter|caller|client/i;
/** How deep members of members are looked at to tell a router by its shape. */
const MAX_SHAPE_DEPTH = 6;

/** The links after `initTRPC…create(…)`; undefined where the chain does not begin there. */
export function afterCreate(chain: Chain): Link[] | undefined {
  const { from, links } = chain;
  if (!isTrpc(from?.module)) return undefined;
  const own = from?.name === 'initTRPC' ? links : links[0]?.name === 'initTRPC' && !links[0].args ? links.slice(1) : undefined;
  const create = own?.findIndex(({ name, args }) => name === 'create' && args) ?? -1;
  return create === -1 ? undefined : own?.slice(create + 1);
}

export function whatIsMade(project: OpenedProject, value: Extract<Value, { kind: 'expression' }>, depth = 0): Made {
  const { ts } = project;
  const chain = chainOf(project, value.expression, value.scope);
  const tip = chain.links.at(-1);
  if (!tip?.args || !ts.isCallExpression(tip.node)) return { kind: 'other', chain };
  const node = tip.node;
  const [first] = tip.args;
  if (isTrpc(chain.from?.module) && isOldRouter(chain)) return { kind: 'old', node };
  if (KINDS.has(tip.name) && first) {
    if (ts.isStringLiteralLike(first)) return { kind: 'old', node };
    return { kind: 'procedure', type: tip.name as ProcedureKind, chain, tip, node };
  }
  const own = afterCreate(chain);
  if (own?.length === 1) {
    if (tip.name === 'router' && first) return { kind: 'router', record: first, scope: tip.scope, node };
    if (tip.name === 'mergeRouters') return { kind: 'merge', routers: tip.args, scope: tip.scope, node };
  }
  const name = tip.name === '' ? (chain.from?.name ?? (ts.isIdentifier(chain.root) ? chain.root.text : '')) : tip.name;
  if (first && /^(experimental_)?lazy$/.test(name) && isTrpc(chain.from?.module)) return { kind: 'lazy', loader: first, scope: tip.scope, node };
  if (own) return { kind: 'other', chain };
  if (/mergeRouters?$/i.test(name) && tip.args.length > 0) return { kind: 'merge', routers: tip.args, scope: tip.scope, node };
  if (first && tip.args.length <= 2 && isRecord(project, first, tip.scope, /router/i.test(name) && !ADAPTER.test(name), depth)) {
    const why = chain.from
      ? `\`${chain.from.name}\` comes from '${chain.from.module}', which is not among the sources`
      : 'what makes it could not be followed to `initTRPC`';
    return { kind: 'router', record: first, scope: tip.scope, node, byShape: why };
  }
  return { kind: 'other', chain };
}

function isOldRouter({ links, from }: Chain): boolean {
  const [first] = links;
  return first?.args !== undefined && ((from?.name === '*' && first.name === 'router') || (from?.name === 'router' && first.name === ''));
}

/** Whether all members of an object are procedures and routers; some of them, where the name of the function says the rest. */
function isRecord(project: OpenedProject, record: ts.Expression, scope: Bindings, named: boolean, depth: number): boolean {
  if (depth > MAX_SHAPE_DEPTH) return false;
  const value = project.evaluator.evaluate(record, scope);
  if (value.kind !== 'object' || value.properties.size === 0) return false;
  // `{ router: appRouter }` are an adapter's options.
  if (!named && value.properties.has('router')) return false;
  let fitting = 0;
  for (const member of value.properties.values()) {
    if (member.kind !== 'expression') {
      if (!named) return false;
      continue;
    }
    const made = whatIsMade(project, member, depth + 1);
    if (made.kind === 'other') {
      if (!named) return false;
    } else {
      fitting += 1;
    }
  }
  return fitting > 0;
}
