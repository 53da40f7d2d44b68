import type ts from 'typescript';
import type { Value } from '../model.js';
import type { OpenedProject } from '../project/index.js';
import { EMPTY, optionsOf } from '../project/values/values.js';
import { whatIsMade } from './made.js';

type Expression = Extract<Value, { kind: 'expression' }>;

/** A router with a name of its own: in a variable, exported as default, returned by a function. */
export interface Candidate {
  name: string;
  /** Where the name is written. */
  node: ts.Node;
  value: Expression;
  /** The call that makes it. */
  made: ts.Node;
  /** Returned by a function: its parameters are not bound. */
  isFactory: boolean;
  /** Given to an adapter, or made into a caller. */
  isServed: boolean;
  /** The name of a type `typeof` it: `AppRouter`. */
  typeName: string | undefined;
  /** Of tRPC 9: found, and not read. */
  isOld: boolean;
}

/** Files without these words hold no router. */
const RELEVANT = /router|trpc/i;
/** Local variables and members are read only where their callee speaks of routers. */
const SPEAKS_OF_ROUTERS = /router|trpc|merge/i;
const SERVING = /createCaller|bindRouter|callerFactory/i;

/** Every router of the project that has a name, with what the project does with it. */
export function findCandidates(project: OpenedProject): Candidate[] {
  const finder = new Finder(project);
  for (const file of project.files) if (RELEVANT.test(file.text)) finder.read(file);
  return finder.finish();
}

class Finder {
  private readonly candidates: Candidate[] = [];
  private readonly bySite = new Map<ts.Node, Candidate>();
  private readonly served: ts.Expression[] = [];
  private readonly types: { name: string; of: ts.Node }[] = [];

  constructor(private readonly project: OpenedProject) {}

  read(file: ts.SourceFile): void {
    const { ts } = this.project;
    const visit = (node: ts.Node): void => {
      if (ts.isVariableDeclaration(node) && node.initializer && ts.isIdentifier(node.name)) this.consider(node.name.text, node.name, node.initializer);
      else if (ts.isPropertyDeclaration(node) && node.initializer && ts.isIdentifier(node.name)) this.consider(node.name.text, node.name, node.initializer);
      else if (ts.isExportAssignment(node)) this.consider('default', node, node.expression);
      else if (ts.isReturnStatement(node) && node.expression) this.consider(this.functionName(node), node.expression, node.expression);
      else if (ts.isArrowFunction(node) && !ts.isBlock(node.body)) this.consider(this.functionName(node.body), node.body, node.body);
      else if (ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.EqualsToken) this.consider(this.assignedName(node.left), node.left, node.right);
      else if (ts.isPropertyAssignment(node) && ts.isIdentifier(node.name)) {
        if (node.name.text === 'router') this.serve(node, node.initializer);
        if (ts.isCallExpression(node.initializer) && this.makesRouter(node.initializer.expression)) this.consider(node.name.text, node.name, node.initializer);
      }
      else if (ts.isShorthandPropertyAssignment(node) && node.name.text === 'router') this.serve(node, node.name);
      else if (ts.isCallExpression(node)) this.call(node);
      else if (ts.isTypeAliasDeclaration(node)) this.type(node.name.text, node.type);
      ts.forEachChild(node, visit);
    };
    visit(file);
  }

  finish(): Candidate[] {
    for (const expression of this.served) {
      for (const option of optionsOf(this.project.evaluate(expression))) {
        const candidate = option.kind === 'expression' ? (this.bySite.get(option.node) ?? this.ofMade(option)) : undefined;
        if (candidate) candidate.isServed = true;
      }
    }
    for (const { name, of } of this.types) {
      const declaration = this.project.declarationOf(of);
      const candidate = this.candidates.find((one) => declaration && (one.node.parent === declaration || one.node === declaration || this.isReturnOf(one, declaration)));
      if (candidate && (candidate.typeName === undefined || name === 'AppRouter')) candidate.typeName = name;
    }
    return this.candidates;
  }

