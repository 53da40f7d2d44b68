import path from 'node:path';
import type ts from 'typescript';
import type { Project, RouterRoot, Value } from '../model.js';
import type { Unseen } from '../report.js';
import type { OpenedProject } from '../project/index.js';
import { slash } from '../project/sources/disk.js';
import { returnsOf } from '../project/values/returns.js';
import { optionsOf } from '../project/values/values.js';
import { type Candidate, findCandidates } from './candidates.js';
import { type Collected, collect } from './collect.js';
import { AuditError } from '../errors.js';

export interface RouterOptions {
  /** `FILE` or `FILE#name`, relative to the audited folder: the root to take instead of the one that seems best. */
  router?: string;
}

/** A router that is mounted nowhere and not served is a root of its own from so many procedures on. */
const BIG = 5;

interface Found {
  candidate: Candidate;
  /** Of one that is exported under a name that it has not where it is made. */
  name?: string;
  collected: Collected;
}

/**
 * The routers that are served, best first; with `router`, that one alone. The first carries what could not be read of the
 * project as a whole. Throws where there is none, and, listing the candidates, where `router` names none.
 */
export function findRoots(given: Project, options: RouterOptions): RouterRoot[] {
  const project = given as OpenedProject;
  const candidates = findCandidates(project);
  if (options.router !== undefined) return [named(project, candidates, options.router)];

  const readable = candidates.filter((one) => !one.isOld);
  const found: Found[] = readable.sort(byPromise).map((candidate) => ({ candidate, collected: collect(project, candidate.value) }));
  const unmounted = withoutDoubles(notMounted(found));
  unmounted.sort((a, b) => byPromise(a.candidate, b.candidate) || b.collected.procedures.length - a.collected.procedures.length);
  const [best, ...rest] = unmounted;
  const old = candidates.filter((one) => one.isOld).map((one) => unseenOf(project, one, 'it is a router of tRPC 9, which the audit does not read; it reads 10 and 11'));
  if (!best) throw new AuditError(noneFound(project, old));

  const roots = rest.filter(({ candidate, collected }) => candidate.isServed || (collected.procedures.length >= BIG && !candidate.isFactory));
  const small = rest
    .filter((one) => !roots.includes(one) && one.collected.procedures.length > 0)
    .map(({ candidate, collected }) =>
      unseenOf(project, candidate, `it is mounted nowhere that could be seen; its procedures (${collected.procedures.length}) are left out. --router ${nameOf(project, candidate)} reads it`),
    );
  return [rootOf(project, best, [...old, ...small, ...project.unseen]), ...roots.map((one) => rootOf(project, one, []))];
}

/** Those that no other router mounts; where each is mounted by another, in a circle, all of them. */
function notMounted(found: readonly Found[]): readonly Found[] {
  const mounting = new Map<ts.Node, Set<Found>>();
  for (const one of found) for (const node of one.collected.mounted) mounting.set(node, (mounting.get(node) ?? new Set()).add(one));
  const byOther = (node: ts.Node, one: Found): boolean => [...(mounting.get(node) ?? [])].some((other) => other !== one);
  const free = found.filter((one) => {
    const { value, made, isFactory } = one.candidate;
    return !byOther(value.node, one) && !(isFactory && byOther(made, one));
  });
  return free.length > 0 ? free : found;
}

/**
 * A router that a function makes is found there and at each call. Calls that give the same paths are one router, with the
 * best of the names; a function whose calls are seen is not a router by itself.
 */
function withoutDoubles(found: readonly Found[]): Found[] {
  const groups = new Map<ts.Node, Map<string, Found[]>>();
  for (const one of found) {
    const paths = one.collected.procedures.map((procedure) => procedure.path).join(' ');
    const group = groups.get(one.candidate.made) ?? new Map<string, Found[]>();
    groups.set(one.candidate.made, group);
    group.set(paths, [...(group.get(paths) ?? []), one]);
  }
  const isCalled = ({ candidate }: Found): boolean => candidate.value.node !== candidate.made;
  return [...groups.values()].flatMap((group) => {
    const called = [...group.values()].filter((same) => same.some(isCalled));
    return (called.length > 0 ? called : [...group.values()]).flatMap((same) => {
      const [best] = [...same].sort((a, b) => Number(a.candidate.isFactory) - Number(b.candidate.isFactory) || byPromise(a.candidate, b.candidate));
      if (!best) return [];
      const { collected } = same.find(isCalled) ?? best;
      const candidates = same.map(({ candidate }) => candidate);
      const typeName = best.candidate.typeName ?? candidates.find((one) => one.typeName !== undefined)?.typeName;
      return [{ candidate: { ...best.candidate, typeName, isServed: candidates.some((one) => one.isServed) }, collected }];
    });
  });
}

