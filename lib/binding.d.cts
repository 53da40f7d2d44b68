/**
 * Loads the native addon and returns its exports; `native/binding.ts` gives them their types. Repeated calls return the same
 * object. Throws, with what to do about it, where there is no binary for this platform, where a bundler has packed the
 * package, and in runtimes without libuv (Bun, Deno), which the addon would end.
 */
declare function loadBinding(): unknown;
export = loadBinding;
