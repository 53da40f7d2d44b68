// instrumentation.ts: Next runs this once, when the server starts. What is for Node alone lies in a file of its own.
export async function register(): Promise<void> {
  if (process.env.NEXT_RUNTIME === 'nodejs') await import('./instrumentation-node');
}
