/** Both engines, for tests that must hold on either. */
export const ENGINES = ['js', 'native'] as const;
export type EngineKind = (typeof ENGINES)[number];
