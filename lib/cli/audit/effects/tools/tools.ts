/** What a chatbot's tools do: switches and tables that run code by a tool's name. */
import type ts from 'typescript';
import type { Project } from '../../model.js';
import { callablesOf, inside } from '../calls/callables.js';
import { finish, nothing, pass } from '../reading/collected.js';
import { rootEnv, type Env } from '../code/environment.js';
import { analysisOf } from '../analysis.js';
import { calleeName, functionName, isFunctionNode, propertyName, unwrap, visitAll } from '../code/syntax.js';
import { THROUGH_CALLER } from '../code/names.js';
import { stringsOf } from '../code/strings.js';
import type { EffectsOptions, RawTool, RawToolExecutor } from '../types.js';

const TOOL_KEY = /^[a-z][a-z0-9]*(_[a-z0-9]+)+$/;
const TOOLISH = /tool|skill|functionCall/i;

export function findTools(project: Project, options: EffectsOptions = {}): RawToolExecutor[] {
  const { ts: compiler } = project;
  const { reader } = analysisOf(project, options);
  const found: RawToolExecutor[] = [];
  const run = (nodes: readonly ts.Node[], env: Env): RawTool['effects'] => {
    const out = nothing();
    project.budget.begin();
    for (const node of nodes) pass(reader.readStatement(node, env), out, { env: { ...env, arms: [], conditions: [] }, name: undefined, home: undefined });
    return finish(out);
  };
  for (const file of project.files) {
    if (!TOOLISH.test(file.text) && !/['"`][a-z]+_[a-z]/.test(file.text)) continue;
    visitAll(compiler, file, (node) => {
      if (compiler.isSwitchStatement(node)) {
        const executor = ofSwitch(node, project, run);
        if (executor !== undefined) found.push(executor);
      } else if (compiler.isObjectLiteralExpression(node)) {
        const executor = ofTable(node, project, reader);
        if (executor !== undefined) found.push(executor);
      }
      return undefined;
    });
  }
  return found;
}

type Run = (nodes: readonly ts.Node[], env: Env) => RawTool['effects'];

function ofSwitch(node: ts.SwitchStatement, project: Project, run: Run): RawToolExecutor | undefined {
  const { ts: compiler } = project;
  const env = rootEnv(project);
  const labels = node.caseBlock.clauses.flatMap((clause) => (compiler.isCaseClause(clause) ? (stringsOf(project.evaluate(clause.expression)) ?? []) : []));
  const name = nameAround(node, compiler);
  const snake = labels.filter((label) => TOOL_KEY.test(label)).length;
  const said = TOOLISH.test(name) || TOOLISH.test(node.expression.getText());
  if (labels.length < 2 || !(snake * 2 > labels.length || said) || !(said || /execut|dispatch|handle|run|call|perform/i.test(name))) return undefined;
  // A switch that gives words back runs no tools.
  const runs = node.caseBlock.clauses.some((clause) => clause.statements.some((statement) => containsCall(statement, compiler)));
  if (!runs) return undefined;
  const tools: RawTool[] = [];
  let keys: { key: string; node: ts.Node }[] = [];
  for (const clause of node.caseBlock.clauses) {
    if (compiler.isCaseClause(clause)) for (const key of stringsOf(project.evaluate(clause.expression)) ?? []) keys.push({ key, node: clause.expression });
    if (clause.statements.length === 0) continue;
    if (keys.length > 0) {
      const effects = run(clause.statements, env);
      const calls = callsIn(clause.statements, project);
      for (const key of keys) tools.push({ ...project.placeOf(key.node), tool: key.key, effects, calls });
    }
    keys = [];
  }
  return { ...project.placeOf(node), name, tools };
}

function ofTable(node: ts.ObjectLiteralExpression, project: Project, reader: ReturnType<typeof analysisOf>['reader']): RawToolExecutor | undefined {
  const { ts: compiler } = project;
  if (node.properties.length === 0) return undefined;
  const holder = variableAround(node, compiler);
  if (holder === undefined) return undefined;
  const keys = node.properties.map((part) => propertyName(compiler, part.name)).filter((key) => key !== undefined);
  const snake = keys.filter((key) => TOOL_KEY.test(key)).length;
  const said = TOOLISH.test(holder.name);
  if (!(said && keys.length > 0) && !(snake * 2 > keys.length && keys.length >= 2)) return undefined;
  const env = rootEnv(project);
  const tools: RawTool[] = [];
  for (const part of node.properties) {
    const key = propertyName(compiler, part.name);
    if (key === undefined) continue;
    const handler = handlerOf(part, project, env);
    for (const callable of handler) {
      const at = inside(callable, [], env);
      project.budget.begin();
      const effects = finish(reader.read(callable.fn, { ...at, args: new Map(), databases: new Map(), scope: new Map() }));
      const calls = callsIn([callable.fn], project);
      // The mutation that it calls is known, and is compared with it.
      const unseen = effects.unseen.filter((one) => calls.length === 0 || one.why !== THROUGH_CALLER);
      tools.push({ ...project.placeOf(part), tool: key, effects: { ...effects, unseen }, calls });
    }
  }
  // Most of a table of tools runs something.
  return tools.length * 2 > keys.length ? { ...project.placeOf(holder.node), name: holder.name, tools } : undefined;
}

/** The function of an entry: itself, or `execute`, `handler`, `run` of an object or of `tool({…})`. */
function handlerOf(part: ts.ObjectLiteralElementLike, project: Project, env: Env): ReturnType<typeof callablesOf>['found'] {
  const { ts: compiler } = project;
  if (compiler.isMethodDeclaration(part)) return [{ fn: part, outer: undefined }];
  if (compiler.isShorthandPropertyAssignment(part)) return ofExpression(part.name, project, env, 6);
  return compiler.isPropertyAssignment(part) ? ofExpression(part.initializer, project, env, 6) : [];
}

function ofExpression(node: ts.Expression, project: Project, env: Env, steps: number): ReturnType<typeof callablesOf>['found'] {
  const { ts: compiler } = project;
  const inner = unwrap(compiler, node);
  if (steps === 0) return [];
  if (compiler.isObjectLiteralExpression(inner)) {
    for (const part of inner.properties) {
      if (/^(execute|handler|run|handle|fn|invoke)$/.test(propertyName(compiler, part.name) ?? '')) return handlerOf(part, project, env);
    }
    return [];
  }
  if (compiler.isCallExpression(inner)) {
    for (const argument of inner.arguments) {
      const found = ofExpression(argument, project, env, steps - 1);
      if (found.length > 0) return found;
    }
    return [];
  }
  const direct = callablesOf(inner, env).found;
  if (direct.length > 0) return direct;
  const declaration = compiler.isIdentifier(inner) ? project.declarationOf(inner) : compiler.isPropertyAccessExpression(inner) ? project.declarationOf(inner.name) : undefined;
  return declaration && compiler.isVariableDeclaration(declaration) && declaration.initializer ? ofExpression(declaration.initializer, project, env, steps - 1) : [];
}

function variableAround(node: ts.ObjectLiteralExpression, compiler: typeof ts): { name: string; node: ts.Node } | undefined {
  let at: ts.Node = node.parent;
  while (compiler.isAsExpression(at) || compiler.isSatisfiesExpression(at) || compiler.isParenthesizedExpression(at) || compiler.isCallExpression(at)) at = at.parent;
  if (compiler.isVariableDeclaration(at) || compiler.isPropertyDeclaration(at) || compiler.isPropertyAssignment(at)) return { name: propertyName(compiler, at.name) ?? '', node: at.name };
  return compiler.isReturnStatement(at) ? { name: nameAround(at, compiler), node: at } : undefined;
}

function nameAround(node: ts.Node, compiler: typeof ts): string {
  for (let at: ts.Node | undefined = node.parent; at !== undefined; at = at.parent) if (isFunctionNode(compiler, at)) return functionName(compiler, at);
  return '';
}

function containsCall(node: ts.Node, compiler: typeof ts): boolean {
  let found = false;
  visitAll(compiler, node, (inner) => {
    if (compiler.isCallExpression(inner)) found = true;
    return !found;
  });
  return found;
}

/** Mutations called through a server-side caller, in the code itself or one function further. */
function callsIn(nodes: readonly ts.Node[], project: Project): string[] {
  const { ts: compiler } = project;
  const paths = new Set<string>();
  const look = (node: ts.Node, further: boolean): void => {
    visitAll(compiler, node, (inner) => {
      if (!compiler.isCallExpression(inner)) return undefined;
      const path = callerPath(inner.expression, compiler);
      if (path !== undefined) paths.add(path);
      else if (further) {
        const fn = project.functionOf(inner.expression);
        if (fn?.body) look(fn.body, false);
      }
      return undefined;
    });
  };
  for (const node of nodes) look(node, true);
  return [...paths];
}

/** `guests.create` of `caller.guests.create`, `createCaller(ctx).guests.create`. */
function callerPath(callee: ts.Expression, compiler: typeof ts): string | undefined {
  const parts: string[] = [];
  let at = unwrap(compiler, callee);
  while (compiler.isPropertyAccessExpression(at)) {
    parts.unshift(at.name.text);
    at = unwrap(compiler, at.expression);
  }
  const root = compiler.isIdentifier(at) ? at.text : compiler.isCallExpression(at) ? (calleeName(compiler, at.expression) ?? '') : '';
  if (/caller$/i.test(root)) return parts.length >= 2 ? parts.join('.') : undefined;
  const inner = parts.findIndex((part) => /caller$/i.test(part));
  return inner >= 0 && parts.length - inner > 2 ? parts.slice(inner + 1).join('.') : undefined;
}
