/** What a worker leaves to whoever comes after it: beside the log, under the slot's name. */
import { isPlain } from '../../protocol/where.js';
import { lsnOfHex, hexOfLsn } from '../stream/lsn.js';
import type { WorkerState } from '../../internal/worker-states.js';

export interface KeptState {
  /** `<system id>.<time line>.<generation of the slot>`; empty: none. LSNs of another one mean nothing. */
  readonly epoch: string;
  /** The end of the last commit that is in the log, with all before it. */
  readonly written: bigint;
  /** Up to where PostgreSQL may have been told that it may forget. A slot that is ahead was read by somebody else. */
  readonly acked: bigint;
  /** Everybody is to be told that everything may be stale, and it is not known that all were. */
  readonly resync: boolean;
  /** Companies whose actions Redis refused. */
  readonly owed: ReadonlySet<string>;
  /** By `tableKey`, the form that each table had. */
  readonly forms: ReadonlyMap<string, string>;
  /** The schema, quoted, into which whoever had the slot last has written activities; empty: none were. */
  readonly activities: string;
  /** By the same, which tables were listened to: of another one, and of one that is not here, changes may be missing. */
  readonly tables: ReadonlyMap<string, string>;
}

/** In the place of an epoch: a table or the publication was found to be not as it has to be, so that changes may be missing until it is mended. */
export const FLAWED = 'flawed';

/** What cannot be read counts as not kept: then all are told. */
export function readKept(state: WorkerState): KeptState {
  return {
    epoch: state['epoch'] ?? '',
    written: lsnOfHex(state['written'] ?? '') ?? 0n,
    acked: lsnOfHex(state['acked'] ?? '') ?? 0n,
    resync: state['resync'] !== '',
    owed: new Set(texts(state['owed'])),
    forms: new Map(entries(state['forms'])),
    activities: state['activities'] ?? '',
    tables: new Map(entries(state['tables'])),
  };
}

export function writeKept(kept: Partial<KeptState>): WorkerState {
  const { epoch, written, acked, resync, owed, forms, activities, tables } = kept;
  return {
    ...(epoch !== undefined && { epoch }),
    ...(written !== undefined && { written: hexOfLsn(written) }),
    ...(acked !== undefined && { acked: hexOfLsn(acked) }),
    ...(resync !== undefined && { resync: resync ? '1' : '' }),
    ...(owed && { owed: JSON.stringify([...owed]) }),
    ...(forms && { forms: JSON.stringify(Object.fromEntries(forms)) }),
    ...(activities !== undefined && { activities }),
    ...(tables && { tables: JSON.stringify(Object.fromEntries(tables)) }),
  };
}

function parsed(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '');
  } catch {
    return undefined;
  }
}

function texts(text: string | undefined): string[] {
  const value = parsed(text);
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}

function entries(text: string | undefined): [string, string][] {
  const value = parsed(text);
  return isPlain(value) ? Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string') : [];
}
