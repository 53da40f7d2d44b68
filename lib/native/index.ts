/** The native half of pathcast, as the facade sees it. */
export { loadNative, nativeHeapBytes, setUserTimeout } from './binding.js';
export { createNativeEngine } from './engine.js';
export { createNativePathTable } from './path-table.js';
