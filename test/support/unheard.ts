/** Promises whose failure nobody heard of while `work` ran: each of them would end a process. */
export async function unheardDuring(work: () => Promise<unknown>): Promise<unknown[]> {
  const unheard: unknown[] = [];
  const others = process.listeners('unhandledRejection');
  const hear = (reason: unknown): unknown => unheard.push(reason);
  process.removeAllListeners('unhandledRejection');
  process.on('unhandledRejection', hear);
  try {
    await work();
    // Node tells of them when the queue of the microtasks is empty.
    await new Promise(setImmediate);
  } finally {
    process.off('unhandledRejection', hear);
    for (const other of others) process.on('unhandledRejection', other);
  }
  return unheard;
}
