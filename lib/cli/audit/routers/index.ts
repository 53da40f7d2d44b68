/** Finds the tRPC routers of a project and every procedure on them, by name and without types. */
export { findRoots, type RouterOptions } from './roots.js';
