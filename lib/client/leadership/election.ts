/** Who of the tabs has the stream. Three ways, one face. */
export interface Election {
  /** Wants to lead, in its turn. Said once; it holds until `leave`. */
  join: () => void;
  /** The one that leads does not answer: takes the lead from it. */
  take: () => void;
  /** Leads no more, and does not want to. */
  leave: () => void;
  /** True: whoever leads next is found without anybody asking. */
  readonly queued: boolean;
}

export interface Candidate {
  /** This tab leads. */
  elected: () => void;
  /** It leads no more, and has not left by itself: another tab took the lead. */
  deposed: () => void;
  /** This way of electing does not work here. */
  broken: () => void;
}

/** Each tab by itself. */
export function alone({ elected }: Pick<Candidate, 'elected'>): Election {
  return { join: elected, take: elected, leave: () => undefined, queued: true };
}
