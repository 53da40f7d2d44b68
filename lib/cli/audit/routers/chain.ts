import type ts from 'typescript';
import type { Bindings } from '../model.js';
import { optionsOf } from '../project/values/values.js';
import type { Import, OpenedProject } from '../project/index.js';

/** Links and names between a procedure and `initTRPC`; beyond them the rest of the chain is not seen. */
const MAX_STEPS = 500;

/** One `.name` or `.name(…)` of a builder. */
export interface Link {
  /** Empty for a call of something that has no name of its own: `wrap(x)`. */
  name: string;
  /** Undefined where it is not called. */
  args: readonly ts.Expression[] | undefined;
  scope: Bindings;
  node: ts.Expression;
}

/** `initTRPC.context().create().procedure.use(…).mutation(…)`, gathered over all names and files that it is spread over. */
export interface Chain {
  /** What it begins with, as far as it could be followed. */
  root: ts.Expression;
  /** Where the root comes from, if that is outside the sources. */
  from: Import | undefined;
  /** From the root on. */
  links: Link[];
  /** Names on the way that stand for one of several things; the first was followed. */
  choices: ts.Node[];
}

export function chainOf(project: OpenedProject, expression: ts.Expression, scope: Bindings): Chain {
  const { ts, evaluator } = project;
  const links: Link[] = [];
  const choices: ts.Node[] = [];
  let at = evaluator.unwrap(expression);
  let where = scope;

  /** What the expression stands for, if that is another one. */
  const behind = (node: ts.Expression, bound: Bindings): { node: ts.Expression; scope: Bindings } | undefined => {
    const value = evaluator.evaluate(node, bound);
    const options = optionsOf(value).filter((option) => option.kind === 'expression');
    // Where the choice is made: one such place, however many procedures are built on it.
    if (options.length > 1) choices.push(value.node);
    const [first] = options;
    if (first?.kind !== 'expression' || first.expression === node) return undefined;
    return { node: evaluator.unwrap(first.expression), scope: first.scope };
  };

  for (let step = 0; step < MAX_STEPS; step += 1) {
    if (ts.isCallExpression(at)) {
      const made = behind(at, where);
      if (made && made.node !== at) {
        at = made.node;
        where = made.scope;
        continue;
      }
      let callee = evaluator.unwrap(at.expression);
      let calleeScope = where;
      const named = behind(callee, where);
      if (named) {
        callee = named.node;
        calleeScope = named.scope;
      }
      if (ts.isPropertyAccessExpression(callee)) {
        links.unshift({ name: callee.name.text, args: at.arguments, scope: where, node: at });
        at = evaluator.unwrap(callee.expression);
      } else {
        links.unshift({ name: '', args: at.arguments, scope: where, node: at });
        at = callee;
      }
      where = calleeScope;
      continue;
    }
    const found = behind(at, where);
    if (found && found.node !== at) {
      at = found.node;
      where = found.scope;
    } else if (ts.isPropertyAccessExpression(at)) {
      links.unshift({ name: at.name.text, args: undefined, scope: where, node: at });
      at = evaluator.unwrap(at.expression);
    } else {
      break;
    }
  }
  return { root: at, from: ts.isIdentifier(at) ? project.names.importOf(at) : undefined, links, choices };
}
