/** The audited code as symbols and values: what `routers` and `effects` stand on. Nothing here runs it. */
export { loadCompiler } from './compiler.js';
export { openProject, type OpenedProject, type ProjectOptions } from './open.js';
export { bindArguments } from './bind.js';
