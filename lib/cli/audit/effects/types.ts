/** What this folder hands to `findings`: the contract's shapes before query paths are judged. */
import type { FunctionNode, Procedure } from '../model.js';
import type { Broadcast, HelperReport, PathMapReport, Place, Read, Unseen, Write } from '../report.js';
import type { HelperCall } from '../model.js';

/** A query path as the code writes it, and where. */
export interface RawPath extends Place {
  path: string;
}

/** Which arms of which branches lead to it (`file:offset/arm`), outermost first. Two with different arms of one branch exclude each other. */
export type Arms = readonly string[];

export interface RawBroadcast extends Omit<Broadcast, 'queryPaths'> {
  queryPaths: RawPath[];
  arms: Arms;
  inLoop: boolean;
  /** The mutation whose entry of the invalidation map it announces: `sync.announce('guests.create', …)`, `sync.middleware()`. */
  mutation?: string;
  /** The tool that it tells of: `sync.announceTool('add_guest', …)`. */
  tool?: string;
  type?: string;
}

export interface RawWrite extends Write {
  arms: Arms;
  /** Written by the statement of another write: a relation that is created along. */
  nested?: true;
}

export type RawRead = Read;

export interface RawNote extends Place {
  text: string;
}

/** A call that tells somebody without query paths: `pusher.trigger`. */
export interface RawTelling extends Place {
  by: string;
  via: string[];
}

export interface RawEffects {
  broadcasts: RawBroadcast[];
  writes: RawWrite[];
  reads: RawRead[];
  /** Functions of the project outside the asked one that were reached and that write or broadcast. */
  helpers: HelperCall[];
  tells: RawTelling[];
  unseen: Unseen[];
  /** What may have read a table and could not be followed. */
  unread: Unseen[];
  notes: RawNote[];
}

export interface EffectsOptions {
  /** Names that broadcast beside the known ones. Default none. */
  broadcastNames?: readonly string[];
  /** Functions, or `receiver.method`, that run what they are given in a transaction, beside the known ones. Default none. */
  transactions?: readonly string[];
}

export interface RawPathMap extends Omit<PathMapReport, 'entries'> {
  kind: 'tools' | 'modules';
  entries: (Place & { key: string; queryPaths: RawPath[]; complete: boolean })[];
}

/** One function or table that runs tools by their name. */
export interface RawToolExecutor extends Place {
  name: string;
  tools: RawTool[];
}

export interface RawTool extends Place {
  tool: string;
  effects: RawEffects;
  /** Mutations it calls through a caller: `caller.guests.create(…)` gives `guests.create`. */
  calls: string[];
}

/** A function of a tool's name that gives the module, with what falls through to its default. */
export interface RawToolFallback extends Place {
  name: string;
  /** The module for names that no test matches. */
  module: string;
  /** Of the tools asked about, those that fall through. */
  tools: string[];
}

/** An entry of the invalidation map. */
export interface RawEntry extends Place {
  name: string;
  queryPaths: RawPath[];
  /** False for a function of input and result whose returns could not all be followed. */
  complete: boolean;
  /** Why it broadcasts nothing. */
  silent?: string;
  /** It names the entry of a mutation: tools only. */
  sameAs?: string;
  /** `undefined`: what the paths touch; `false`: none. */
  cascade?: false | RawPath[];
  module?: string;
  computed: boolean;
}

/** pathcast's own declarations in the audited code. */
export interface RawSyncConfig {
  maps: RawInvalidationMap[];
  /** `aliases` and `onPhantomPath` of createHub, configure, bindRouter. */
  hubs: (Place & { aliases: (Place & { from: string; to: string })[]; onPhantomPath?: string })[];
  /** Whether `sync.middleware()` occurs anywhere. */
  middleware: Place[];
  /** Tables of a `CdcMap`: the database's log tells of them. */
  logged: string[];
}

export interface RawInvalidationMap extends Place {
  name: string;
  mutations: RawEntry[];
  tools: RawEntry[];
  cascades: (Place & { from: string; to: RawPath[] })[];
  modules: (Place & { name: string; queryPaths: RawPath[] })[];
  /** False where part of it could not be read. */
  complete: boolean;
}

export type { FunctionNode, HelperReport, Procedure };
