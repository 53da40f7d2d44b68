/** The tRPC side of an app: where its base procedures, its context and its root router are made. */
import type ts from 'typescript';
import type { Procedure, Project, RouterRoot } from '../../audit/model.js';
import { usesSemicolons, type Edits } from './edits.js';

/** Where mutations begin: at `t.procedure`, or at the `procedure` of `const { procedure } = t`. */
export interface Base {
  node: ts.PropertyAccessExpression | ts.BindingElement;
  /** What is `t` in it. */
  start: ts.Expression;
  file: ts.SourceFile;
}

export interface Bases {
  found: Base[];
  /** Mutations whose beginning could not be followed. */
  lost: string[];
}

/** Each place once. */
export function basesOf(project: Project, mutations: readonly Procedure[]): Bases {
  const found = new Map<ts.Node, Base>();
  const lost: string[] = [];
  for (const mutation of mutations) {
    const base = baseOf(project, mutation.node.expression);
    if (base) found.set(base.node, base);
    else lost.push(mutation.path);
  }
  return { found: [...found.values()], lost };
}

/** Names that are followed from one to the next. */
const MAX_HOPS = 30;

/** Down the chain of calls, and through the names that it begins with. */
function baseOf(project: Project, chain: ts.Expression): Base | undefined {
  const { ts } = project;
  let node: ts.Expression = chain;
  let hops = 0;
  while (hops < MAX_HOPS) {
    if (ts.isCallExpression(node)) node = node.expression;
    else if (ts.isPropertyAccessExpression(node)) {
      if (node.name.text === 'procedure') return { node, start: node.expression, file: node.getSourceFile() };
      node = node.expression;
    } else if (ts.isIdentifier(node)) {
      const declaration = project.declarationOf(node);
      if (declaration && ts.isBindingElement(declaration)) return destructured(project, declaration);
      if (!declaration || !ts.isVariableDeclaration(declaration) || !declaration.initializer) return undefined;
      node = declaration.initializer;
      hops += 1;
    } else if (ts.isParenthesizedExpression(node)) node = node.expression;
    else return undefined;
  }
  return undefined;
}

/** `procedure` of `const { router, procedure } = t`. */
function destructured({ ts }: Project, node: ts.BindingElement): Base | undefined {
  const declaration = node.parent.parent;
  if (!ts.isVariableDeclaration(declaration) || !declaration.initializer) return undefined;
  const isPlain = ts.isIdentifier(node.name) && node.name.text === 'procedure' && !node.propertyName && !node.initializer;
  return isPlain ? { node, start: declaration.initializer, file: node.getSourceFile() } : undefined;
}

/** The middleware comes first, there or under the name that everyone uses already. */
export function addMiddleware({ ts }: Project, edits: Edits, { node, file }: Base): void {
  const use = '.use(sync.middleware())';
  if (!ts.isBindingElement(node)) return edits.insert(file, node.getEnd(), use);
  let statement: ts.Node = node;
  while (!ts.isVariableStatement(statement)) statement = statement.parent;
  const exported = statement.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) === true;
  edits.insert(file, node.getEnd(), ': plainProcedure');
  edits.insert(file, statement.getEnd(), `\n${exported ? 'export ' : ''}const procedure = plainProcedure${use}${usesSemicolons(file.text) ? ';' : ''}`);
}

/** The name that a procedure begins with, `protectedProcedure`, if it is one that another file may import, or its own. */
export function beginningOf(project: Project, procedure: Procedure): { name: string; file: ts.SourceFile } | undefined {
  const { ts } = project;
  let node: ts.Expression = procedure.node.expression;
  while (ts.isCallExpression(node) || ts.isPropertyAccessExpression(node)) node = node.expression;
  if (!ts.isIdentifier(node)) return undefined;
  const declaration = project.declarationOf(node);
  const isNamed = declaration && (ts.isVariableDeclaration(declaration) || ts.isBindingElement(declaration));
  if (!isNamed || !ts.isIdentifier(declaration.name)) return undefined;
  return { name: declaration.name.text, file: declaration.getSourceFile() };
}

/** The context of `t` in `t.procedure`: the type as it is written, and the file in which its names mean something. */
export function contextOf(project: Project, base: Base): { type: ts.TypeNode; file: ts.SourceFile } | undefined {
  const { ts } = project;
  const { start } = base;
  const declaration = ts.isIdentifier(start) ? project.declarationOf(start) : undefined;
  let node = declaration && ts.isVariableDeclaration(declaration) ? declaration.initializer : start;
  while (node && (ts.isCallExpression(node) || ts.isPropertyAccessExpression(node))) {
    if (ts.isCallExpression(node) && ts.isPropertyAccessExpression(node.expression) && node.expression.name.text === 'context') {
      const [type] = node.typeArguments ?? [];
      return type && { type, file: node.getSourceFile() };
    }
    node = node.expression;
  }
  return undefined;
}

