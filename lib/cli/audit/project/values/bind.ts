import type ts from 'typescript';
import type { Bindings, Value } from '../../model.js';
import { takeOut } from './declared.js';
import type { Reader } from './reader.js';
import { array, choice, constant, membersOf, unknown, whyOf } from './values.js';

export function bindParameters(
  e: Reader,
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
export function bindValues(e: Reader, parameters: readonly ts.ParameterDeclaration[], values: readonly Value[], outer: Bindings, rest?: Value): Bindings {
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

function bindPattern(e: Reader, name: ts.BindingName, value: Value, bound: Map<ts.Node, Value>): void {
  if (e.ts.isIdentifier(name)) return;
  for (const element of name.elements) {
    if (!e.ts.isBindingElement(element)) continue;
    const part = takeOut(e, element, value, bound);
    bound.set(element, part);
    bindPattern(e, element.name, part, bound);
  }
}
