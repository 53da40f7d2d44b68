/** The object behind an expression: a literal, an instance, or what a type says of it. */
import type ts from 'typescript';
import type { FunctionNode } from '../../model.js';
import { boundArgument, homeOf, outOfFunctions, type Env } from '../code/environment.js';
import { calleeName, propertyName, returnsOf, unwrap } from '../code/syntax.js';

export type Source =
  /** An object or list literal, `new`, a class, or a call of the language that gives a list. */
  | { kind: 'value'; node: ts.Expression; env: Env }
  | { kind: 'type'; type: ts.TypeNode; env: Env }
  | { kind: 'class'; type: ts.ClassLikeDeclaration; self: Env['self']; env: Env }
  /** One of several objects: those that a factory may give, those of a union. */
  | { kind: 'ways'; of: readonly Source[]; env: Env }
  /** The context of a procedure. */
  | { kind: 'context'; env: Env };

/** The members that a type lists, and the declaration that gives it its name. */
export interface Listed {
  members: readonly ts.TypeElement[];
  owner?: ts.Declaration;
}

const MAX_STEPS = 12;
/** Objects that one expression may stand for; of more the first are taken. */
const MAX_WAYS = 16;
/** Methods of the language that give lists. */
const LISTS = /^(map|flatMap|filter|concat|slice|toSorted|toReversed|values|entries)$/;

/** A function of the project that a call may run, and its body as it runs with these arguments. */
export interface Maker {
  fn: FunctionNode;
  enter(args: readonly ts.Expression[]): Env;
  /** Its body as a library runs it, which nobody sees. */
  asCallback(): Env;
}

/** Objects behind expressions. `makersOf` finds the functions that a call may run: what they give back is looked at too. */
export class Sources {
  constructor(private readonly makersOf: (callee: ts.Expression, env: Env, steps: number) => readonly Maker[]) {}

  /** What `node` stands for; undefined where nothing tells. */
  sourceOf(node: ts.Expression, env: Env, steps = MAX_STEPS): Source | undefined {
    const { project } = env;
    const { ts: compiler } = project;
    const inner = unwrap(compiler, node);
    if (steps <= 0 || !project.budget.step()) return undefined;
    if (compiler.isObjectLiteralExpression(inner) || compiler.isArrayLiteralExpression(inner)) return { kind: 'value', node: inner, env };
    if (inner.kind === compiler.SyntaxKind.ThisKeyword) {
      const type = classAround(inner, compiler);
      return type && { kind: 'class', type, self: env.self, env };
    }
    if (compiler.isNewExpression(inner)) {
      const type = project.declarationOf(unwrap(compiler, inner.expression));
      return type && compiler.isClassLike(type) ? { kind: 'class', type, self: { made: inner, env }, env } : undefined;
    }
    if (compiler.isConditionalExpression(inner)) return oneOf([inner.whenTrue, inner.whenFalse].map((way) => this.sourceOf(way, env, steps - 1)), env);
    if (compiler.isBinaryExpression(inner)) return oneOf([inner.left, inner.right].map((way) => this.sourceOf(way, env, steps - 1)), env);
    if (compiler.isCallExpression(inner)) return this.ofCall(inner, env, steps);
    if (compiler.isPropertyAccessExpression(inner)) return this.ofAccess(inner, env, steps);
    if (!compiler.isIdentifier(inner)) return undefined;
    const declaration = project.declarationOf(inner);
    const found = declaration && this.ofDeclaration(declaration, env, steps);
    return found ?? (isContextName(inner.text) ? { kind: 'context', env } : undefined);
  }

