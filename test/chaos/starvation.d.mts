export function watchStarvation(now: () => number, found: (at: number, until: number) => void): () => void;
