/** Waiting for what happens, never for time to pass. */

/** Generous: it is only reached when something is broken, which a slip of test/mutants does on purpose. ms */
export const DEADLINE_MS = Number(process.env['PATHCAST_TEST_DEADLINE_S'] ?? 30) * 1_000;
const LOOK_AGAIN_MS = 2;

/** Resolves with the first truthy value of `check`; rejects, naming `what`, after `deadlineMs`. */
export async function waitFor<T>(check: () => T | Promise<T>, what: string, deadlineMs = DEADLINE_MS): Promise<NonNullable<T>> {
  const end = Date.now() + deadlineMs;
  for (;;) {
    const value = await check();
    if (value) return value;
    if (Date.now() > end) throw new Error(`Waited ${deadlineMs} ms in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
  }
}

/** Rejects, naming `what`, unless `promise` settles in time. */
export async function within<T>(promise: Promise<T>, what: string, deadlineMs = DEADLINE_MS): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`Waited ${deadlineMs} ms in vain for ${what}`)), deadlineMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
