import type { Project } from '../model.js';
import type { Unseen } from '../report.js';

export interface ProjectOptions {
  /** A tsconfig file, relative to the root or absolute; default: the root's own `tsconfig.json` or `jsconfig.json`, if any. */
  tsconfig?: string;
  onProgress?(done: number, total: number, what: string): void;
}

export interface OpenedProject extends Project {
  /** What could not be read or resolved: broken files, a broken tsconfig, a package of the workspace without sources. */
  readonly unseen: readonly Unseen[];
}

/** Parses and binds the sources below `root` (absolute or relative to the working directory). Throws where there are none. */
export function openProject(root: string, _options: ProjectOptions): OpenedProject {
  throw new Error(`Not readable: ${root}`);
}
