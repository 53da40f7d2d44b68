import type ts from 'typescript';
import type { Bindings, FunctionNode, Value } from '../../model.js';
import type { Compiler } from '../sources/compiler.js';
import { valueOfCall, valueOfNew } from './calls.js';
import { bindParameters } from './bind.js';
import { valueOfDeclaration, valueOfModule } from './declared.js';
import { elementOf, memberOf, thisClass, valueOfLeft } from './members.js';
import { Mutations } from './mutations.js';
import { BUDGET, Budget } from '../../budget.js';
import type { Names } from '../names.js';
import { Remembered } from './remembered.js';
import type { Reader } from './reader.js';
import { declarationBehind } from './behind.js';
import {
  EMPTY, array, choice, concatenate, constant, equal, functionValue, isNullish, membersOf, object, opaque, optionsOf, text, textOf, truth, unknown, whyOf,
} from './values.js';

/** Nesting of expressions and names within one question. */
const MAX_DEPTH = 300;

/**
 * Reads values out of the text. One question (`evaluate`) has a bounded number of steps; what was found is remembered, also
 * under the bindings that it holds for. A Set counts as an array without doubles, a Map as an object, a promise as what it resolves to.
 */
export class Evaluator implements Reader {
  readonly mutations: Mutations;
  readonly calls: ts.Node[] = [];
  readonly changing = new Set<ts.Node>();
  readonly reading = new Map<ts.Node, Value | undefined>();
  readonly remembered = new Remembered();
  private readonly known = new Map<ts.Node, Value>();
  private depth = 0;
  private steps = 0;
  private limit = 0;
  cuts = 0;

  constructor(
    readonly ts: Compiler,
    readonly names: Names,
    readonly budget = new Budget(),
  ) {
    this.mutations = new Mutations(ts, names);
  }

  /** A question from outside. */
  evaluate(node: ts.Expression, scope: Bindings = EMPTY): Value {
    this.begin(this.budget.question);
    return this.value(node, scope);
  }

  declarationOf(node: ts.Node): ts.Declaration | undefined {
    this.begin(this.budget.question);
    return declarationBehind(this, node);
  }

  /** A question within another one has what is left of that. */
  private begin(limit: number): void {
    if (this.depth > 0) return;
    this.steps = 0;
    this.limit = limit;
  }

  functionOf(node: ts.Expression, scope: Bindings = EMPTY): FunctionNode | undefined {
    const inner = this.unwrap(node);
    this.begin(Math.min(BUDGET.callee, this.budget.question));
    const value = this.value(this.ts.isCallExpression(inner) ? inner.expression : inner, scope);
    const functions = new Set(optionsOf(value).map((option) => (option.kind === 'function' ? option.function : undefined)));
    const [only] = functions;
    return functions.size === 1 ? only : undefined;
  }

  unwrap(node: ts.Expression): ts.Expression {
    const { ts } = this;
    for (let at = node; ; ) {
      if (
        ts.isParenthesizedExpression(at) || ts.isAsExpression(at) || ts.isSatisfiesExpression(at) || ts.isNonNullExpression(at) ||
        ts.isTypeAssertionExpression(at) || ts.isExpressionWithTypeArguments(at) || ts.isAwaitExpression(at)
      ) {
        at = at.expression;
      } else {
        return at;
      }
    }
  }

  isLocal(node: ts.Node): boolean {
    const { ts } = this;
    for (let at = node.parent as ts.Node | undefined; at; at = at.parent) if (ts.isFunctionLike(at) || ts.isClassLike(at)) return true;
    return false;
  }

  value(node: ts.Expression, given: Bindings): Value {
    const at = this.unwrap(node);
    const scope = given.size > 0 && !this.isLocal(at) ? EMPTY : given;
    if (scope.size === 0) {
      const known = this.known.get(at);
      if (known) return known;
    } else {
      const known = this.remembered.under(scope, at);
      if (known) return known;
    }
    if (this.depth >= MAX_DEPTH || this.steps >= this.limit || !this.budget.step()) {
      this.cuts += 1;
      return unknown(at, 'following it takes too many steps');
    }
    this.steps += 1;
    this.depth += 1;
    const cuts = this.cuts;
    try {
      const value = this.read(at, scope);
      const whole = cuts === this.cuts;
      if (scope.size === 0) {
        // What was cut for want of the procedure's budget, the next procedure may find.
        if (whole || (this.depth === 1 && this.budget.spent === undefined)) this.known.set(at, value);
      } else if (whole && this.changing.size === 0) this.remembered.keep(scope, at, value);
      return value;
    } finally {
      this.depth -= 1;
    }
  }

