/** Functions of a tool's name that give a module, and the tools that only their last resort answers. */
import type ts from 'typescript';
import type { FunctionNode, Project } from '../../model.js';
import { calleeName, functionName, isFunctionNode, isInlineFunction, unwrap, visitAll } from '../code/syntax.js';
import type { RawToolFallback } from '../types.js';

/** Evaluates each such function for each tool; those that no test of the function matches are reported with what they get. */
export function findToolFallbacks(project: Project, tools: readonly string[]): RawToolFallback[] {
  const { ts: compiler } = project;
  const found: RawToolFallback[] = [];
  for (const file of project.files) {
    if (!/tool/i.test(file.text)) continue;
    visitAll(compiler, file, (node) => {
      if (!isFunctionNode(compiler, node) || node.body === undefined) return undefined;
      const name = functionName(compiler, node);
      const [parameter] = node.parameters;
      if (parameter === undefined || !compiler.isIdentifier(parameter.name)) return undefined;
      const about = /module|router|domain|category|area/i.test(name) && (/tool/i.test(name) || /tool/i.test(parameter.name.text));
      if (!about) return undefined;
      const byModule = new Map<string, string[]>();
      for (const tool of tools) {
        const given = new Interpreter(project, parameter, tool).run(node);
        if (given?.byDefault === true) byModule.set(given.text, [...(byModule.get(given.text) ?? []), tool]);
      }
      for (const [module, fallen] of byModule) found.push({ ...project.placeOf(node), name, module, tools: fallen });
      return undefined;
    });
  }
  return found;
}

interface Given {
  text: string;
  byDefault: boolean;
}
type Known = string | boolean | readonly string[] | undefined;
/** The function went on, or ended with a result; `undefined` where it cannot be told. */
type Outcome = 'on' | { given: Given | undefined };

/** Just enough of JavaScript for tests on one string. */
class Interpreter {
  readonly #project: Project;
  readonly #compiler: typeof ts;
  readonly #values = new Map<ts.Node, Known>();

  constructor(project: Project, parameter: ts.ParameterDeclaration, tool: string) {
    this.#project = project;
    this.#compiler = project.ts;
    this.#values.set(parameter, tool);
  }

  run(fn: FunctionNode): Given | undefined {
    if (fn.body === undefined) return undefined;
    if (!this.#compiler.isBlock(fn.body)) return this.#result(fn.body, true);
    const outcome = this.#statements(fn.body.statements, true);
    return outcome === 'on' ? undefined : outcome.given;
  }

  #statements(statements: readonly ts.Statement[], byDefault: boolean): Outcome {
    for (const statement of statements) {
      const outcome = this.#statement(statement, byDefault);
      if (outcome !== 'on') return outcome;
    }
    return 'on';
  }

  #statement(statement: ts.Statement, byDefault: boolean): Outcome {
    const compiler = this.#compiler;
    if (compiler.isReturnStatement(statement)) return { given: statement.expression && this.#result(statement.expression, byDefault) };
    if (compiler.isBlock(statement)) return this.#statements(statement.statements, byDefault);
    if (compiler.isVariableStatement(statement)) {
      for (const declaration of statement.declarationList.declarations) {
        if (declaration.initializer) this.#values.set(declaration, this.#value(declaration.initializer));
      }
      return 'on';
    }
    if (compiler.isIfStatement(statement)) {
      const test = this.#value(statement.expression);
      if (test === undefined) return { given: undefined };
      if (truthy(test)) return this.#statement(statement.thenStatement, false);
      return statement.elseStatement ? this.#statement(statement.elseStatement, byDefault) : 'on';
    }
    if (compiler.isSwitchStatement(statement)) return this.#switch(statement, byDefault);
    if (compiler.isForOfStatement(statement)) return this.#forOf(statement);
    return compiler.isExpressionStatement(statement) ? 'on' : { given: undefined };
  }

