/** Time for a simulation: tasks in the order of their time, and of their making where that is the same. A heap, for there are many. */
export interface Task {
  at: number;
  nth: number;
  run: (() => void) | undefined;
}

export class Clock {
  now = 1_764_000_000_000;
  #heap: Task[] = [];
  #made = 0;

  after(ms: number, run: () => void): Task {
    const task: Task = { at: this.now + Math.max(0, ms), nth: (this.#made += 1), run };
    const heap = this.#heap;
    let index = heap.push(task) - 1;
    while (index > 0) {
      const above = (index - 1) >> 1;
      if (!before(task, heap[above]!)) break;
      heap[index] = heap[above]!;
      index = above;
    }
    heap[index] = task;
    return task;
  }

  /** Runs the next task that is due by `until`. False: there is none, and it is `until`. */
  next(until: number): boolean {
    const heap = this.#heap;
    for (;;) {
      const first = heap[0];
      if (!first || first.at > until) {
        this.now = until;
        return false;
      }
      const last = heap.pop()!;
      if (heap.length > 0) {
        let index = 0;
        for (;;) {
          let below = 2 * index + 1;
          if (below >= heap.length) break;
          if (below + 1 < heap.length && before(heap[below + 1]!, heap[below]!)) below += 1;
          if (!before(heap[below]!, last)) break;
          heap[index] = heap[below]!;
          index = below;
        }
        heap[index] = last;
      }
      const { run } = first;
      if (!run) continue;
      this.now = Math.max(this.now, first.at);
      run();
      return true;
    }
  }
}

const before = (a: Task, b: Task): boolean => a.at < b.at || (a.at === b.at && a.nth < b.nth);
