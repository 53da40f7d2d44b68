import type ts from 'typescript';
import type { Compiler } from './compiler.js';
import type { Names } from './names.js';

/** A statement that changes what a variable holds after its declaration. */
export type Mutation =
  | { kind: 'assign'; value: ts.Expression | undefined }
  /** `push`, `unshift`, `add`. */
  | { kind: 'append'; values: readonly ts.Expression[] }
  /** `x.name = value`, `x[key] = value`, `map.set(key, value)`. */
  | { kind: 'member'; key: string | ts.Expression; value: ts.Expression }
  /** `Object.assign(x, value)`. */
  | { kind: 'merge'; values: readonly ts.Expression[] };

const APPENDING = new Set(['push', 'unshift', 'add']);

/** Which variables of a file are changed after their declaration, found in one pass a file. */
export class Mutations {
  private readonly files = new Map<ts.SourceFile, ReadonlyMap<string, readonly { name: ts.Identifier; mutation: Mutation }[]>>();

  constructor(
    private readonly ts: Compiler,
    private readonly names: Names,
  ) {}

  /** In the order of the text. */
  of(declaration: ts.Declaration, name: string): Mutation[] {
    const found = this.indexOf(declaration.getSourceFile()).get(name) ?? [];
    return found.filter((one) => this.names.declarationOf(this.names.symbolOf(one.name)) === declaration).map(({ mutation }) => mutation);
  }

  private indexOf(file: ts.SourceFile): ReadonlyMap<string, readonly { name: ts.Identifier; mutation: Mutation }[]> {
    const known = this.files.get(file);
    if (known) return known;
    const index = new Map<string, { name: ts.Identifier; mutation: Mutation }[]>();
    const visit = (node: ts.Node): void => {
      const found = this.read(node);
      if (found) {
        const list = index.get(found.name.text);
        if (list) list.push(found);
        else index.set(found.name.text, [found]);
      }
      this.ts.forEachChild(node, visit);
    };
    visit(file);
    this.files.set(file, index);
    return index;
  }

  private read(node: ts.Node): { name: ts.Identifier; mutation: Mutation } | undefined {
    const { ts } = this;
    if (ts.isBinaryExpression(node)) {
      const operator = node.operatorToken.kind;
      if (operator < ts.SyntaxKind.FirstAssignment || operator > ts.SyntaxKind.LastAssignment) return undefined;
      const plain =
        operator === ts.SyntaxKind.EqualsToken ||
        operator === ts.SyntaxKind.BarBarEqualsToken ||
        operator === ts.SyntaxKind.QuestionQuestionEqualsToken ||
        operator === ts.SyntaxKind.AmpersandAmpersandEqualsToken;
      if (ts.isIdentifier(node.left)) return { name: node.left, mutation: { kind: 'assign', value: plain ? node.right : undefined } };
      if (ts.isPropertyAccessExpression(node.left) && ts.isIdentifier(node.left.expression)) {
        return { name: node.left.expression, mutation: { kind: 'member', key: node.left.name.text, value: node.right } };
      }
      if (ts.isElementAccessExpression(node.left) && ts.isIdentifier(node.left.expression)) {
        return { name: node.left.expression, mutation: { kind: 'member', key: node.left.argumentExpression, value: node.right } };
      }
      return undefined;
    }
    if (!ts.isCallExpression(node) || !ts.isPropertyAccessExpression(node.expression) || !ts.isIdentifier(node.expression.expression)) return undefined;
    const receiver = node.expression.expression;
    const method = node.expression.name.text;
    const [first, second] = node.arguments;
    if (APPENDING.has(method)) return { name: receiver, mutation: { kind: 'append', values: node.arguments } };
    if (method === 'splice') return { name: receiver, mutation: { kind: 'append', values: node.arguments.slice(2) } };
    if (method === 'set' && first && second) return { name: receiver, mutation: { kind: 'member', key: first, value: second } };
    if (receiver.text === 'Object' && method === 'assign' && first && ts.isIdentifier(first)) {
      return { name: first, mutation: { kind: 'merge', values: node.arguments.slice(1) } };
    }
    return undefined;
  }
}
