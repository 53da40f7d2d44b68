import type ts from 'typescript';
import type { Bindings, Value } from '../../model.js';
import { apply, following, fromEntries } from './apply.js';
import { bindParameters } from './bind.js';
import { METHODS, valueOfGlobalCall } from './builtins.js';
import { valueOfModule } from './declared.js';
import type { Reader } from './reader.js';
import { memberOf, valueOfLeft } from './members.js';
import { array, choice, constant, isNullish, membersOf, object, opaque, optionsOf, textOf } from './values.js';

/** What a call gives. One that leaves the sources, or that makes something, stands for itself. */
export function valueOfCall(e: Reader, node: ts.CallExpression, scope: Bindings): Value {
  const { ts } = e;
  const callee = e.unwrap(node.expression);
  const [first] = node.arguments;
  if (callee.kind === ts.SyntaxKind.ImportKeyword || isRequire(e, callee)) {
    const module = first && e.names.moduleOf(first);
    return module ? valueOfModule(e, module) : opaque(node, scope);
  }
  if (!ts.isPropertyAccessExpression(callee)) return applyAll(e, e.value(callee, scope), node, scope);

  const name = callee.name.text;
  const known = valueOfGlobalCall(e, callee, node, scope);
  if (known) return known;
  const base = valueOfLeft(e, callee.expression, name, scope);
  if (name === 'then' && first && base.kind !== 'unknown' && base.kind !== 'expression') {
    const callback = e.value(first, scope);
    if (callback.kind === 'function') return apply(e, callback, [base], node, scope);
  }
  if ((name === 'catch' || name === 'finally') && base.kind !== 'unknown' && base.kind !== 'expression') return base;
  if (callee.questionDotToken && optionsOf(base).every(isNullish)) return constant(node, undefined);
  const options = optionsOf(base);
  if (options.every(({ kind }) => kind === 'string' || kind === 'array' || kind === 'object')) {
    const method = METHODS.get(name);
    // A member of the object's own comes before the method of its kind.
    const applies = options.map((option) =>
      option.kind === 'object' && option.properties.has(name) ? undefined : method?.(e, option, node, scope),
    );
    if (applies.length > 0 && applies.every((one) => one !== undefined)) return choice(node, applies);
  }
  if (options.every((option) => option.kind === 'function') && (name === 'call' || name === 'apply' || name === 'bind')) {
    if (name === 'bind') return base;
    return name === 'call' ? applyAll(e, base, node, scope, node.arguments.slice(1)) : opaque(node, scope);
  }
  return applyAll(e, memberOf(e, base, name, callee, scope), node, scope);
}

function isRequire(e: Reader, callee: ts.Expression): boolean {
  return e.ts.isIdentifier(callee) && callee.text === 'require' && !e.names.declarationOf(e.names.symbolOf(callee));
}

function applyAll(e: Reader, callee: Value, node: ts.CallExpression, scope: Bindings, args: readonly ts.Expression[] = node.arguments): Value {
  const options = optionsOf(callee);
  if (!options.some((option) => option.kind === 'function')) return opaque(node, scope);
  return choice(
    node,
    options.map((option) => {
      if (option.kind !== 'function') return opaque(node, scope);
      return following(e, option, node, scope, () => bindParameters(e, option.function.parameters, args, scope, option.scope));
    }),
  );
}

/** `new Set([…])` is its members, `new Map([[…]])` its entries; anything else stands for itself. */
export function valueOfNew(e: Reader, node: ts.NewExpression, scope: Bindings): Value {
  const { ts } = e;
  const [first] = node.arguments ?? [];
  const isGlobal = ts.isIdentifier(node.expression) && !e.names.declarationOf(e.names.symbolOf(node.expression));
  const name = isGlobal && ts.isIdentifier(node.expression) ? node.expression.text : '';
  if (name === 'Set') {
    if (!first) return array(node, []);
    const members = membersOf(e.value(first, scope));
    if (!members) return opaque(node, scope);
    const items: Value[] = [];
    for (const item of members.items) if (textOf(item) === undefined || !items.some((other) => textOf(other) === textOf(item))) items.push(item);
    return array(node, items, members.complete);
  }
  if (name === 'Map') return first ? (fromEntries(node, e.value(first, scope)) ?? opaque(node, scope)) : object(node, new Map());
  if (name === 'Array' && (node.arguments ?? []).length === 0) return array(node, []);
  return opaque(node, scope);
}