  #switch(statement: ts.SwitchStatement, byDefault: boolean): Outcome {
    const compiler = this.#compiler;
    const subject = this.#value(statement.expression);
    const { clauses } = statement.caseBlock;
    let at = clauses.findIndex((clause) => compiler.isCaseClause(clause) && subject !== undefined && same(this.#value(clause.expression), subject));
    const matched = at >= 0;
    if (!matched) at = clauses.findIndex((clause) => compiler.isDefaultClause(clause));
    for (const clause of at < 0 ? [] : clauses.slice(at)) {
      for (const inner of clause.statements) {
        if (compiler.isBreakStatement(inner)) return 'on';
        const outcome = this.#statement(inner, byDefault && !matched);
        if (outcome !== 'on') return outcome;
      }
    }
    return 'on';
  }

  /** `for (const [word, module] of Object.entries(MODULES))`, `for (const rule of RULES)`. */
  #forOf(statement: ts.ForOfStatement): Outcome {
    const compiler = this.#compiler;
    if (!compiler.isVariableDeclarationList(statement.initializer)) return { given: undefined };
    const [declaration] = statement.initializer.declarations;
    const members = this.#project.evaluate(statement.expression);
    if (declaration === undefined || members.kind !== 'array') return { given: undefined };
    for (const member of members.items) {
      if (compiler.isIdentifier(declaration.name)) this.#values.set(declaration, member.kind === 'string' ? member.text : undefined);
      else if (compiler.isArrayBindingPattern(declaration.name) && member.kind === 'array') {
        declaration.name.elements.forEach((element, index) => {
          const part = member.items[index];
          this.#values.set(element, part?.kind === 'string' ? part.text : part?.kind === 'array' ? part.items.flatMap((item) => (item.kind === 'string' ? [item.text] : [])) : undefined);
        });
      } else if (compiler.isObjectBindingPattern(declaration.name) && member.kind === 'object') {
        for (const element of declaration.name.elements) {
          const part = member.properties.get((element.propertyName ?? element.name).getText());
          this.#values.set(element, part?.kind === 'string' ? part.text : undefined);
        }
      } else return { given: undefined };
      const outcome = this.#statement(statement.statement, false);
      if (outcome !== 'on') return outcome;
    }
    return 'on';
  }

