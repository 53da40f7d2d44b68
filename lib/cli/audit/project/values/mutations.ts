import type ts from 'typescript';
import type { Compiler } from '../sources/compiler.js';
import type { Names } from '../names.js';

/** A statement that changes what a variable holds after its declaration. */
export type Mutation =
  | { kind: 'assign'; value: ts.Expression | undefined }
  /** `push`, `unshift`, `add`. */
  | { kind: 'append'; values: readonly ts.Expression[] }
  /** `x.name = value`, `x[key] = value`, `map.set(key, value)`. */
  | { kind: 'member'; key: string | ts.Expression; value: ts.Expression }
  /** `x.name.push(value)`. */
  | { kind: 'append-member'; key: string; values: readonly ts.Expression[] }
  /** `fill(x)`: the function may change what it is given. */
  | { kind: 'passed'; call: ts.CallExpression; index: number }
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
      for (const found of this.read(node)) {
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

  private read(node: ts.Node): { name: ts.Identifier; mutation: Mutation }[] {
    if (this.ts.isBinaryExpression(node)) return this.readAssignment(node);
    return this.ts.isCallExpression(node) ? this.readCall(node) : [];
  }

  private readAssignment(node: ts.BinaryExpression): { name: ts.Identifier; mutation: Mutation }[] {
    const { ts } = this;
    const operator = node.operatorToken.kind;
    if (operator < ts.SyntaxKind.FirstAssignment || operator > ts.SyntaxKind.LastAssignment) return [];
    const plain =
      operator === ts.SyntaxKind.EqualsToken ||
      operator === ts.SyntaxKind.BarBarEqualsToken ||
      operator === ts.SyntaxKind.QuestionQuestionEqualsToken ||
      operator === ts.SyntaxKind.AmpersandAmpersandEqualsToken;
    const { left, right } = node;
    if (ts.isIdentifier(left)) return [{ name: left, mutation: { kind: 'assign', value: plain ? right : undefined } }];
    if (ts.isPropertyAccessExpression(left) && ts.isIdentifier(left.expression)) {
      return [{ name: left.expression, mutation: { kind: 'member', key: left.name.text, value: right } }];
    }
    if (ts.isElementAccessExpression(left) && ts.isIdentifier(left.expression)) {
      return [{ name: left.expression, mutation: { kind: 'member', key: left.argumentExpression, value: right } }];
    }
    return [];
  }

  private readCall(call: ts.CallExpression): { name: ts.Identifier; mutation: Mutation }[] {
    const { ts } = this;
    const { arguments: args, expression: callee } = call;
    const found: { name: ts.Identifier; mutation: Mutation }[] = args.flatMap((argument, index) =>
      ts.isIdentifier(argument) ? [{ name: argument, mutation: { kind: 'passed', call, index } }] : [],
    );
    if (!ts.isPropertyAccessExpression(callee)) return found;
    const receiver = callee.expression;
    const method = callee.name.text;
    const [first, second] = args;
    const added = APPENDING.has(method) ? args : method === 'splice' ? args.slice(2) : undefined;
    if (ts.isPropertyAccessExpression(receiver) && ts.isIdentifier(receiver.expression) && added) {
      found.push({ name: receiver.expression, mutation: { kind: 'append-member', key: receiver.name.text, values: added } });
    }
    if (!ts.isIdentifier(receiver)) return found;
    if (added) found.push({ name: receiver, mutation: { kind: 'append', values: added } });
    if (method === 'set' && first && second) found.push({ name: receiver, mutation: { kind: 'member', key: first, value: second } });
    if (receiver.text === 'Object' && method === 'assign' && first && ts.isIdentifier(first)) {
      return [{ name: first, mutation: { kind: 'merge', values: args.slice(1) } }];
    }
    return found;
  }
}
