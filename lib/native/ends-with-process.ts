/**
 * Hub threads that look up names end before the process does. Node shuts libuv's pool, where names are looked up, a moment before the
 * process is gone; who asks it in between ends the process with an abort.
 */
const open = new Set<() => void>();

/** `end` is called, once and synchronously, when the process or the worker exits by itself; until the returned function is. */
export function endsWithProcess(end: () => void): () => void {
  if (open.size === 0) process.on('exit', endAll);
  open.add(end);
  return () => {
    if (open.delete(end) && open.size === 0) process.off('exit', endAll);
  };
}

function endAll(): void {
  for (const end of open) end();
}