  private read(node: ts.Expression, scope: Bindings): Value {
    const { ts } = this;
    if (ts.isStringLiteralLike(node)) return text(node, node.text);
    if (ts.isNumericLiteral(node)) return constant(node, Number(node.text));
    if (ts.isIdentifier(node)) return this.readName(node, scope);
    if (ts.isTemplateExpression(node)) {
      const parts = node.templateSpans.flatMap((span) => [this.value(span.expression, scope), text(span.literal, span.literal.text)]);
      return concatenate(node, [text(node.head, node.head.text), ...parts]);
    }
    if (ts.isArrayLiteralExpression(node)) return this.readArray(node, scope);
    if (ts.isObjectLiteralExpression(node)) return this.readObject(node, scope);
    if (ts.isPropertyAccessExpression(node)) return memberOf(this, valueOfLeft(this, node.expression, node.name.text, scope), node.name.text, node, scope);
    if (ts.isElementAccessExpression(node)) return elementOf(this, node, scope);
    if (ts.isCallExpression(node)) return valueOfCall(this, node, scope);
    if (ts.isNewExpression(node)) return valueOfNew(this, node, scope);
    if (ts.isArrowFunction(node) || ts.isFunctionExpression(node)) return functionValue(node, scope);
    if (ts.isConditionalExpression(node)) {
      const taken = truth(this.value(node.condition, scope));
      if (taken !== undefined) return this.value(taken ? node.whenTrue : node.whenFalse, scope);
      return choice(node, [this.value(node.whenTrue, scope), this.value(node.whenFalse, scope)]);
    }
    if (ts.isBinaryExpression(node)) return this.readBinary(node, scope);
    if (ts.isPrefixUnaryExpression(node)) return this.readPrefix(node, scope);
    if (ts.isVoidExpression(node)) return constant(node, undefined);
    switch (node.kind) {
      case ts.SyntaxKind.TrueKeyword:
        return constant(node, true);
      case ts.SyntaxKind.FalseKeyword:
        return constant(node, false);
      case ts.SyntaxKind.NullKeyword:
        return constant(node, null);
      case ts.SyntaxKind.ThisKeyword: {
        const owner = thisClass(this, node);
        return opaque(node, scope, owner ?? node);
      }
      default:
        return opaque(node, scope);
    }
  }

  private readName(name: ts.Identifier, scope: Bindings): Value {
    const symbol = this.names.symbolOf(name);
    if (name.text === 'undefined' && !symbol?.declarations?.length) return constant(name, undefined);
    const declaration = this.names.declarationOf(symbol);
    if (declaration) return valueOfDeclaration(this, declaration, scope, name);
    const from = this.names.importOf(name);
    if (from) return unknown(name, `\`${name.text}\` is imported from '${from.module}', which is not among the sources`);
    return unknown(name, symbol?.declarations?.length ? `what \`${name.text}\` is imported from does not export it` : `\`${name.text}\` is declared nowhere in the sources`);
  }

  private readArray(node: ts.ArrayLiteralExpression, scope: Bindings): Value {
    const items: Value[] = [];
    let complete = true;
    for (const element of node.elements) {
      if (!this.ts.isSpreadElement(element)) {
        items.push(this.value(element, scope));
        continue;
      }
      const value = this.value(element.expression, scope);
      const members = membersOf(value);
      complete &&= members?.complete ?? false;
      items.push(...(members?.items ?? [unknown(element, `what is spread here is not known: ${whyOf(value)}`)]));
    }
    return array(node, items, complete);
  }

  private readObject(node: ts.ObjectLiteralExpression, scope: Bindings): Value {
    const { ts } = this;
    const properties = new Map<string, Value>();
    let complete = true;
    for (const member of node.properties) {
      if (ts.isSpreadAssignment(member)) {
        const spread = this.value(member.expression, scope);
        const options = optionsOf(spread);
        for (const option of options) {
          if (option.kind === 'object') {
            complete &&= option.complete;
            for (const [key, value] of option.properties) properties.set(key, options.length > 1 ? either(member, properties.get(key), value) : value);
          } else if (!(option.kind === 'constant' && !option.value)) {
            complete = false;
          }
        }
        continue;
      }
      const names = this.namesOf(member.name, scope);
      if (!names) complete = false;
      const value = this.valueOfMember(member, scope);
      for (const name of names ?? []) properties.set(name, value);
    }
    return object(node, properties, complete);
  }

