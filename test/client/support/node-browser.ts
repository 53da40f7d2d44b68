/** What a browser gives, in Node: real timers, a real network, an EventSource that keeps to the specification. No tabs, no storage. */
import { EventSource } from 'eventsource';
import { browserEnvironment, type Environment } from '../../../lib/client/index.js';

export interface NodeBrowser extends Environment {
  warned: string[];
  reported: unknown[];
}

export function nodeBrowser(parts: Partial<Environment> = {}): NodeBrowser {
  const warned: string[] = [];
  const reported: unknown[] = [];
  return {
    ...browserEnvironment(),
    EventSource: EventSource,
    locks: undefined,
    channel: undefined,
    storage: undefined,
    warn: (text) => warned.push(text),
    report: (thrown) => reported.push(thrown),
    ...parts,
    warned,
    reported,
  };
}