  private consider(name: string, node: ts.Node, expression: ts.Expression): void {
    const { ts, evaluator } = this.project;
    const call = evaluator.unwrap(expression);
    if (!ts.isCallExpression(call)) return;
    const isFactory = this.isInFunction(call);
    if (isFactory && !this.makesRouter(call.expression)) return;
    for (const option of optionsOf(evaluator.evaluate(call, EMPTY))) {
      if (option.kind !== 'expression') continue;
      const made = whatIsMade(this.project, option);
      if (made.kind !== 'router' && made.kind !== 'merge' && made.kind !== 'old') continue;
      if (this.bySite.has(option.node)) continue;
      const candidate: Candidate = {
        name, node, value: option, made: made.node, isFactory, isServed: false, typeName: undefined, isOld: made.kind === 'old',
      };
      this.candidates.push(candidate);
      this.bySite.set(option.node, candidate);
    }
  }

  /** Whether the name of what is called, or of what that stands for, speaks of routers. */
  private makesRouter(callee: ts.Expression): boolean {
    const { ts, evaluator } = this.project;
    if (SPEAKS_OF_ROUTERS.test(this.lastName(callee))) return true;
    if (!ts.isIdentifier(callee)) return false;
    const value = evaluator.evaluate(callee, EMPTY);
    return value.kind === 'expression' && SPEAKS_OF_ROUTERS.test(this.lastName(value.expression));
  }

  private lastName(node: ts.Expression): string {
    const { ts } = this.project;
    if (ts.isPropertyAccessExpression(node)) return node.name.text;
    return ts.isIdentifier(node) ? node.text : '';
  }

  private ofMade(value: Expression): Candidate | undefined {
    const made = whatIsMade(this.project, value);
    return 'node' in made ? this.candidates.find((one) => one.made === made.node) : undefined;
  }

  /** `{ router: appRouter }` within a call: an adapter's options. */
  private serve(member: ts.Node, expression: ts.Expression): void {
    const { ts } = this.project;
    for (let at = member.parent as ts.Node | undefined; at && !ts.isFunctionLike(at) && !ts.isSourceFile(at); at = at.parent) {
      if (ts.isCallExpression(at) || ts.isNewExpression(at) || ts.isExportAssignment(at) || ts.isVariableDeclaration(at)) {
        this.served.push(expression);
        return;
      }
    }
  }

  private call(node: ts.CallExpression): void {
    const { ts } = this.project;
    if (!SERVING.test(this.lastName(node.expression))) return;
    if (node.arguments[0]) this.served.push(node.arguments[0]);
    if (ts.isPropertyAccessExpression(node.expression)) this.served.push(node.expression.expression);
  }

  private type(name: string, type: ts.TypeNode): void {
    const { ts } = this.project;
    if (!/router$/i.test(name)) return;
    const visit = (node: ts.Node): void => {
      if (ts.isTypeQueryNode(node)) this.types.push({ name, of: ts.isIdentifier(node.exprName) ? node.exprName : node.exprName.right });
      ts.forEachChild(node, visit);
    };
    visit(type);
  }

  private isInFunction(node: ts.Node): boolean {
    const { ts } = this.project;
    for (let at = node.parent as ts.Node | undefined; at; at = at.parent) if (ts.isFunctionLike(at)) return true;
    return false;
  }

  private isReturnOf(candidate: Candidate, declaration: ts.Declaration): boolean {
    const { ts } = this.project;
    for (let at: ts.Node | undefined = candidate.node; at; at = at.parent as ts.Node | undefined) {
      if (at === declaration) return candidate.isFactory;
      if (ts.isFunctionLike(at) && at.parent === declaration) return candidate.isFactory;
    }
    return false;
  }

  private functionName(node: ts.Node): string {
    const { ts } = this.project;
    for (let at = node.parent as ts.Node | undefined; at; at = at.parent) {
      if (!ts.isFunctionLike(at)) continue;
      if (at.name && ts.isIdentifier(at.name)) return at.name.text;
      if (ts.isVariableDeclaration(at.parent) && ts.isIdentifier(at.parent.name)) return at.parent.name.text;
    }
    return 'default';
  }

  private assignedName(left: ts.Expression): string {
    const { ts } = this.project;
    if (ts.isPropertyAccessExpression(left)) return left.name.text === 'exports' ? 'default' : left.name.text;
    return ts.isIdentifier(left) ? left.text : 'default';
  }
}
