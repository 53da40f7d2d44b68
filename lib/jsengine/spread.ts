/**
 * Over how many ms the streams of a company spread what an event makes them read again (SPEC §18). Said once a frame. By this node's streams times the
 * nodes that live: whatever the shares of the nodes are, all of them together then read at the rate of `spreadPerStreamMs`.
 */
import type { EngineOptions } from '../internal/engine.js';

interface Audience {
  readonly options: Pick<EngineOptions, 'spreadFreeStreams' | 'spreadPerStreamMs' | 'spreadMaxMs'>;
  readonly nodes: number;
}

/** 0: at once. */
export function spreadMs({ options, nodes }: Audience, streams: number): number {
  const audience = streams * nodes;
  if (audience <= options.spreadFreeStreams) return 0;
  return Math.min(audience * options.spreadPerStreamMs, options.spreadMaxMs);
}

/** The last field of an event's JSON, with its comma; nothing where it is 0. */
export function spreadField(ms: number): string {
  return ms === 0 ? '' : `,"spreadMs":${ms}`;
}
