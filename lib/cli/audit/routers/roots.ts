import type { Project, RouterRoot } from '../model.js';

export interface RouterOptions {
  /** `FILE` or `FILE#name`: the root to take instead of the one that seems best. */
  router?: string;
}

/** The routers that are served, best first. Throws, listing the candidates, where `router` names none. */
export function findRoots(_project: Project, _options: RouterOptions): RouterRoot[] {
  return [];
}