  private ofDeclaration(declaration: ts.Declaration, env: Env, steps: number): Source | undefined {
    const { ts: compiler } = env.project;
    if (compiler.isParameter(declaration)) {
      const bound = boundArgument(env, declaration);
      const value = bound?.expression && bound.env && this.sourceOf(bound.expression, bound.env, steps - 1);
      return value ?? ofType(declaration.type, env);
    }
    if (compiler.isBindingElement(declaration)) return this.ofElement(declaration, env, steps);
    if (compiler.isVariableDeclaration(declaration) || compiler.isPropertyAssignment(declaration) || compiler.isPropertyDeclaration(declaration)) {
      const home = homeOf(env, declaration) ?? outOfFunctions(env);
      const value = declaration.initializer && this.sourceOf(declaration.initializer, home, steps - 1);
      return value ?? ('type' in declaration ? ofType(declaration.type, env) : undefined);
    }
    if (compiler.isShorthandPropertyAssignment(declaration)) return this.sourceOf(declaration.name, env, steps - 1);
    if (compiler.isExportAssignment(declaration)) return this.sourceOf(declaration.expression, outOfFunctions(env), steps - 1);
    if (compiler.isClassLike(declaration)) return { kind: 'class', type: declaration, self: undefined, env };
    if (compiler.isPropertySignature(declaration)) return ofType(declaration.type, env);
    return undefined;
  }

  /** `{ services }` of a parameter, a variable, or the context. */
  private ofElement(element: ts.BindingElement, env: Env, steps: number): Source | undefined {
    const { ts: compiler } = env.project;
    const direct = boundArgument(env, element);
    if (direct?.expression && direct.env) return this.sourceOf(direct.expression, direct.env, steps - 1);
    const name = propertyName(compiler, element.propertyName ?? element.name);
    if (name === undefined || !compiler.isObjectBindingPattern(element.parent)) return undefined;
    const holder = element.parent.parent;
    const whole = compiler.isVariableDeclaration(holder)
      ? holder.initializer && this.sourceOf(holder.initializer, homeOf(env, holder) ?? env, steps - 1)
      : this.ofDeclaration(holder, env, steps - 1);
    const part = whole && this.partOf(whole, name, steps - 1);
    return part ?? (isContextName(name) ? { kind: 'context', env } : undefined);
  }

  private ofAccess(access: ts.PropertyAccessExpression, env: Env, steps: number): Source | undefined {
    const { project } = env;
    const holder = this.sourceOf(access.expression, env, steps - 1);
    const part = holder && this.partOf(holder, access.name.text, steps - 1);
    if (part !== undefined) return part;
    if (isContextName(access.name.text)) return { kind: 'context', env };
    const declaration = project.declarationOf(access.name);
    return declaration && this.ofDeclaration(declaration, env, steps - 1);
  }

  /** What a function of the project gives back, its parameters bound. */
  private ofCall(call: ts.CallExpression, env: Env, steps: number): Source | undefined {
    const { ts: compiler } = env.project;
    if (calleeName(compiler, call.expression) === 'freeze' && call.arguments[0]) return this.sourceOf(call.arguments[0], env, steps - 1);
    const given = this.makersOf(call.expression, env, steps - 1).flatMap((maker) => {
      const at = maker.enter(call.arguments);
      return returnsOf(compiler, maker.fn).map((result) => this.sourceOf(result, at, steps - 1));
    });
    const one = oneOf(given, env);
    if (one !== undefined) return one;
    if (LISTS.test(calleeName(compiler, call.expression) ?? '')) return { kind: 'value', node: call, env };
    return ofType(this.returnTypeOf(call, env, steps), env);
  }

  /** `store(id: string): Store` of an interface: nobody's code, but its type says what it gives. */
  private returnTypeOf(call: ts.CallExpression, env: Env, steps: number): ts.TypeNode | undefined {
    const { ts: compiler } = env.project;
    const callee = unwrap(compiler, call.expression);
    if (!compiler.isPropertyAccessExpression(callee)) return undefined;
    const holder = this.sourceOf(callee.expression, env, steps - 1);
    const seen = holder?.kind === 'type' ? this.behindType(holder.type, holder.env, steps - 1) : undefined;
    if (seen === undefined || 'kind' in seen) return undefined;
    for (const member of seen.members) {
      if (member.name === undefined || propertyName(compiler, member.name) !== callee.name.text) continue;
      if (compiler.isMethodSignature(member)) return member.type;
      if (compiler.isPropertySignature(member) && member.type && compiler.isFunctionTypeNode(member.type)) return member.type.type;
    }
    return undefined;
  }

