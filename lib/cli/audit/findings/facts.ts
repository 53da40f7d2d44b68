/** What the parts of the audit saw, before any rule judges it. */
import type { FunctionNode, Procedure } from '../model.js';
import type { Place, Unseen } from '../report.js';
import type { RawEffects, RawPathMap, RawRead, RawSyncConfig, RawToolExecutor, RawToolFallback } from '../effects/types.js';

export interface Facts {
  /** The root that is audited, then routers served beside it. */
  roots: readonly RootFacts[];
  pathMaps: readonly RawPathMap[];
  executors: readonly RawToolExecutor[];
  fallbacks: readonly RawToolFallback[];
  sync: RawSyncConfig;
  /** Of the project as a whole; those of procedures are in their effects. */
  unseen: readonly Unseen[];
  /** Sources read. */
  files: number;
  placeOf(node: FunctionNode): Place;
}

export interface RootFacts {
  /** `file#name` */
  name: string;
  place: Place;
  procedures: readonly ProcedureFacts[];
  /** Queries of the router that mounts it: real too, though they are not among its own. */
  mountedBeside?: readonly string[];
  unseen: readonly Unseen[];
}

export interface ProcedureFacts {
  procedure: Pick<Procedure, 'path' | 'kind' | 'place'> & { resolver: FunctionNode | undefined };
  /** Of mutations. */
  effects?: RawEffects;
  /** Of queries, with the tables that they write, and what may read and was not seen. */
  reads?: readonly RawRead[];
  writes?: readonly string[];
  unread?: readonly Unseen[];
}

/** What a person may tell the audit about their code. */
export interface Hints {
  /** Mutation that a tool stands for. */
  tools: ReadonlyMap<string, string>;
  /** Tables that belong to a module, by the module's path. */
  modules: ReadonlyMap<string, readonly string[]>;
  /** Why a mutation rightly broadcasts nothing. */
  silent: ReadonlyMap<string, string>;
}

export const NO_HINTS: Hints = { tools: new Map(), modules: new Map(), silent: new Map() };
