import type ts from 'typescript';
import type { Bindings, FunctionNode, Project } from '../model.js';
import { bindParameters } from './values/bind.js';
import type { OpenedProject } from './open.js';
import { EMPTY } from './values/values.js';

/**
 * The parameters of `fn` bound to the arguments of a call that stands in `scope`: each parameter, and each element of a
 * destructured one, to its value. `outer` is where the function itself was made (a closure).
 */
export function bindArguments(project: Project, fn: FunctionNode, args: readonly ts.Expression[], scope: Bindings = EMPTY, outer: Bindings = EMPTY): Bindings {
  return bindParameters((project as OpenedProject).evaluator, fn.parameters, args, scope, outer);
}