/** The `{ … }` of the root router, and how its `router` is called there. */
export interface RootLiteral {
  name: string;
  file: ts.SourceFile;
  literal: ts.ObjectLiteralExpression;
  /** `router`, `t.router`, `createTRPCRouter`. */
  make: string;
  exported: boolean;
}

export function rootLiteral({ ts, files, root }: Project, { name }: RouterRoot): RootLiteral | undefined {
  const [where = '', variable = ''] = name.split('#');
  const file = files.find(({ fileName }) => fileName === `${root}/${where}`);
  for (const statement of file?.statements ?? []) {
    if (!ts.isVariableStatement(statement)) continue;
    for (const { name: own, initializer } of statement.declarationList.declarations) {
      if (!ts.isIdentifier(own) || own.text !== variable || !initializer || !ts.isCallExpression(initializer)) continue;
      const [literal] = initializer.arguments;
      if (!file || !literal || !ts.isObjectLiteralExpression(literal)) return undefined;
      const exported = statement.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) === true;
      return { name: variable, file, literal, make: initializer.expression.getText(), exported };
    }
  }
  return undefined;
}

/** Where the router is served: the call that is given `fastifyTRPCPlugin`, or is itself one of tRPC's adapters. */
const ADAPTERS = /^(fastifyTRPCPlugin|createExpressMiddleware|fetchRequestHandler|createHTTPServer|createHTTPHandler|trpcServer|createNextApiHandler)$/;

export interface Served {
  file: ts.SourceFile;
  call: ts.CallExpression;
  /** The statement that the call stands in. */
  statement: ts.Node;
  awaited: boolean;
}

export function servedAt({ ts, files }: Project): Served[] {
  const served: Served[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node)) {
      const [first] = node.arguments;
      const names = [node.expression, ...(first ? [first] : [])].filter((one) => ts.isIdentifier(one));
      if (names.some(({ text }) => ADAPTERS.test(text))) {
        let statement: ts.Node = node;
        while (!ts.isStatement(statement)) statement = statement.parent;
        served.push({ file: node.getSourceFile(), call: node, statement, awaited: ts.isAwaitExpression(node.parent) });
        return;
      }
    }
    ts.forEachChild(node, visit);
  };
  for (const file of files) visit(file);
  return served;
}

/** Whether the context holds the request and the response: by a type `…Context`, or by what a function `…Context…` gives back. */
export function contextHasSockets({ ts, files }: Project): boolean {
  const both = (names: readonly string[]): boolean => names.includes('req') && names.includes('res');
  const namesOf = (members: readonly (ts.TypeElement | ts.ObjectLiteralElementLike)[]): string[] => members.map((one) => one.name?.getText() ?? '');
  /** Of the function itself, not of those within it. */
  const gives = (node: ts.Node): boolean => {
    if (ts.isObjectLiteralExpression(node)) return both(namesOf(node.properties));
    if (ts.isParenthesizedExpression(node) || ts.isReturnStatement(node)) return node.expression !== undefined && gives(node.expression);
    if (ts.isBlock(node)) return node.statements.some((one) => !ts.isFunctionDeclaration(one) && (ts.isReturnStatement(one) ? gives(one) : false));
    return false;
  };
  const isContext = (name: ts.Node | undefined): boolean => name !== undefined && /context/i.test(name.getText());
  return files.some(({ statements }) =>
    statements.some((statement) => {
      if (ts.isInterfaceDeclaration(statement)) return isContext(statement.name) && both(namesOf(statement.members));
      if (ts.isTypeAliasDeclaration(statement)) return isContext(statement.name) && ts.isTypeLiteralNode(statement.type) && both(namesOf(statement.type.members));
      if (ts.isFunctionDeclaration(statement)) return isContext(statement.name) && statement.body !== undefined && gives(statement.body);
      if (!ts.isVariableStatement(statement)) return false;
      return statement.declarationList.declarations.some(({ name, initializer }) => {
        const isFunction = initializer && (ts.isArrowFunction(initializer) || ts.isFunctionExpression(initializer));
        return isContext(name) && isFunction === true && gives(initializer.body);
      });
    }),
  );
}
