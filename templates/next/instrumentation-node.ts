// instrumentation-node.ts: the hub of this server.
import { configure } from 'pathcast';

const hub = configure({ limits: { perUser: 5, perCompany: 50 } });
console.log(`pathcast: ${hub.engine} engine`);

// Next waits for open responses before it ends, and a stream is one that never ends by itself. It also waits for connections that a
// browser opened ahead and never used; not for ever.
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => {
    void hub.close();
    setTimeout(() => process.exit(0), 3_000).unref();
  });
}
