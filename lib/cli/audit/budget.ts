/** How much the audit may spend: on one question of what an expression is worth, on one procedure, on the whole run. */

export interface BudgetOptions {
  /** Steps of one question of what an expression is worth. Default `BUDGET.question`. */
  question?: number;
  /** Steps of one procedure: what it reaches beyond them is not read. Default `BUDGET.procedure`. */
  procedure?: number;
  /** Seconds of processor time of the run; procedures that are left then are not followed. Default `BUDGET.seconds`. */
  seconds?: number;
}

/** Steps are counted alike on each machine: two runs over one code base say the same, unless the run's time is spent. */
export const BUDGET = {
  /** Beyond it the value is unknown. Long constant lists, joined and filtered, take some thousands. */
  question: 50_000,
  /** Of a question that only asks which function a name stands for. Beyond it the function is not seen. */
  callee: 4_000,
  /** Beyond it the rest of the procedure is not seen. The largest that was met took a tenth of it; a step takes about ten microseconds. */
  procedure: 600_000,
  /** Beyond it the procedures that are left are not followed. */
  seconds: 120,
} as const;

/** Steps between two looks at the clock. */
const LOOK = 4_096;

/** ms of processor time of this process: who else runs on the machine is all one. */
export const processorTime = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
};

/**
 * What is left, asked at each step. Spent once, it stays spent until the next procedure begins. Before the first one nothing is
 * counted: without its routers a report has nothing to say.
 */
export class Budget {
  readonly question: number;
  readonly #procedure: number;
  readonly #milliseconds: number;
  readonly #clock: () => number;
  readonly #start: number;
  #steps = 0;
  #isCounting = false;
  #spent: 'procedure' | 'run' | undefined;

  constructor({ question = BUDGET.question, procedure = BUDGET.procedure, seconds = BUDGET.seconds }: BudgetOptions = {}, clock: () => number = processorTime) {
    this.question = question;
    this.#procedure = procedure;
    this.#milliseconds = seconds * 1_000;
    this.#clock = clock;
    this.#start = clock();
  }

  /** Which budget is spent. */
  get spent(): 'procedure' | 'run' | undefined {
    return this.#spent;
  }

  /** A procedure begins. */
  begin(): void {
    this.#isCounting = true;
    this.#steps = 0;
    this.#spent = this.#isOver() ? 'run' : undefined;
  }

  /** Counts one step. False where nothing is left. */
  step(): boolean {
    if (this.#spent !== undefined) return false;
    if (!this.#isCounting) return true;
    this.#steps += 1;
    if (this.#steps > this.#procedure) this.#spent = 'procedure';
    else if (this.#steps % LOOK === 0 && this.#isOver()) this.#spent = 'run';
    return this.#spent === undefined;
  }

  /** For a reader of the report. */
  why(): string {
    return this.#spent === 'run'
      ? `the run's ${this.#milliseconds / 1_000} seconds of processor time were spent; --budget SECONDS gives more`
      : `more is reached from this procedure than its ${this.#procedure} steps allow`;
  }

  #isOver(): boolean {
    return this.#clock() - this.#start > this.#milliseconds;
  }
}
