/** Whether an expression is data of the language itself: a Map, a list, a text. What is done to it concerns nobody else. */
import type ts from 'typescript';
import type { Project } from '../../model.js';
import { calleeName, propertyName, unwrap } from './syntax.js';

const TYPES =
  /^(?:readonly\s+)?(?:(?:Readonly)?(?:Map|Set|Array)|Weak(?:Map|Set|Ref)|Record|Promise|Date|RegExp|URL|URLSearchParams|Headers|FormData|Buffer|U?[Ii]nt\d+Array|Uint8ClampedArray|AbortController|LRUCache|QuickLRU)\b|\[\]$|^(?:string|number|boolean|bigint)\b|^\{\s*\[/;
const MADE = /^(?:Map|Set|WeakMap|WeakSet|Array|Date|URL|URLSearchParams|Headers|FormData|Uint8Array|AbortController|RegExp|Promise)$|(?:LRU|Lru|TTL)\w*$|^(?:LRUCache|QuickLRU|Keyv|NodeCache|TTLCache)$/;
/** Methods of the language that give data again. */
const GIVES = /^(?:map|flatMap|filter|slice|concat|split|sort|toSorted|reverse|flat|fill|from|of|keys|values|entries|fromEntries|match|matchAll|all|allSettled)$/;
/** Methods of the language's own data: which function they are is never asked of the code. */
export const LANGUAGE_METHODS: ReadonlySet<string> = new Set([
  'map', 'flatMap', 'filter', 'forEach', 'reduce', 'reduceRight', 'some', 'every', 'findIndex', 'findLast', 'findLastIndex', 'join', 'slice', 'splice', 'push', 'unshift', 'pop',
  'shift', 'concat', 'includes', 'indexOf', 'lastIndexOf', 'sort', 'toSorted', 'reverse', 'toReversed', 'flat', 'fill', 'keys', 'values', 'entries', 'has', 'split', 'trim', 'toLowerCase',
  'toUpperCase', 'startsWith', 'endsWith', 'padStart', 'padEnd', 'charAt', 'charCodeAt', 'substring', 'substr', 'replaceAll', 'match', 'matchAll', 'toString', 'toFixed', 'toISOString',
  'getTime', 'then', 'finally', 'hasOwnProperty', 'localeCompare', 'normalize', 'repeat', 'at', 'toLocaleString', 'valueOf',
]);

/** Steps through names before the question is given up. */
const MAX_STEPS = 8;

export function isPlainData(node: ts.Expression, project: Project, steps = MAX_STEPS): boolean {
  const { ts: compiler } = project;
  if (steps === 0) return false;
  const inner = unwrap(compiler, node);
  if (isMadeHere(inner, compiler)) return true;
  if (compiler.isConditionalExpression(inner)) return isPlainData(inner.whenTrue, project, steps - 1) && isPlainData(inner.whenFalse, project, steps - 1);
  if (compiler.isBinaryExpression(inner)) return isPlainData(inner.right, project, steps - 1);
  if (compiler.isCallExpression(inner)) return givesData(inner, project, steps);
  if (compiler.isElementAccessExpression(inner)) return isPlainData(inner.expression, project, steps - 1);
  if (compiler.isPropertyAccessExpression(inner) && inner.expression.kind === compiler.SyntaxKind.ThisKeyword) {
    return membersOf(inner, project).some((member) => isPlainMember(member, inner.name.text, project, steps));
  }
  const name = compiler.isIdentifier(inner) ? inner : compiler.isPropertyAccessExpression(inner) ? inner.name : undefined;
  const declaration = name && project.declarationOf(name);
  return declaration !== undefined && isPlainDeclaration(declaration, project, steps);
}

function isMadeHere(node: ts.Expression, compiler: typeof ts): boolean {
  if (compiler.isNewExpression(node)) return MADE.test(calleeName(compiler, node.expression) ?? '');
  return (
    compiler.isArrayLiteralExpression(node) || compiler.isStringLiteralLike(node) || compiler.isTemplateExpression(node) ||
    compiler.isNumericLiteral(node) || compiler.isRegularExpressionLiteral(node)
  );
}

/** `rows.map(…)`, `Object.keys(x)`, `groups.get(key)` of a Map. */
function givesData(call: ts.CallExpression, project: Project, steps: number): boolean {
  const { ts: compiler } = project;
  const callee = unwrap(compiler, call.expression);
  if (!compiler.isPropertyAccessExpression(callee)) return false;
  const holder = unwrap(compiler, callee.expression);
  if (compiler.isIdentifier(holder) && /^(Object|Array|Promise|JSON|String|Number|Math|Date)$/.test(holder.text)) return true;
  if (callee.name.text === 'get') return isPlainData(holder, project, steps - 1);
  return GIVES.test(callee.name.text);
}

function isPlainDeclaration(declaration: ts.Declaration, project: Project, steps: number): boolean {
  const { ts: compiler } = project;
  if (
    !compiler.isVariableDeclaration(declaration) && !compiler.isParameter(declaration) && !compiler.isPropertyAssignment(declaration) &&
    !compiler.isPropertyDeclaration(declaration) && !compiler.isPropertySignature(declaration)
  ) {
    return false;
  }
  const type = 'type' in declaration ? declaration.type : undefined;
  if (type !== undefined) return isPlainType(type);
  const initializer = 'initializer' in declaration ? declaration.initializer : undefined;
  return initializer !== undefined && isPlainData(initializer, project, steps - 1);
}

export function isPlainType(type: ts.TypeNode): boolean {
  const text = type.getText().replace(/\s*\|\s*(?:undefined|null)\b/g, '').replace(/\b(?:undefined|null)\s*\|\s*/g, '').trim();
  return TYPES.test(text.replace(/^\((.*)\)$/, '$1'));
}

/** What `this.name` may be, in the class around and those that it extends. */
function membersOf(access: ts.PropertyAccessExpression, project: Project): ts.ClassElement[] {
  const { ts: compiler } = project;
  let at: ts.Node | undefined = access;
  while (at !== undefined && !compiler.isClassLike(at)) at = at.parent;
  const found: ts.ClassElement[] = [];
  for (let steps = MAX_STEPS; at !== undefined && compiler.isClassLike(at) && steps > 0; steps--) {
    found.push(...at.members);
    const base: ts.ExpressionWithTypeArguments | undefined = at.heritageClauses?.find(({ token }) => token === compiler.SyntaxKind.ExtendsKeyword)?.types[0];
    at = base && project.declarationOf(base.expression);
  }
  return found;
}

function isPlainMember(member: ts.ClassElement, name: string, project: Project, steps: number): boolean {
  const { ts: compiler } = project;
  if (compiler.isPropertyDeclaration(member)) return propertyName(compiler, member.name) === name && isPlainDeclaration(member, project, steps);
  if (!compiler.isConstructorDeclaration(member)) return false;
  for (const parameter of member.parameters) {
    if ((parameter.modifiers?.length ?? 0) > 0 && propertyName(compiler, parameter.name) === name) return isPlainDeclaration(parameter, project, steps);
  }
  for (const statement of member.body?.statements ?? []) {
    if (!compiler.isExpressionStatement(statement) || !compiler.isBinaryExpression(statement.expression)) continue;
    const { left, right } = statement.expression;
    if (compiler.isPropertyAccessExpression(left) && left.expression.kind === compiler.SyntaxKind.ThisKeyword && left.name.text === name) return isPlainData(right, project, steps - 1);
  }
  return false;
}
