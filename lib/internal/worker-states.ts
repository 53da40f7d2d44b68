/** What a worker beside the hub has to find again after its death: where it is kept, and that one at a time writes it. */
export type WorkerState = Readonly<Record<string, string>>;

export interface WorkerStates {
  /** From now on `owner` alone may keep something under `name`. Resolves to what is kept; empty: nothing. */
  take(name: string, owner: string): Promise<WorkerState>;
  /** Sets these fields; others stay. False: somebody else has taken it since, or it is gone. */
  keep(name: string, owner: string, fields: WorkerState): Promise<boolean>;
}

/** Of one process: gone with it, and with the log that is. */
export function processStates(): WorkerStates {
  const states = new Map<string, { owner: string; fields: Record<string, string> }>();
  return {
    take: (name, owner) => {
      const state = states.get(name) ?? { owner, fields: {} };
      states.set(name, { ...state, owner });
      return Promise.resolve({ ...state.fields });
    },
    keep: (name, owner, fields) => {
      const state = states.get(name);
      if (state?.owner !== owner) return Promise.resolve(false);
      Object.assign(state.fields, fields);
      return Promise.resolve(true);
    },
  };
}
