/** The audit cannot run as it was asked to: the message says what to change. */
export class AuditError extends Error {
  override name = 'AuditError';
}
