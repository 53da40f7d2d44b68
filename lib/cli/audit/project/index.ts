/** The audited code as symbols and values: what `routers` and `effects` stand on. Nothing here runs it. */
export { bindArguments } from './arguments.js';
export { loadCompiler } from './sources/compiler.js';
export type { Import } from './names.js';
export { openProject, type OpenedProject, type ProjectOptions } from './open.js';
