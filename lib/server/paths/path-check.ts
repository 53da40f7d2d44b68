/** The query paths of one action against the bound router: what goes out, and what of it is phantom (SPEC §8). */
import { describe } from '../../internal/describe.js';
import { spelling } from '../../internal/path-words.js';
import { isQueryPath } from '../query-paths.js';
import type { OnPhantomPath } from './binding.js';
import type { BoundRouter } from './bound-router.js';

/** A path that no query has, and what became of it. */
export interface PhantomPath {
  path: string;
  /** The nearest real paths, best first; at most 3. */
  nearest: readonly string[];
  /** What went out in its place: itself (`warn`), a real path (`repair`), or nothing. */
  sent: string | null;
}

/** What the `phantom` event says. */
export interface PhantomEvent extends PhantomPath {
  /** Of the first action that named it. */
  actionId: string;
  companyId: string;
  module: string;
}

export interface CheckedPaths {
  /** What goes out; the given list itself where nothing was to change. Empty: nothing is left. */
  paths: string[];
  /** Those of them that stand for something else as well: an alias, a phantom that was repaired, `*`. */
  standIns: ReadonlySet<string>;
  /** Nodes of the real ones of them. */
  nodes: number[];
  phantoms: readonly PhantomPath[];
  /** The mode is `error`, and there are phantoms. */
  refused: boolean;
}

const NONE: readonly PhantomPath[] = [];
const NO_STAND_INS: ReadonlySet<string> = new Set();

export function checkPaths(given: string[], module: string, router: BoundRouter, mode: OnPhantomPath): CheckedPaths {
  const nodes: number[] = [];
  for (const path of given) {
    const node = router.table.find(path);
    if (node < 0) return resolve(given, module, router, mode);
    nodes.push(node);
  }
  return { paths: given, standIns: NO_STAND_INS, nodes, phantoms: NONE, refused: false };
}

/** The same where not all paths are real as they stand. */
function resolve(given: readonly string[], module: string, router: BoundRouter, mode: OnPhantomPath): CheckedPaths {
  /** Without doubles: two phantoms may mean one query. */
  const out = new Set<string>();
  const standIns = new Set<string>();
  const phantoms = new Map<string, PhantomPath>();
  for (const path of given) {
    const real = router.aliasOf(path) ?? path;
    if (router.isReal(real) || router.isPending(real)) {
      out.add(real);
      if (real !== path) standIns.add(real);
      continue;
    }
    let phantom = phantoms.get(path);
    if (!phantom) {
      const nearest = router.nearest(path);
      const sent = mode === 'warn' ? path : mode === 'error' ? null : repair(path, module, nearest[0], router);
      phantom = { path, nearest: nearest.map((one) => one.path), sent };
      phantoms.set(path, phantom);
    }
    if (phantom.sent === null) continue;
    out.add(phantom.sent);
    if (phantom.sent !== path) standIns.add(phantom.sent);
  }
  const paths = [...out];
  const nodes = paths.map((path) => router.table.find(path)).filter((node) => node >= 0);
  return { paths, standIns, nodes, phantoms: [...phantoms.values()], refused: mode === 'error' && phantoms.size > 0 };
}

function repair(
  path: string,
  module: string,
  best: { path: string; confident: boolean } | undefined,
  router: BoundRouter,
): string | null {
  if (best?.confident) return best.path;
  for (let dot = path.lastIndexOf('.'); dot > 0; dot = path.lastIndexOf('.', dot - 1)) {
    const prefix = path.slice(0, dot);
    if (router.isReal(prefix)) return prefix;
  }
  return prefixOf(module, router);
}

/** The prefix named like a module, in whatever spelling. */
function prefixOf(module: string, router: BoundRouter): string | null {
  if (module === '*') return null;
  if (router.isReal(module) || (isQueryPath(module) && router.isPending(module))) return module;
  const [best] = router.nearest(module);
  return best !== undefined && spelling(best.path) === spelling(module) ? best.path : null;
}

/** For people: one sentence a phantom. */
export function sayPhantom({ path, nearest, sent }: PhantomPath): string {
  const near = nearest.length > 0 ? `; nearest: ${nearest.join(', ')}` : '';
  const fate =
    sent === null
      ? 'it was left out'
      : sent === path
        ? 'it went out as it stands'
        : `${describe(sent)} went out in its place`;
  return `query path ${describe(path)} is no query of the router, nor a prefix of one${near}; ${fate}`;
}