  #result(node: ts.Expression, byDefault: boolean): Given | undefined {
    const compiler = this.#compiler;
    const inner = unwrap(compiler, node);
    if (compiler.isConditionalExpression(inner)) {
      const test = this.#value(inner.condition);
      if (test === undefined) return undefined;
      return truthy(test) ? this.#result(inner.whenTrue, false) : this.#result(inner.whenFalse, byDefault);
    }
    if (compiler.isBinaryExpression(inner)) {
      const operator = inner.operatorToken.kind;
      if (operator === compiler.SyntaxKind.QuestionQuestionToken || operator === compiler.SyntaxKind.BarBarToken) {
        const left = this.#lookup(inner.left);
        if (left === undefined) return undefined;
        return left.text === undefined ? this.#result(inner.right, byDefault) : { text: left.text, byDefault: false };
      }
    }
    const looked = compiler.isElementAccessExpression(inner) ? this.#lookup(inner)?.text : undefined;
    if (looked !== undefined) return { text: looked, byDefault: false };
    const value = this.#value(inner);
    return typeof value === 'string' ? { text: value, byDefault } : undefined;
  }

  /** What a table holds under the tool's name; undefined where the table cannot be seen. */
  #lookup(node: ts.Expression): { text: string | undefined } | undefined {
    const compiler = this.#compiler;
    const inner = unwrap(compiler, node);
    let table: ts.Expression | undefined;
    let key: Known;
    if (compiler.isElementAccessExpression(inner)) {
      table = inner.expression;
      key = this.#value(inner.argumentExpression);
    } else if (compiler.isCallExpression(inner) && calleeName(compiler, inner.expression) === 'get') {
      const callee = unwrap(compiler, inner.expression);
      table = compiler.isPropertyAccessExpression(callee) ? callee.expression : undefined;
      key = inner.arguments[0] && this.#value(inner.arguments[0]);
    }
    if (table === undefined || typeof key !== 'string') return undefined;
    const record = this.#project.evaluate(table);
    if (record.kind !== 'object') return undefined;
    const found = record.properties.get(key);
    if (found === undefined) return record.complete ? { text: undefined } : undefined;
    return found.kind === 'string' ? { text: found.text } : undefined;
  }

  #value(node: ts.Expression): Known {
    const compiler = this.#compiler;
    const inner = unwrap(compiler, node);
    if (compiler.isStringLiteralLike(inner)) return inner.text;
    if (inner.kind === compiler.SyntaxKind.TrueKeyword) return true;
    if (inner.kind === compiler.SyntaxKind.FalseKeyword) return false;
    if (compiler.isIdentifier(inner)) {
      const declaration = this.#project.declarationOf(inner);
      if (declaration !== undefined && this.#values.has(declaration)) return this.#values.get(declaration);
    }
    if (compiler.isPrefixUnaryExpression(inner) && inner.operator === compiler.SyntaxKind.ExclamationToken) {
      const value = this.#value(inner.operand);
      return value === undefined ? undefined : !truthy(value);
    }
    if (compiler.isBinaryExpression(inner)) return this.#binary(inner);
    if (compiler.isCallExpression(inner)) return this.#call(inner);
    const value = this.#project.evaluate(inner);
    if (value.kind === 'string') return value.text;
    if (value.kind === 'constant' && typeof value.value === 'boolean') return value.value;
    if (value.kind === 'array' && value.complete) return value.items.flatMap((item) => (item.kind === 'string' ? [item.text] : []));
    return undefined;
  }

  #binary(node: ts.BinaryExpression): Known {
    const { SyntaxKind } = this.#compiler;
    const left = this.#value(node.left);
    switch (node.operatorToken.kind) {
      case SyntaxKind.BarBarToken:
        return left !== undefined && truthy(left) ? left : this.#value(node.right);
      case SyntaxKind.AmpersandAmpersandToken:
        return left !== undefined && !truthy(left) ? left : this.#value(node.right);
      case SyntaxKind.EqualsEqualsEqualsToken:
      case SyntaxKind.EqualsEqualsToken:
        return left === undefined ? undefined : same(left, this.#value(node.right));
      case SyntaxKind.ExclamationEqualsEqualsToken:
      case SyntaxKind.ExclamationEqualsToken:
        return left === undefined ? undefined : !same(left, this.#value(node.right));
      default:
        return undefined;
    }
  }

  #call(call: ts.CallExpression): Known {
    const compiler = this.#compiler;
    const callee = unwrap(compiler, call.expression);
    if (!compiler.isPropertyAccessExpression(callee)) return undefined;
    const method = callee.name.text;
    const receiver = unwrap(compiler, callee.expression);
    const [first] = call.arguments;
    if (method === 'test' && receiver.kind === compiler.SyntaxKind.RegularExpressionLiteral && first) return this.#matches(receiver, this.#value(first));
    const on = this.#value(receiver);
    if (on === undefined) return method === 'has' && first ? this.#has(receiver, this.#value(first)) : undefined;
    if (method === 'toLowerCase' && typeof on === 'string') return on.toLowerCase();
    if (method === 'toUpperCase' && typeof on === 'string') return on.toUpperCase();
    if (method === 'match' && first) return this.#matches(unwrap(compiler, first), on);
    if (method === 'some' && first && typeof on !== 'string' && typeof on !== 'boolean') return this.#some(on, first);
    const argument = first && this.#value(first);
    if (typeof argument !== 'string') return undefined;
    if (method === 'includes' && typeof on !== 'boolean') return on.includes(argument);
    if (typeof on !== 'string') return undefined;
    if (method === 'startsWith') return on.startsWith(argument);
    if (method === 'endsWith') return on.endsWith(argument);
    return undefined;
  }

  #some(members: readonly string[], test: ts.Expression): Known {
    const compiler = this.#compiler;
    const fn = unwrap(compiler, test);
    const [parameter] = isInlineFunction(compiler, fn) ? fn.parameters : [];
    if (!isInlineFunction(compiler, fn) || parameter === undefined || compiler.isBlock(fn.body)) return undefined;
    for (const member of members) {
      this.#values.set(parameter, member);
      const value = this.#value(fn.body);
      if (value === undefined) return undefined;
      if (truthy(value)) return true;
    }
    return false;
  }

  #has(set: ts.Expression, wanted: Known): Known {
    const compiler = this.#compiler;
    const declaration = this.#project.declarationOf(set);
    const made = declaration && compiler.isVariableDeclaration(declaration) && declaration.initializer ? unwrap(compiler, declaration.initializer) : undefined;
    const list = made && compiler.isNewExpression(made) ? made.arguments?.[0] : undefined;
    const members = list && this.#value(list);
    return members === undefined || typeof members !== 'object' || typeof wanted !== 'string' ? undefined : members.includes(wanted);
  }

  #matches(pattern: ts.Expression, text: Known): Known {
    if (typeof text !== 'string' || pattern.kind !== this.#compiler.SyntaxKind.RegularExpressionLiteral) return undefined;
    const parts = /^\/(.*)\/([a-z]*)$/s.exec(pattern.getText());
    try {
      return parts === null ? undefined : new RegExp(parts[1] ?? '', parts[2]?.replace('g', '')).test(text);
    } catch {
      return undefined;
    }
  }
}

const truthy = (value: Known): boolean => (typeof value === 'object' ? true : Boolean(value));
const same = (a: Known, b: Known): boolean => a !== undefined && a === b;
