/**
 * Loads the native addon and returns its exports; `native/binding.ts` gives them their types. Repeated calls return the same
 * object. Throws when there is no binary for this platform.
 */
declare function loadBinding(): unknown;
export = loadBinding;
