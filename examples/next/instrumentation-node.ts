// instrumentation-node.ts: the hub of this server.
import { configure } from 'pathcast';

const hub = configure({ limits: { perUser: 5, perCompany: 50 } });
console.log(`pathcast: ${hub.engine} engine`);

// Next waits for open responses before it ends. A stream is one that never ends by itself.
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void hub.close());
