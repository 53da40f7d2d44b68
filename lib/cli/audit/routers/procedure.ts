import type ts from 'typescript';
import type { Bindings, FunctionNode, Procedure, Value } from '../model.js';
import type { Place, Unseen } from '../report.js';
import type { OpenedProject } from '../project/index.js';
import { optionsOf, whyOf } from '../project/values/values.js';
import { type Chain, type Link, chainOf } from './chain.js';
import { type Made, afterCreate } from './made.js';

/** Wrappers around a resolver, and base procedures within `.concat`. */
const MAX_DEPTH = 5;
/** Characters of source text in a note. */
const MAX_SHOWN = 60;

/** A procedure out of the call that makes it. */
export function procedureOf(
  project: OpenedProject,
  made: Extract<Made, { kind: 'procedure' }>,
  value: Extract<Value, { kind: 'expression' }>,
  path: string,
): { procedure: Procedure; unseen: Unseen[] } {
  const unseen: Unseen[] = [];
  const place = placeOfMember(project, value.node, made.node);
  const note = (node: ts.Node, why: string): void => void unseen.push({ ...project.placeOf(node), what: `\`${path}\``, why, subject: path });

  const { chain, tip } = made;
  if (!afterCreate(chain) && chain.from) {
    unseen.push({
      ...project.placeOf(chain.root),
      what: `\`${chain.from.name}\``,
      why: `the procedures built on it are read, its own middlewares are not: it comes from '${chain.from.module}', which is not among the sources`,
    });
  }
  for (const node of chain.choices) {
    const what = `\`${node.getText().replace(/\s+/g, ' ').slice(0, MAX_SHOWN)}\``;
    unseen.push({ ...project.placeOf(node), what, why: 'a condition decides which procedure others are built on; the first is taken' });
  }
  const built = builderOf(project, chain.links.slice(0, -1), note, 0);
  const [first] = tip.args ?? [];
  const found = first ? resolverOf(project, first, tip.scope, 0) : undefined;
  if (!found) note(first ?? made.node, `its resolver could not be followed: ${first ? whyOf(project.evaluator.evaluate(first, tip.scope)) : 'there is none'}`);
  else if (found.note) note(first ?? made.node, found.note);
  return {
    procedure: {
      path,
      kind: made.type,
      place,
      node: made.node,
      resolver: found?.resolver,
      scope: found?.scope ?? tip.scope,
      ...built,
    },
    unseen,
  };
}

function builderOf(
  project: OpenedProject,
  links: readonly Link[],
  note: (node: ts.Node, why: string) => void,
  depth: number,
): Pick<Procedure, 'middlewares' | 'inputs'> {
  const middlewares: ts.Expression[] = [];
  const inputs: ts.Expression[] = [];
  for (const { name, args, scope } of links) {
    if (name === 'use' || name === 'unstable_pipe') middlewares.push(...(args ?? []));
    else if (name === 'input') inputs.push(...(args ?? []));
    else if ((name === 'concat' || name === 'unstable_concat') && args?.[0]) {
      const inner: Chain | undefined = depth < MAX_DEPTH ? chainOf(project, args[0], scope) : undefined;
      if (!inner || inner.links.length === 0) {
        note(args[0], 'the procedure that it is joined with could not be followed');
        continue;
      }
      const joined = builderOf(project, inner.links, note, depth + 1);
      middlewares.push(...joined.middlewares);
      inputs.push(...joined.inputs);
    }
  }
  return { middlewares, inputs };
}

interface Resolver {
  resolver: FunctionNode;
  scope: Bindings;
  note?: string;
}

/** The function given to `.mutation(…)`, through names, and through wrappers that could not be followed. */
function resolverOf(project: OpenedProject, node: ts.Expression, scope: Bindings, depth: number): Resolver | undefined {
  const { evaluator, ts } = project;
  const value = evaluator.evaluate(node, scope);
  const functions = optionsOf(value).filter((option) => option.kind === 'function');
  const [first] = functions;
  if (first?.kind === 'function') {
    const found: Resolver = { resolver: first.function, scope: first.scope };
    return optionsOf(value).length > 1 ? { ...found, note: 'a condition decides which function resolves it; the first is read' } : found;
  }
  if (depth >= MAX_DEPTH || value.kind !== 'expression' || !ts.isCallExpression(value.expression)) return undefined;
  const call = value.expression;
  const candidates = [...call.arguments];
  // `handler.bind(service)` and the like: the function is on the left.
  if (ts.isPropertyAccessExpression(call.expression)) candidates.push(call.expression.expression);
  for (const argument of candidates) {
    if (ts.isSpreadElement(argument)) continue;
    const found = resolverOf(project, argument, value.scope, depth + 1);
    if (found) return { ...found, note: `its resolver is wrapped in \`${call.expression.getText().replace(/\s+/g, ' ').slice(0, MAX_SHOWN)}\`, which could not be followed; the function inside is read` };
  }
  return undefined;
}

/** Where a reader looks for the procedure: at its name in the record, or at the variable that holds it. */
function placeOfMember(project: OpenedProject, site: ts.Node, made: ts.Node): Place {
  const { ts } = project;
  for (let at: ts.Node = site; at.parent as ts.Node | undefined; at = at.parent) {
    const { parent } = at;
    if (ts.isPropertyAssignment(parent) || ts.isVariableDeclaration(parent) || ts.isPropertyDeclaration(parent)) {
      return parent.initializer === at ? project.placeOf(parent.name) : project.placeOf(site);
    }
    if (!ts.isExpression(parent) || project.evaluator.unwrap(parent) === parent) break;
  }
  return project.placeOf(site.pos >= 0 ? site : made);
}
