/** Where a command prints; a write resolves when it is out, and quietly where nobody reads any more. */
export interface Output {
  isTTY?: boolean;
  columns?: number;
  /** Nobody reads any more: a command that would go on for ever ends. */
  gone?: boolean;
  print(text: string): Promise<void>;
}

export interface Streams {
  stdout: Output;
  stderr: Output;
  env: NodeJS.ProcessEnv;
  version: string;
  /** Aborts when the person has had enough (Ctrl-C); from the call on the process no longer ends by that itself. */
  interrupted?: () => AbortSignal;
}
