/** A warning of the process, once a code: also where an ESM and a CommonJS copy of the package meet, hence on globalThis. */
const SLOT = Symbol.for('pathcast.warned');
const shared = globalThis as { [SLOT]?: Set<string> };

/** `code`: as in `process.on('warning')` and `--disable-warning`. `about`: tells warnings of one code apart. */
export function warnOnce(code: string, message: string, about = ''): void {
  const warned = (shared[SLOT] ??= new Set());
  const key = `${code} ${about}`;
  if (warned.has(key)) return;
  warned.add(key);
  process.emitWarning(message, { type: 'PathcastWarning', code });
}
