import type ts from 'typescript';
import type { Bindings, FunctionNode, Project, Value } from '../model.js';
import { takeOut } from './declared.js';
import type { Evaluator } from './evaluate.js';
import type { OpenedProject } from './open.js';
import { EMPTY, array, choice, constant, membersOf, unknown, whyOf } from './values.js';

/**
 * The parameters of `fn` bound to the arguments of a call that stands in `scope`: each parameter, and each element of a
 * destructured one, to its value. `outer` is where the function itself was made (a closure).
 */
export function bindArguments(project: Project, fn: FunctionNode, args: readonly ts.Expression[], scope: Bindings = EMPTY, outer: Bindings = EMPTY): Bindings {
  return bindParameters((project as OpenedProject).evaluator, fn.parameters, args, scope, outer);
}

export function bindParameters(
  e: Evaluator,
  parameters: readonly ts.ParameterDeclaration[],
  args: readonly ts.Expression[],
  scope: Bindings,
  outer: Bindings,
): Bindings {
  const values: Value[] = [];
  let rest: Value | undefined;
  for (const argument of args) {
    if (!e.ts.isSpreadElement(argument)) {
      values.push(e.value(argument, scope));
      continue;
    }
    const spread = e.value(argument.expression, scope);
    const members = membersOf(spread);
    values.push(...(members?.items ?? []));
    if (!members?.complete) {
      rest = unknown(argument, `what is spread here is not known: ${whyOf(spread)}`);
      break;
    }
  }
  return bindValues(e, parameters, values, outer, rest);
}

/** `rest`: what parameters beyond `values` hold; absent: nothing. */
export function bindValues(e: Evaluator, parameters: readonly ts.ParameterDeclaration[], values: readonly Value[], outer: Bindings, rest?: Value): Bindings {
  const bound = new Map(outer);
  for (const [index, parameter] of parameters.entries()) {
    let value = values[index] ?? rest ?? constant(parameter, undefined);
    if (parameter.dotDotDotToken) value = array(parameter, values.slice(index), !rest);
    else if (parameter.initializer) {
      if (value.kind === 'constant' && value.value === undefined) value = e.value(parameter.initializer, bound);
      else if (value.kind === 'unknown') value = choice(parameter, [value, e.value(parameter.initializer, bound)]);
    }
    bound.set(parameter, value);
    bindPattern(e, parameter.name, value, bound);
  }
  return bound;
}

function bindPattern(e: Evaluator, name: ts.BindingName, value: Value, bound: Map<ts.Node, Value>): void {
  if (e.ts.isIdentifier(name)) return;
  for (const element of name.elements) {
    if (!e.ts.isBindingElement(element)) continue;
    const part = takeOut(e, element, value, bound);
    bound.set(element, part);
    bindPattern(e, element.name, part, bound);
  }
}
