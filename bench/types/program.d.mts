/** Types of program.mjs, for the tests. */
export function routerNames(procedures: number): string[];
export function queryPaths(procedures: number): string[];
export function mutationPaths(procedures: number): string[];
export function prefixes(procedures: number): string[];
export function program(options: { procedures: number; typed: boolean; pathcast: string }): Record<string, string>;
