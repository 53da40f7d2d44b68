/** Who extends a class and who stands behind an interface, over the whole project. */
import type ts from 'typescript';
import type { Project } from '../../model.js';
import { returnsOf, isFunctionNode, unwrap } from '../code/syntax.js';

export interface Family {
  classes: ts.ClassLikeDeclaration[];
  /** Object literals that are said to be of the interface. */
  literals: ts.ObjectLiteralExpression[];
}

/** Further descendants are not looked for. */
const MAX_GENERATIONS = 6;
const families = new WeakMap<Project, Map<ts.Node, Family>>();

/** All classes below a class or interface, and literals of the interface. */
export function descendantsOf(type: ts.Node, project: Project): Family {
  let index = families.get(project);
  if (index === undefined) families.set(project, (index = indexOf(project)));
  const found: Family = { classes: [], literals: [] };
  let generation: ts.Node[] = [type];
  for (let steps = MAX_GENERATIONS; steps > 0 && generation.length > 0; steps--) {
    const next: ts.Node[] = [];
    for (const parent of generation) {
      const own = index.get(parent);
      for (const one of own?.classes ?? []) if (!found.classes.includes(one)) next.push(one);
      found.literals.push(...(own?.literals ?? []));
    }
    found.classes.push(...(next as ts.ClassLikeDeclaration[]));
    generation = next;
  }
  return found;
}

function indexOf(project: Project): Map<ts.Node, Family> {
  const { ts: compiler } = project;
  const index = new Map<ts.Node, Family>();
  const of = (name: ts.Node): Family | undefined => {
    const declaration = project.declarationOf(name);
    if (declaration === undefined || !(compiler.isClassLike(declaration) || compiler.isInterfaceDeclaration(declaration) || compiler.isTypeAliasDeclaration(declaration))) return undefined;
    let family = index.get(declaration);
    if (family === undefined) index.set(declaration, (family = { classes: [], literals: [] }));
    return family;
  };
  const typed = (type: ts.TypeNode | undefined, value: ts.Expression | undefined): void => {
    if (!type || !value || !compiler.isTypeReferenceNode(type)) return;
    const literal = unwrap(compiler, value);
    if (compiler.isObjectLiteralExpression(literal)) of(type.typeName)?.literals.push(literal);
  };
  const visit = (node: ts.Node): void => {
    if (compiler.isClassLike(node)) {
      for (const clause of node.heritageClauses ?? []) for (const base of clause.types) of(base.expression)?.classes.push(node);
    } else if (compiler.isVariableDeclaration(node)) typed(node.type, node.initializer);
    else if (compiler.isSatisfiesExpression(node)) typed(node.type, node.expression);
    else if (isFunctionNode(compiler, node) && node.type) for (const result of returnsOf(compiler, node)) typed(node.type, result);
    compiler.forEachChild(node, visit);
  };
  for (const file of project.files) visit(file);
  return index;
}
