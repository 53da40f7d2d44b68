/**
 * The bytes of an action in the log and in a doorbell, and what else comes through a company's channel (SPEC §13). The seq goes
 * between head and tail, so that nobody reads or writes the JSON again.
 *
 *     <n1> <n2> <n3> <n4>\n<head><tail><transformed head><transformed tail>
 *
 * n3 = n4 = 0: through the app's transformer it is no more than a wrap.
 */
import type { EncodedAction, EncodedEphemeral } from '../internal/engine.js';
import type { SyncAction } from '../protocol/events.js';
import { FORMAT } from './keys.js';

/** The parts of an action; the rest of it is in `head`. */
export interface StoredAction {
  readonly head: string;
  readonly tail: string;
  readonly transformed: { readonly head: string; readonly tail: string } | undefined;
}

/** What came through a channel. */
export type Rung =
  | { readonly kind: 'action'; readonly epoch: string; readonly seq: number; readonly at: number; readonly id: string; readonly bytes: Buffer }
  | { readonly kind: 'ephemeral'; readonly nodeId: string; readonly json: string; readonly transformedJson: string | undefined }
  /** Of a format that this node does not know. */
  /** An epoch has begun that no action is of yet. */
  | { readonly kind: 'begun'; readonly epoch: string }
  | { readonly kind: 'newer' }
  /** Nobody of ours wrote this. */
  | { readonly kind: 'foreign' };

/** The longest first line; one that is longer is nobody's of ours. */
const MAX_LINE = 128;
const LF = 0x0a;
const NOTHING = Buffer.alloc(0);

export function storedBytes({ head, tail, transformed }: Pick<EncodedAction, 'head' | 'tail' | 'transformed'>): Buffer {
  const parts = [head, tail, transformed?.head ?? '', transformed?.tail ?? ''].map((text) => Buffer.from(text));
  return Buffer.concat([Buffer.from(`${parts.map((part) => part.length).join(' ')}\n`), ...parts]);
}

/** Undefined for what `storedBytes` never makes. */
export function readStored(bytes: Buffer): StoredAction | undefined {
  const line = lineOf(bytes);
  const lengths = line === undefined ? [] : line.split(' ').map(wholeNumber);
  if (line === undefined || lengths.length !== 4) return undefined;
  const texts: string[] = [];
  let at = line.length + 1;
  for (const length of lengths) {
    if (length === undefined || at + length > bytes.length) return undefined;
    texts.push(bytes.toString('utf8', at, (at += length)));
  }
  const [head = '', tail = '', ...rest] = texts;
  if (at !== bytes.length || head === '' || tail === '') return undefined;
  const [transformedHead = '', transformedTail = ''] = rest;
  if ((transformedHead === '') !== (transformedTail === '')) return undefined;
  return { head, tail, transformed: transformedHead === '' ? undefined : { head: transformedHead, tail: transformedTail } };
}

/** The action that the parts say, without its `data` and `tx`; undefined where they are no action of this company. */
export function actionOf({ head, tail }: StoredAction, companyId: string): SyncAction | undefined {
  let value: unknown;
  try {
    value = JSON.parse(`${head}0${tail}`);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { data: _data, tx: _tx, seq: _seq, ...action } = value as Partial<SyncAction & { seq: number }>;
  const { id, type, module, entityId, clientId, userId, sourceId, timestamp, queryPaths } = action;
  const texts = [id, type, module, entityId, userId];
  if (action.companyId !== companyId || texts.some((text) => typeof text !== 'string')) return undefined;
  if ([clientId, sourceId].some((text) => text !== undefined && typeof text !== 'string')) return undefined;
  if (typeof timestamp !== 'number' || !Array.isArray(queryPaths) || queryPaths.some((path) => typeof path !== 'string')) return undefined;
  return action as SyncAction;
}

export function ephemeralBytes(nodeId: string, { json, transformedJson = '' }: EncodedEphemeral): Buffer {
  const line = `${String(FORMAT)}e ${nodeId} ${String(Buffer.byteLength(json))} ${String(Buffer.byteLength(transformedJson))}\n`;
  return Buffer.from(`${line}${json}${transformedJson}`);
}

export function readRung(payload: Buffer): Rung {
  const line = lineOf(payload);
  if (line === undefined) return { kind: 'foreign' };
  const [word = '', ...rest] = line.split(' ');
  const body = line.length + 1;
  if (word === String(FORMAT)) return readDoorbell(rest, payload, body);
  if (word === `${String(FORMAT)}e`) return readEphemeral(rest, payload, body);
  if (word === `${String(FORMAT)}b`) return readBegun(rest, body === payload.length);
  return /^[1-9]\d{0,3}[a-z]?$/.test(word) ? { kind: 'newer' } : { kind: 'foreign' };
}

function readDoorbell([epoch = '', seqText = '', atText = '', idText = '', ...more]: string[], payload: Buffer, body: number): Rung {
  const [seq, at, idBytes] = [seqText, atText, idText].map(wholeNumber);
  if (more.length > 0 || !isEpoch(epoch) || !seq || at === undefined || idBytes === undefined) return { kind: 'foreign' };
  if (body + idBytes >= payload.length) return { kind: 'foreign' };
  const id = payload.toString('utf8', body, body + idBytes);
  return { kind: 'action', epoch, seq, at, id, bytes: payload.subarray(body + idBytes) };
}

function readBegun([epoch = '', ...more]: string[], isWhole: boolean): Rung {
  return isWhole && more.length === 0 && isEpoch(epoch) ? { kind: 'begun', epoch } : { kind: 'foreign' };
}

function readEphemeral([nodeId = '', jsonText = '', transformedText = '', ...more]: string[], payload: Buffer, body: number): Rung {
  const [json, transformed] = [jsonText, transformedText].map(wholeNumber);
  if (more.length > 0 || nodeId === '' || !json || transformed === undefined) return { kind: 'foreign' };
  if (body + json + transformed !== payload.length) return { kind: 'foreign' };
  const transformedJson = transformed === 0 ? undefined : payload.toString('utf8', body + json);
  return { kind: 'ephemeral', nodeId, json: payload.toString('utf8', body, body + json), transformedJson };
}

/** Whether Redis, or somebody else, may have said this of an epoch. */
export function isEpoch(text: string): boolean {
  return /^[0-9a-z]{1,32}$/.test(text);
}

/** Up to the first line feed. */
function lineOf(bytes: Buffer): string | undefined {
  const end = bytes.subarray(0, MAX_LINE).indexOf(LF);
  return end < 0 ? undefined : bytes.toString('latin1', 0, end);
}

function wholeNumber(text: string): number | undefined {
  if (!/^(0|[1-9]\d{0,15})$/.test(text)) return undefined;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : undefined;
}

/** A text of a reply. */
export function textOf(reply: unknown): string {
  return Buffer.isBuffer(reply) ? reply.toString() : typeof reply === 'number' ? String(reply) : NOTHING.toString();
}
