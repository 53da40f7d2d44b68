/**
 * What the parts of the audit hand to each other: `project` (files and symbols) → `routers` (procedures) → `effects`
 * (what a resolver does) → `findings` (rules) → `output`. Nothing here runs audited code.
 */
import type ts from 'typescript';
import type { Budget } from './budget.js';
import type { Broadcast, PathMapReport, Place, Unseen, Write } from './report.js';

/** The audited code: parsed and bound, with names resolved over imports, re-exports and tsconfig paths. */
export interface Project {
  readonly ts: typeof ts;
  /** Absolute. */
  readonly root: string;
  readonly checker: ts.TypeChecker;
  /** The project's own sources: no declaration files, nothing below node_modules. */
  readonly files: readonly ts.SourceFile[];
  placeOf(node: ts.Node): Place;
  /** What may still be spent on the procedure that is being followed. */
  readonly budget: Budget;
  /**
   * The declaration an identifier or property name ends at, followed over imports, re-exports, `export *`, namespaces, destructuring
   * and plain aliases; undefined where it leaves the project's sources.
   */
  declarationOf(node: ts.Node): ts.Declaration | undefined;
  /** The package that a file is of, and the file's path below it; undefined where no package.json with a name is nearest above. */
  packageOf(file: ts.SourceFile): { name: string; path: string } | undefined;
  /** What a name was imported as from a module that is not among the sources, over our own re-exports. */
  importOf(name: ts.Identifier): { module: string; name: string } | undefined;
  /** What says how tables hang together beside the code: `schema.prisma`, and SQL of migrations. */
  readonly schemas: readonly { file: string; text: string }[];
  /** The value of an expression as far as the text tells. Never throws; `unknown` says why. */
  evaluate(node: ts.Expression, scope?: Bindings): Value;
  /** The function an expression calls or is, followed through names, `const f = …`, methods of object literals and classes. */
  functionOf(node: ts.Expression, scope?: Bindings): FunctionNode | undefined;
  /** What a variable is given after its declaration, in the order of the text. */
  assignedTo(variable: ts.VariableDeclaration): readonly ts.Expression[];
}

export type FunctionNode =
  | ts.FunctionDeclaration
  | ts.FunctionExpression
  | ts.ArrowFunction
  | ts.MethodDeclaration;

/** Parameters bound to the arguments of a call (a factory, a helper). */
export type Bindings = ReadonlyMap<ts.Node, Value>;

export type Value =
  | { kind: 'string'; text: string; node: ts.Node }
  | { kind: 'constant'; value: number | boolean | null | undefined; node: ts.Node }
  /** `complete` false: there may be more members than these. */
  | { kind: 'array'; items: Value[]; complete: boolean; node: ts.Node }
  | { kind: 'object'; properties: Map<string, Value>; complete: boolean; node: ts.Node }
  | { kind: 'function'; function: FunctionNode; scope: Bindings; node: ts.Node }
  /** One of several (a conditional, `??`, a switch, several returns). */
  | { kind: 'choice'; options: Value[]; node: ts.Node }
  /** An expression that has a meaning of its own to the asker: a call, `new`, a parameter. `scope` is where its names are bound. */
  | { kind: 'expression'; expression: ts.Expression; scope: Bindings; node: ts.Node }
  | { kind: 'unknown'; why: string; node: ts.Node };

export type ProcedureKind = 'query' | 'mutation' | 'subscription';

export interface Procedure {
  /** `guests.create` */
  path: string;
  kind: ProcedureKind;
  place: Place;
  /** The `.mutation(…)` call. */
  node: ts.CallExpression;
  resolver: FunctionNode | undefined;
  /** Where the names of the resolver are bound (a factory's parameters). */
  scope: Bindings;
  /** What `.use(…)` was given along the builder chain, base procedures included, outermost first. */
  middlewares: ts.Expression[];
  /** What `.input(…)` was given, in order. */
  inputs: ts.Expression[];
}

export interface RouterRoot {
  /** `file#name` */
  name: string;
  place: Place;
  procedures: Procedure[];
  unseen: Unseen[];
  /** Queries of the router that mounts it, where it was asked for by name: a path may name those too. */
  mountedBeside?: string[];
}

/** What running a function may do, over all helpers it calls that are part of the project. */
export interface Effects {
  broadcasts: Broadcast[];
  writes: Write[];
  helpers: HelperCall[];
  unseen: Unseen[];
}

export interface HelperCall {
  name: string;
  declaration: FunctionNode;
  place: Place;
  /** The argument it is given as database: inside a transaction's callback the transaction's own, or the bare one. */
  database: 'tx' | 'bare' | 'none';
  /** Names of the helpers around it, outermost first. */
  via: string[];
}

/** Something that maps names to query paths: a chatbot's tool map, `getQueryPathsForModule`. */
export interface PathMap extends PathMapReport {
  kind: 'tools' | 'modules';
}
