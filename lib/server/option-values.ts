/** Values of options: checked, or the default. They throw PathcastError INVALID_OPTION. */
import { PathcastError } from '../protocol/error.js';
import { describe } from '../internal/describe.js';

export function integer(name: string, value: unknown, fallback: number, min: number, max: number): number {
  if (value === undefined) return fallback;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) {
    throw new PathcastError(
      'INVALID_OPTION',
      `${name} must be a whole number from ${min} to ${max}, got ${describe(value)}`,
    );
  }
  return value;
}

export function boolean(name: string, value: unknown, fallback: boolean): boolean {
  if (value === undefined) return fallback;
  if (typeof value !== 'boolean') throw new PathcastError('INVALID_OPTION', `${name} must be true or false, got ${describe(value)}`);
  return value;
}

export function oneOf<T extends string>(name: string, value: unknown, allowed: readonly T[], fallback: T): T {
  if (value === undefined) return fallback;
  if (allowed.includes(value as T)) return value as T;
  throw new PathcastError('INVALID_OPTION', `${name} must be one of ${allowed.join(', ')}, got ${describe(value)}`);
}
