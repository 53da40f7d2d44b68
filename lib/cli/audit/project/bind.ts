import type ts from 'typescript';
import type { Bindings, FunctionNode, Project } from '../model.js';

/**
 * The parameters of `fn` bound to the arguments of a call that stands in `scope`: each parameter declaration, and each
 * element of a destructured one, to its value. `outer` is where the function itself was made (a closure).
 */
export function bindArguments(
  _project: Project,
  _fn: FunctionNode,
  _args: readonly ts.Expression[],
  _scope?: Bindings,
  outer?: Bindings,
): Bindings {
  return outer ?? new Map();
}
