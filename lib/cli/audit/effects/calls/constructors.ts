/** What an object keeps of that which its constructor was given. */
import type ts from 'typescript';
import type { Project } from '../../model.js';
import type { Env } from '../code/environment.js';
import { isInlineFunction, propertyName, unwrap } from '../code/syntax.js';

export type Kept =
  /** A function that stands in the constructor. */
  | { fn: ts.ArrowFunction | ts.FunctionExpression }
  /** The argument of `new`, or the property `part` of it. */
  | { expression: ts.Expression; env: Env; part?: string }
  /** It is given there, and nobody was seen to give it. */
  | { unseen: string };

/** What stands behind `this.name(…)`; undefined where the constructor keeps nothing under that name, or nothing that acts. */
export function keptByConstructor(type: ts.ClassLikeDeclaration, name: string, self: Env['self'], env: Env): Kept | undefined {
  const { project } = env;
  const { ts: compiler } = project;
  const constructor = type.members.find((member) => compiler.isConstructorDeclaration(member));
  const kept = constructor && keptIn(constructor, name, project);
  if (constructor === undefined || kept === undefined) return undefined;
  if (!compiler.isParameter(kept) && isInlineFunction(compiler, kept)) return { fn: kept };
  const from = compiler.isParameter(kept) ? { parameter: kept } : parameterOf(kept, constructor, project);
  if (from === undefined) return undefined;
  const args = self && argumentsOf(self.made, type, project);
  if (self === undefined || args === undefined) {
    const declared = from.part === undefined ? from.parameter.type : undefined;
    return mayAct(declared, project) ? { unseen: `${name} is given to the constructor, and nobody was seen to give it` } : undefined;
  }
  const given = args[constructor.parameters.indexOf(from.parameter)] ?? from.parameter.initializer;
  return given && { expression: given, env: self.env, ...(from.part === undefined ? {} : { part: from.part }) };
}

/** `constructor(private audit: Audit)`, or what `this.audit = …` sets. */
function keptIn(constructor: ts.ConstructorDeclaration, name: string, { ts: compiler }: Project): ts.ParameterDeclaration | ts.Expression | undefined {
  const own = constructor.parameters.find((parameter) => (parameter.modifiers?.length ?? 0) > 0 && propertyName(compiler, parameter.name) === name);
  if (own !== undefined) return own;
  for (const statement of constructor.body?.statements ?? []) {
    if (!compiler.isExpressionStatement(statement) || !compiler.isBinaryExpression(statement.expression)) continue;
    const { left, right, operatorToken } = statement.expression;
    if (operatorToken.kind !== compiler.SyntaxKind.EqualsToken || !compiler.isPropertyAccessExpression(left)) continue;
    if (left.expression.kind === compiler.SyntaxKind.ThisKeyword && left.name.text === name) return unwrap(compiler, right);
  }
  return undefined;
}

/** `audit`, `{ audit }` and `parts.audit`: the parameter, and which part of it. */
function parameterOf(node: ts.Expression, constructor: ts.ConstructorDeclaration, project: Project): { parameter: ts.ParameterDeclaration; part?: string } | undefined {
  const { ts: compiler } = project;
  if (compiler.isPropertyAccessExpression(node)) {
    const holder = parameterOf(unwrap(compiler, node.expression), constructor, project);
    return holder && holder.part === undefined ? { parameter: holder.parameter, part: node.name.text } : undefined;
  }
  const declaration = compiler.isIdentifier(node) ? project.declarationOf(node) : undefined;
  if (declaration === undefined) return undefined;
  if (compiler.isParameter(declaration)) return declaration.parent === constructor ? { parameter: declaration } : undefined;
  if (!compiler.isBindingElement(declaration) || !compiler.isParameter(declaration.parent.parent)) return undefined;
  const part = propertyName(compiler, declaration.propertyName ?? declaration.name);
  const parameter = declaration.parent.parent;
  return part !== undefined && parameter.parent === constructor ? { parameter, part } : undefined;
}

/** What `new` gives to the constructor of the class: its own, or that of a class below it that has none. */
function argumentsOf(made: ts.NewExpression, type: ts.ClassLikeDeclaration, project: Project): readonly ts.Expression[] | undefined {
  const { ts: compiler } = project;
  let maker = project.declarationOf(unwrap(compiler, made.expression));
  for (let steps = 6; steps > 0 && maker && compiler.isClassLike(maker); steps--) {
    if (maker === type) return made.arguments ?? [];
    if (maker.members.some((member) => compiler.isConstructorDeclaration(member))) return undefined;
    const base = maker.heritageClauses?.find(({ token }) => token === compiler.SyntaxKind.ExtendsKeyword)?.types[0];
    maker = base && project.declarationOf(base.expression);
  }
  return undefined;
}

/** A function that is called for what it does: `(entry: Entry) => Promise<void>`. */
function mayAct(type: ts.TypeNode | undefined, project: Project): boolean {
  const { ts: compiler } = project;
  if (type === undefined) return false;
  const name = compiler.isTypeReferenceNode(type) ? (compiler.isIdentifier(type.typeName) ? type.typeName : type.typeName.right) : undefined;
  const declaration = name && project.declarationOf(name);
  const meant = declaration && compiler.isTypeAliasDeclaration(declaration) ? declaration.type : type;
  return compiler.isFunctionTypeNode(meant) && /\bPromise(Like)?<|^(void|unknown|any)$/.test(meant.type.getText());
}
