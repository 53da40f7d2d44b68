/** What `pathcast` can do: a command is one folder or file, loaded when it is asked for, and one line here. */
import type { Streams } from './streams.js';

/** Resolves to the exit code: 0 fine, 1 something was found that is an error, 2 it could not be done. */
export type RunCommand = (argv: readonly string[], streams: Streams) => Promise<number>;

export interface Command {
  /** What it takes before its options, for the help: `[FOLDER]`. */
  takes?: string;
  /** What it does, without a capital and a full stop. */
  summary: string;
  load: () => Promise<RunCommand>;
}

/** In the order of the help. */
export const COMMANDS: Readonly<Record<string, Command>> = {
  audit: {
    takes: '[FOLDER]',
    summary: 'says of a tRPC code base which mutations broadcast what, and what is wrong with it',
    load: async () => (await import('./audit/command.js')).auditCommand,
  },
  build: {
    summary: 'compiles the native engine where no prebuilt one fits',
    load: async () => (await import('./build/command.js')).buildCommand,
  },
  cdc: {
    summary: 'tells the hubs of what is committed in PostgreSQL',
    load: async () => (await import('./cdc/command.js')).cdcCommand,
  },
  doctor: {
    summary: 'checks a set-up: engine, machine, project, and a live stream on its way to a browser',
    load: async () => (await import('./doctor/command.js')).doctorCommand,
  },
  init: {
    takes: '[DIR]',
    summary: 'writes a small app that runs, or shows what an app of yours needs as a diff',
    load: async () => (await import('./init/command.js')).initCommand,
  },
  tail: {
    summary: 'shows a stream in the terminal, one line an event',
    load: async () => (await import('./tail/command.js')).tailCommand,
  },
};