  /** A property of an object. */
  partOf(source: Source, name: string, steps = MAX_STEPS): Source | undefined {
    if (steps <= 0) return undefined;
    switch (source.kind) {
      case 'context':
        return this.ofContext(source.env, name, steps);
      case 'class':
        return this.ofMember(source, name, steps);
      case 'type':
        return this.ofTypeMember(source, name, steps);
      case 'ways':
        return oneOf(source.of.map((way) => this.partOf(way, name, steps - 1)), source.env);
      case 'value': {
        const { ts: compiler } = source.env.project;
        if (!compiler.isObjectLiteralExpression(source.node)) return undefined;
        for (const part of [...source.node.properties].reverse()) {
          if (compiler.isSpreadAssignment(part)) {
            const spread = this.sourceOf(part.expression, source.env, steps - 1);
            const found = spread && this.partOf(spread, name, steps - 1);
            if (found !== undefined) return found;
          } else if (propertyName(compiler, part.name) !== name) continue;
          else if (compiler.isPropertyAssignment(part)) return this.sourceOf(part.initializer, source.env, steps - 1);
          else if (compiler.isShorthandPropertyAssignment(part)) {
            const declaration = source.env.project.declarationOf(part.name);
            return declaration && this.ofDeclaration(declaration, source.env, steps - 1);
          }
        }
        return undefined;
      }
    }
  }

