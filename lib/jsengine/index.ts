/** The engine in TypeScript: the contract of `lib/SPEC.md` without a binary. */
import type { EngineFactory } from '../internal/engine.js';
import { JsEngine } from './engine.js';
import { systemEnvironment } from './environment.js';

export { createJsPathTable } from './path-table.js';

export const createJsEngine: EngineFactory = (options, notify) => new JsEngine(options, notify, systemEnvironment);
