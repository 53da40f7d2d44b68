import { CommandError } from '../errors.js';

/** The audit cannot run as it was asked to: the message says what to change. */
export class AuditError extends CommandError {
  override name = 'AuditError';
}