  /** What the middlewares put into the context, the innermost first, then what it is made with. */
  private ofContext(env: Env, name: string, steps: number): Source | undefined {
    for (const given of [...env.context].reverse()) {
      if (given.expression === undefined || given.env === undefined) continue;
      const whole = this.sourceOf(given.expression, given.env, steps - 1);
      const found = whole && whole.kind !== 'context' ? this.partOf(whole, name, steps - 1) : undefined;
      if (found !== undefined) return found;
    }
    for (const type of contextTypes(env)) {
      const found = this.partOf({ kind: 'type', type, env: outOfFunctions(env) }, name, steps - 1);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  private ofMember(source: Extract<Source, { kind: 'class' }>, name: string, steps: number): Source | undefined {
    const { ts: compiler } = source.env.project;
    const env = source.self?.env ?? source.env;
    for (const member of source.type.members) {
      if (compiler.isPropertyDeclaration(member) && propertyName(compiler, member.name) === name) {
        return (member.initializer && this.sourceOf(member.initializer, env, steps - 1)) ?? ofType(member.type, env);
      }
      if (!compiler.isConstructorDeclaration(member)) continue;
      const index = member.parameters.findIndex((parameter) => propertyName(compiler, parameter.name) === name);
      const parameter = member.parameters[index];
      if (parameter === undefined) continue;
      const given = source.self?.made.arguments?.[index];
      return (given && source.self && this.sourceOf(given, source.self.env, steps - 1)) ?? ofType(parameter.type, env);
    }
    return undefined;
  }

  private ofTypeMember(source: Extract<Source, { kind: 'type' }>, name: string, steps: number): Source | undefined {
    const seen = this.behindType(source.type, source.env, steps);
    if (seen === undefined) return undefined;
    if ('kind' in seen) return this.partOf(seen, name, steps - 1);
    const { ts: compiler } = source.env.project;
    for (const member of seen.members) {
      if (compiler.isPropertySignature(member) && propertyName(compiler, member.name) === name && member.type) return { kind: 'type', type: member.type, env: source.env };
    }
    return undefined;
  }

  /** The members that a type lists, or the value or class that it is the type of. */
  behindType(type: ts.TypeNode, env: Env, steps: number): Source | Listed | undefined {
    const { project } = env;
    const { ts: compiler } = project;
    if (steps <= 0) return undefined;
    if (compiler.isParenthesizedTypeNode(type)) return this.behindType(type.type, env, steps - 1);
    if (compiler.isTypeLiteralNode(type)) return { members: type.members };
    if (compiler.isIntersectionTypeNode(type)) {
      const all = type.types.map((part) => this.behindType(part, env, steps - 1));
      const members = all.flatMap((part) => (part !== undefined && 'members' in part ? part.members : []));
      return members.length > 0 ? { members } : all.find((part) => part !== undefined);
    }
    if (compiler.isUnionTypeNode(type)) {
      const all = type.types.map((part) => this.behindType(part, env, steps - 1)).filter((part) => part !== undefined);
      return oneOf(all.map((part) => ('kind' in part ? part : undefined)), env) ?? all[0];
    }
    if (compiler.isTypeQueryNode(type)) return this.ofQuery(type, env, steps);
    if (!compiler.isTypeReferenceNode(type)) return undefined;
    const name = compiler.isIdentifier(type.typeName) ? type.typeName : type.typeName.right;
    const [first] = type.typeArguments ?? [];
    if (first !== undefined && /^(Awaited|Promise|Pick|Omit|Partial|Readonly|Required|NonNullable|ReturnType|inferAsyncReturnType|InstanceType)$/.test(name.text)) return this.behindType(first, env, steps - 1);
    const declaration = project.declarationOf(name);
    if (declaration === undefined) return undefined;
    if (compiler.isTypeAliasDeclaration(declaration)) {
      const seen = this.behindType(declaration.type, env, steps - 1);
      return seen !== undefined && 'members' in seen && seen.owner === undefined ? { ...seen, owner: declaration } : seen;
    }
    if (compiler.isInterfaceDeclaration(declaration)) return { members: declaration.members, owner: declaration };
    return compiler.isClassLike(declaration) ? { kind: 'class', type: declaration, self: undefined, env } : undefined;
  }

  /** `typeof createContext`: what the function gives; `typeof services`: the constant. */
  private ofQuery(type: ts.TypeQueryNode, env: Env, steps: number): Source | undefined {
    const { project } = env;
    const { ts: compiler } = project;
    const name = compiler.isIdentifier(type.exprName) ? type.exprName : type.exprName.right;
    const at = outOfFunctions(env);
    const given = this.makersOf(name, at, steps - 1).flatMap((maker) => {
      const inside = maker.enter([]);
      return returnsOf(compiler, maker.fn).map((result) => this.sourceOf(result, inside, steps - 1));
    });
    const found = oneOf(given, at);
    if (found !== undefined) return found;
    const declaration = project.declarationOf(name);
    return declaration && this.ofDeclaration(declaration, at, steps - 1);
  }
}

/** The objects that were found, each of them once. The context stands where nothing else was found. */
function oneOf(found: readonly (Source | undefined)[], env: Env): Source | undefined {
  const seen = new Map<ts.Node, Source>();
  for (const one of found.flatMap((way): readonly (Source | undefined)[] => (way?.kind === 'ways' ? way.of : [way]))) {
    if (one === undefined || one.kind === 'context' || one.kind === 'ways') continue;
    const node = one.kind === 'value' ? one.node : one.type;
    const known = seen.get(node);
    // An instance whose `new` was seen tells more.
    if (known === undefined || (known.kind === 'class' && known.self === undefined)) seen.set(node, one);
  }
  const [first, ...others] = [...seen.values()].slice(0, MAX_WAYS);
  if (first === undefined) return found.find((one) => one !== undefined);
  return others.length === 0 ? first : { kind: 'ways', of: [first, ...others], env };
}

const isContextName = (name: string): boolean => /^(ctx|context|c)$/.test(name);

function ofType(type: ts.TypeNode | undefined, env: Env): Source | undefined {
  return type && { kind: 'type', type, env };
}

const typesOfContexts = new WeakMap<object, ts.TypeNode[]>();

/** The `T` of every `initTRPC.context<T>()`. */
function contextTypes(env: Env): ts.TypeNode[] {
  const { project } = env;
  const { ts: compiler } = project;
  const known = typesOfContexts.get(project);
  if (known !== undefined) return known;
  const found: ts.TypeNode[] = [];
  const visit = (node: ts.Node): void => {
    if (compiler.isCallExpression(node) && node.typeArguments?.[0] && calleeName(compiler, node.expression) === 'context') found.push(node.typeArguments[0]);
    compiler.forEachChild(node, visit);
  };
  for (const file of project.files) if (/\.context</.test(file.text)) visit(file);
  typesOfContexts.set(project, found);
  return found;
}

export function classAround(node: ts.Node, compiler: typeof ts): ts.ClassLikeDeclaration | undefined {
  let at: ts.Node | undefined = node;
  while (at !== undefined && !compiler.isClassLike(at)) at = at.parent;
  return at;
}