  valueOfMember(member: Exclude<ts.ObjectLiteralElementLike, ts.SpreadAssignment>, scope: Bindings): Value {
    const { ts } = this;
    if (ts.isPropertyAssignment(member)) return this.value(member.initializer, scope);
    if (ts.isShorthandPropertyAssignment(member)) return this.value(member.name, scope);
    if (ts.isMethodDeclaration(member)) return functionValue(member, scope);
    return valueOfDeclaration(this, member, scope, member);
  }

  namesOf(name: ts.PropertyName, scope: Bindings): string[] | undefined {
    const { ts } = this;
    if (!ts.isComputedPropertyName(name)) return [name.text];
    const texts = optionsOf(this.value(name.expression, scope)).map(textOf);
    return texts.every((one) => one !== undefined) ? texts : undefined;
  }

  declared(declaration: ts.Declaration, given: Bindings, at: ts.Node): Value {
    return valueOfDeclaration(this, declaration, given, at);
  }

  moduleValue(module: ts.SourceFile | ts.ModuleDeclaration): Value {
    return valueOfModule(this, module);
  }

  bind(parameters: readonly ts.ParameterDeclaration[], args: readonly ts.Expression[], scope: Bindings, outer: Bindings): Bindings {
    return bindParameters(this, parameters, args, scope, outer);
  }

  private readBinary(node: ts.BinaryExpression, scope: Bindings): Value {
    const { SyntaxKind } = this.ts;
    const right = (): Value => this.value(node.right, scope);
    switch (node.operatorToken.kind) {
      case SyntaxKind.CommaToken:
      case SyntaxKind.EqualsToken:
        return right();
      case SyntaxKind.PlusToken: {
        const parts = [this.value(node.left, scope), right()];
        return parts.some((part) => optionsOf(part).some((option) => option.kind === 'string'))
          ? concatenate(node, parts)
          : unknown(node, 'it is computed when the program runs');
      }
      case SyntaxKind.BarBarToken: {
        const left = this.value(node.left, scope);
        const taken = truth(left);
        if (taken !== undefined) return taken ? left : right();
        return choice(node, [...optionsOf(left).filter((option) => truth(option) !== false), right()]);
      }
      case SyntaxKind.QuestionQuestionToken: {
        const left = this.value(node.left, scope);
        const options = optionsOf(left).filter((option) => !isNullish(option));
        if (options.length === optionsOf(left).length && options.every((option) => option.kind !== 'unknown' && option.kind !== 'expression')) return left;
        return choice(node, [...options, right()]);
      }
      case SyntaxKind.AmpersandAmpersandToken: {
        const left = this.value(node.left, scope);
        const taken = truth(left);
        if (taken !== undefined) return taken ? right() : left;
        return choice(node, [constant(node.left, false), right()]);
      }
      case SyntaxKind.EqualsEqualsEqualsToken:
      case SyntaxKind.EqualsEqualsToken:
      case SyntaxKind.ExclamationEqualsEqualsToken:
      case SyntaxKind.ExclamationEqualsToken: {
        const same = equal(this.value(node.left, scope), right());
        const negative = [SyntaxKind.ExclamationEqualsEqualsToken, SyntaxKind.ExclamationEqualsToken].includes(node.operatorToken.kind);
        return same === undefined ? unknown(node, 'it is computed when the program runs') : constant(node, same !== negative);
      }
      case SyntaxKind.InKeyword: {
        const key = textOf(this.value(node.left, scope));
        const holder = right();
        if (key === undefined || holder.kind !== 'object') return opaque(node, scope);
        if (holder.properties.has(key)) return constant(node, true);
        return holder.complete ? constant(node, false) : opaque(node, scope);
      }
      default:
        return opaque(node, scope);
    }
  }

  private readPrefix(node: ts.PrefixUnaryExpression, scope: Bindings): Value {
    const { SyntaxKind } = this.ts;
    const operand = this.value(node.operand, scope);
    if (node.operator === SyntaxKind.ExclamationToken) {
      const known = truth(operand);
      return known === undefined ? opaque(node, scope) : constant(node, !known);
    }
    if (node.operator === SyntaxKind.MinusToken && operand.kind === 'constant') return constant(node, -Number(operand.value));
    return opaque(node, scope);
  }
}

const either = (node: ts.Node, before: Value | undefined, value: Value): Value => (before ? choice(node, [before, value]) : value);