/** Named and served like an application's router first. */
function byPromise(a: Candidate, b: Candidate): number {
  return promise(b) - promise(a);
}

function promise({ name, typeName, isServed, isFactory }: Candidate): number {
  const typed = typeName === undefined ? 0 : /^(app|api|root|main|trpc)_?router$/i.test(typeName) ? 4 : 1;
  const called = /^_?(app|api|root|main|trpc)_?router$/i.test(name) ? 3 : 0;
  return typed + called + (isServed ? 2 : 0) - (isFactory ? 2 : 0);
}

function rootOf(project: OpenedProject, { candidate, collected, name }: Found, more: readonly Unseen[]): RouterRoot {
  return {
    name: name ?? nameOf(project, candidate),
    place: project.placeOf(candidate.node),
    procedures: collected.procedures,
    unseen: [...collected.unseen, ...more],
  };
}

const nameOf = (project: OpenedProject, candidate: Candidate): string => `${project.placeOf(candidate.node).file}#${candidate.name}`;

const unseenOf = (project: OpenedProject, candidate: Candidate, why: string): Unseen => ({
  ...project.placeOf(candidate.node),
  what: `the router \`${candidate.name}\``,
  why,
});

function noneFound(project: OpenedProject, old: readonly Unseen[]): string {
  const reasons = [...old, ...project.unseen].slice(0, 5).map(({ file, line, what, why }) => `\n  ${file}:${line} ${what}: ${why}`);
  return (
    `No tRPC router was found in ${project.files.length} files below ${project.root}. ` +
    `A router is what \`initTRPC…create().router(…)\` makes; --router FILE#name says where to look.${reasons.join('')}`
  );
}

function named(project: OpenedProject, candidates: readonly Candidate[], wanted: string): RouterRoot {
  const hash = wanted.lastIndexOf('#');
  const name = hash === -1 ? undefined : wanted.slice(hash + 1);
  const file = fileOf(project, hash === -1 ? wanted : wanted.slice(0, hash));
  const here = file ? candidates.filter((one) => one.node.getSourceFile() === file && !one.isOld) : [];
  const fitting = here.filter((one) => name === undefined || one.name === name);
  const found = fitting.map((candidate) => ({ candidate, collected: collect(project, candidate.value) }));
  found.sort((a, b) => byPromise(a.candidate, b.candidate) || b.collected.procedures.length - a.collected.procedures.length);
  // Without a name, the router that holds the others of the file.
  const inner = new Set(found.flatMap(({ collected }) => [...collected.mounted]));
  const best = found.find(({ candidate }) => !inner.has(candidate.value.node)) ?? found[0] ?? (file && exported(project, file, name));
  if (best && best.collected.procedures.length > 0) {
    const root = rootOf(project, asCalled(project, best, candidates), project.unseen);
    return withFullPaths(root, mountOf(project, candidates, root));
  }

  const why = !file ? 'there is no such file among the sources' : name === undefined ? 'no router is in that file' : `that file has no router \`${name}\``;
  const list = candidates.filter((one) => !one.isOld).map((one) => `\n  ${nameOf(project, one)}`);
  const shown = [...new Set(list)].sort().slice(0, 40).join('');
  throw new AuditError(`router: ${wanted}: ${why}. ${shown === '' ? 'No router was found in the project at all.' : `Routers of this project:${shown}`}`);
}

interface Mount {
  /** `polls.participants` */
  prefix: string;
  queries: string[];
}

