/** Checks of single fields; each failure names the field, the value and what is allowed. */
import type { ErrorCode } from '../protocol/codes.js';
import { PathcastError } from '../protocol/error.js';
import { CLOSE_REASONS, type CloseReason } from '../protocol/events.js';
import { MAX_ID_BYTES } from '../protocol/limits.js';
import { describe, describeKind } from '../internal/describe.js';
import { exceedsBytes, isWellFormed } from '../internal/text.js';

/** An identifier: a string that is not empty, at most 256 UTF-8 bytes, without lone surrogates. */
export function checkIdentifier(field: string, value: unknown, code: ErrorCode = 'INVALID_FIELD'): string {
  if (typeof value !== 'string') throw new PathcastError(code, `${field} must be a string, got ${told(value, code)}`);
  if (value === '') throw new PathcastError(code, `${field} must not be empty`);
  checkText(field, value, code);
  return value;
}

/** The tenant. What is not clearly a company is refused: never a channel that strangers share. */
export function checkCompanyId(value: unknown): string {
  return checkIdentifier('companyId', value, 'INVALID_COMPANY_ID');
}

/** null, undefined and `''` mean absent. */
export function checkOptionalIdentifier(field: string, value: unknown): string | undefined {
  if (value === undefined || value === null || value === '') return undefined;
  return checkIdentifier(field, value);
}

function checkText(field: string, value: string, code: ErrorCode): void {
  if (exceedsBytes(value, MAX_ID_BYTES)) {
    throw new PathcastError(code, `${field} is too long: ${told(value, code)}; at most ${MAX_ID_BYTES} UTF-8 bytes`);
  }
  if (!isWellFormed(value)) {
    throw new PathcastError(code, `${field} is not well-formed Unicode: ${told(value, code)} with a lone surrogate`);
  }
}

/** Options are the developer's own words; what stands where an id should be may be a token. */
function told(value: unknown, code: ErrorCode): string {
  return code === 'INVALID_OPTION' ? describe(value) : describeKind(value);
}

/** Unix ms; a fraction is cut off. */
export function checkTime(field: string, value: unknown): number {
  // 8.64e15 is the last instant a Date can hold.
  if (typeof value !== 'number' || !(value >= 0 && value <= 8.64e15)) {
    throw new PathcastError(
      'INVALID_FIELD',
      `${field} must be a Unix time in milliseconds (0 to 8.64e15), got ${describe(value)}`,
    );
  }
  return Math.floor(value);
}

export function checkReason(value: unknown): CloseReason {
  if (CLOSE_REASONS.includes(value as CloseReason)) return value as CloseReason;
  throw new PathcastError('INVALID_FIELD', `reason must be one of ${CLOSE_REASONS.join(', ')}, got ${describe(value)}`);
}

/** An object that is no array. */
export function checkObject(field: string, value: unknown, code: ErrorCode = 'INVALID_FIELD'): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || describe(value) === 'an array') {
    throw new PathcastError(code, `${field} must be an object, got ${describe(value)}`);
  }
  return value as Record<string, unknown>;
}

/** Refuses a key that is not in `known`, and lists those that are. */
export function checkKeys(what: string, value: object, known: readonly string[]): void {
  for (const key of Object.keys(value)) {
    if (!known.includes(key)) {
      throw new PathcastError('INVALID_OPTION', `${what} has no option ${describe(key)}; it has: ${known.join(', ')}`);
    }
  }
}

const HOUR_MS = 3_600_000;

/** ms over which streams end. Throws INVALID_OPTION. */
export function checkOverMs(value: unknown): asserts value is number {
  if (typeof value === 'number' && value >= 0 && value <= HOUR_MS) return;
  throw new PathcastError('INVALID_OPTION', `overMs must be a number from 0 to ${HOUR_MS}, got ${describe(value)}`);
}
