import type ts from 'typescript';
import type { Bindings, FunctionNode, Value } from '../../model.js';
import type { Compiler } from '../sources/compiler.js';
import type { Mutations } from './mutations.js';
import type { Names } from '../names.js';
import type { Remembered } from './remembered.js';

/**
 * What the parts of the evaluator see of it. They call each other through this, in whatever order the text asks for: none
 * of them imports one that comes back to it.
 */
export interface Reader {
  readonly ts: Compiler;
  readonly names: Names;
  readonly mutations: Mutations;
  /** Calls that are being followed, for the bound on recursion. */
  readonly calls: ts.Node[];
  /** Variables whose changes are being followed. */
  readonly changing: Set<ts.Node>;
  /** Declarations that are being read without bindings, with what they hold so far. */
  readonly reading: Map<ts.Node, Value | undefined>;
  readonly remembered: Remembered;
  /** Counts what was cut short; an answer that was is not remembered. */
  cuts: number;

  value(node: ts.Expression, given: Bindings): Value;
  functionOf(node: ts.Expression, scope?: Bindings): FunctionNode | undefined;
  /** Parentheses, `as`, `satisfies`, `!` and type arguments say nothing about a value. */
  unwrap(node: ts.Expression): ts.Expression;
  /** Whether a node may mean something else from call to call: it lies in a function or a class. */
  isLocal(node: ts.Node): boolean;
  /** The texts that a property name may have; undefined where they are not known. */
  namesOf(name: ts.PropertyName, scope: Bindings): string[] | undefined;
  /** The value of a member of an object literal. */
  valueOfMember(member: Exclude<ts.ObjectLiteralElementLike, ts.SpreadAssignment>, scope: Bindings): Value;
  /** What a declaration holds. `at` is where it is asked for. */
  declared(declaration: ts.Declaration, given: Bindings, at: ts.Node): Value;
  /** A module as an object. */
  moduleValue(module: ts.SourceFile | ts.ModuleDeclaration): Value;
  /** Parameters bound to the arguments of a call that stands in `scope`. */
  bind(parameters: readonly ts.ParameterDeclaration[], args: readonly ts.Expression[], scope: Bindings, outer: Bindings): Bindings;
}