/** Where the largest router that mounts this one has it. */
function mountOf(project: OpenedProject, candidates: readonly Candidate[], root: RouterRoot): Mount | undefined {
  const [first] = root.procedures;
  let largest: (Mount & { size: number }) | undefined;
  for (const candidate of first ? candidates : []) {
    if (candidate.isOld || !first) continue;
    const { procedures } = collect(project, candidate.value);
    const same = procedures.find(({ node, path: full }) => node === first.node && full.endsWith(`.${first.path}`));
    if (!same || procedures.length <= (largest?.size ?? root.procedures.length)) continue;
    const queries = procedures.filter(({ kind }) => kind === 'query').map((one) => one.path);
    largest = { prefix: same.path.slice(0, -first.path.length - 1), queries, size: procedures.length };
  }
  return largest;
}

/** As clients call them, so that a baseline of the whole fits a part. */
function withFullPaths(root: RouterRoot, mount: Mount | undefined): RouterRoot {
  if (!mount) return root;
  const full = (name: string): string => `${mount.prefix}.${name}`;
  const own = new Set(root.procedures.map((one) => one.path));
  return {
    ...root,
    procedures: root.procedures.map((one) => ({ ...one, path: full(one.path) })),
    unseen: root.unseen.map((one) => (one.subject !== undefined && own.has(one.subject) ? { ...one, subject: full(one.subject) } : one)),
    mountedBeside: mount.queries,
  };
}

/** A function that makes a router is read as it is called: what its parameters are is known there alone. */
function asCalled(project: OpenedProject, one: Found, candidates: readonly Candidate[]): Found {
  const { made, value } = one.candidate;
  if (!one.candidate.isFactory || value.node !== made) return one;
  const call = candidates.find((other) => other.made === made && other.value.node !== made);
  const collected = call && collect(project, call.value);
  return collected && collected.procedures.length > 0 ? { ...one, collected } : one;
}

function fileOf(project: OpenedProject, wanted: string): ts.SourceFile | undefined {
  for (const base of [project.root, process.cwd()]) {
    const full = slash(path.resolve(base, wanted));
    const file = project.files.find(({ fileName }) => fileName === full || fileName.replace(/(\/index)?\.[cm]?[jt]sx?$/, '') === full.replace(/\.[cm]?[jt]sx?$/, ''));
    if (file) return file;
  }
  return undefined;
}

/** A router that the file exports without making it, or makes in a function. */
function exported(project: OpenedProject, file: ts.SourceFile, name: string | undefined): Found | undefined {
  const { ts, names, evaluator } = project;
  const values: [string, ts.Declaration, Value][] = [];
  for (const [key, symbol] of names.exportsOf(file)) {
    const declaration = names.declarationOf(symbol);
    if (!declaration || (name !== undefined && key !== name)) continue;
    const at = ts.isVariableDeclaration(declaration) && ts.isIdentifier(declaration.name) ? declaration.name : declaration;
    const value = ts.isIdentifier(at) ? evaluator.evaluate(at) : valueOf(project, declaration);
    for (const option of value ? optionsOf(value) : []) {
      const result = option.kind === 'function' && option.function.body && ts.isBlock(option.function.body) ? returnsOf(evaluator, option.function.body, option.scope) : option;
      values.push([key, declaration, result]);
    }
  }
  const found = values.flatMap(([key, node, value]) => {
    if (value.kind !== 'expression' && value.kind !== 'object') return [];
    const collected = collect(project, value);
    const candidate = { name: key, node, value, made: value.node, isFactory: false, isServed: false, typeName: undefined, isOld: false } as Candidate;
    return collected.procedures.length > 0 ? [{ candidate, collected, name: `${project.placeOf(file).file}#${key}` }] : [];
  });
  return found.sort((a, b) => b.collected.procedures.length - a.collected.procedures.length)[0];
}

function valueOf({ ts, evaluator }: OpenedProject, declaration: ts.Declaration): Value | undefined {
  if (ts.isExportAssignment(declaration)) return evaluator.evaluate(declaration.expression);
  if (ts.isFunctionDeclaration(declaration) && declaration.name) return evaluator.evaluate(declaration.name);
  return undefined;
}
