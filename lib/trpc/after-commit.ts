/**
 * What waits for a commit. A queue belongs to one transaction; its actions go out in order once the transaction has
 * committed, and never after a rollback. A savepoint hands its own over to the transaction around it.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { describeType } from '../internal/describe.js';
import { PathcastError } from '../protocol/error.js';
import { currentMutation, runInTransaction } from '../server/mutation-scope.js';

type State = 'open' | 'committed' | 'rolledBack';

/** Of one transaction, as those see it who send after it. */
export interface Commit {
  /** It, or one around it, was rolled back. */
  readonly lost: boolean;
  /** `send` is called after the outermost commit, at once where that has been. After a rollback it is dropped; false. */
  add(send: () => void): boolean;
}

/** One transaction, or one try of it: a retried one starts with an empty queue. */
class Queue implements Commit {
  readonly parent: Queue | undefined;
  /** Whose functions run it, where `transaction(fn)` gives one: another of them inside is a savepoint. */
  readonly runner: object | undefined;
  #own: State = 'open';
  #sends: (() => void)[] = [];

  constructor(parent: Queue | undefined, runner: object | undefined) {
    this.parent = parent;
    this.runner = runner;
  }

  /** What a savepoint has done ends with the transaction around it. */
  get state(): State {
    return this.#own === 'committed' && this.parent ? this.parent.state : this.#own;
  }

  get lost(): boolean {
    return this.state === 'rolledBack';
  }

  /** After the commit: at once. After the rollback: dropped; false. */
  add(send: () => void): boolean {
    if (this.#own === 'open') this.#sends.push(send);
    else if (this.#own === 'rolledBack') return false;
    else if (this.parent) return this.parent.add(send);
    else send();
    return true;
  }

  settle(state: 'committed' | 'rolledBack'): void {
    if (this.#own !== 'open') return;
    this.#own = state;
    const sends = this.#sends;
    this.#sends = [];
    if (state === 'committed') for (const send of sends) this.add(send);
  }
}

export interface AfterCommitHost {
  /** A transaction that nobody announced, outside of any mutation: the action goes out all the same. */
  unknownTransaction(): void;
  /** The transaction was rolled back already: the action is dropped. */
  tooLate(): void;
}

type Work<Tx, T> = (tx: Tx) => T;

/** How a transaction is opened. */
interface Opening<Tx> {
  /** Of what it is a savepoint. Asked when it begins. */
  parent: () => Queue | undefined;
  /** The `tx` that the work gets. */
  given: (tx: Tx, queue: Queue) => Tx;
  /** The client, for functions that it gives. */
  runner?: object;
}

/** Methods of database clients that take the work of a transaction as a function. */
const METHODS: ReadonlySet<PropertyKey> = new Set(['transaction', '$transaction', 'transactional']);
/** Methods that give another client of the same database: its transactions are known too. */
const DERIVING: ReadonlySet<PropertyKey> = new Set([
  '$extends',
  'withSchema',
  'withPlugin',
  'withoutPlugins',
  'withTables',
]);

export class AfterCommit {
  readonly #host: AfterCommitHost;
  readonly #queues = new WeakMap<object, Queue>();
  /** Clients, as they are and as `transactional` gave them: where there is no `tx`, people give the client. */
  readonly #clients = new WeakSet<object>();
  readonly #current = new AsyncLocalStorage<Queue | undefined>();
  /** Inside a call of a function that a `run` gave: what its body `of` stands for. */
  readonly #calls = new AsyncLocalStorage<{ of: unknown; body: AnyFunction }>();

  constructor(host: AfterCommitHost) {
    this.#host = host;
  }

  /**
   * `send` is called after the commit of `tx`. Of a transaction that is not known here: after the mutation that is
   * running has succeeded; where none is, at once, for early is better than never.
   */
  after(tx: object, send: () => void): void {
    const queue = this.#queues.get(tx) ?? (this.#clients.has(tx) ? this.#open() : undefined);
    if (queue) {
      if (!queue.add(send)) this.#host.tooLate();
      return;
    }
    const scope = currentMutation();
    if (scope?.afterSuccess) {
      scope.afterSuccess(send);
      return;
    }
    this.#host.unknownTransaction();
    send();
  }

  /** The transaction that this code runs in, if one is open that is known. */
  current(): Commit | undefined {
    return this.#open();
  }

  #open(): Queue | undefined {
    const queue = this.#current.getStore();
    return queue?.state === 'open' ? queue : undefined;
  }

  /**
   * `run` opens a transaction and calls the body it is given with it; `work` is done inside. Where `work` failed it was
   * rolled back, whatever `run` makes of that. Throws INVALID_OPTION.
   */
  transaction<Tx extends object, T>(run: (body: Work<Tx, T>) => T, work: Work<Tx, T>): T {
    checkFunction('run', run);
    checkFunction('work', work);
    return this.#enter(run, work, { parent: () => this.#open(), given: (tx) => tx });
  }

  /**
   * `db` with its transactions known. What is called on it outside of them is passed on as it is; nested transactions
   * of the tx that it gives are savepoints; one of `db` itself is a transaction of its own, wherever it is opened. Where
   * `transaction(fn)` gives a function (better-sqlite3, bun:sqlite), each call of that is one; inside of another it is a savepoint. Throws INVALID_OPTION.
   */
  transactional<Db extends object>(db: Db): Db {
    // Not quoted: it may be the address of a database.
    if (!isObject(db)) throw new PathcastError('INVALID_OPTION', `transactional() takes a database client, got ${describeType(db)}`);
    const known = this.#wrap(db, undefined);
    this.#clients.add(db).add(known);
    return known;
  }

  #enter<Tx extends object, T>(run: (body: Work<Tx, T>) => T, work: Work<Tx, T>, opening: Opening<Tx>): T {
    let queue: Queue | undefined;
    let over = false;
    /** The last try's work threw or rejected. */
    let failed = false;
    const scope = currentMutation();
    const settle = (state: 'committed' | 'rolledBack'): void => {
      over = true;
      if (!queue) return;
      const actual = failed ? 'rolledBack' : state;
      queue.settle(actual);
      scope?.noteTransaction?.(actual);
    };
    const body = (tx: Tx, ...rest: unknown[]): T => {
      const call = this.#calls.getStore();
      if (call?.of === body) return call.body(tx, ...rest) as T;
      if (over) throw unseen();
      queue?.settle('rolledBack');
      failed = false;
      const own = (queue = new Queue(opening.parent(), opening.runner));
      const inside = isObject(tx) ? opening.given(tx, own) : tx;
      if (isObject(tx)) this.#queues.set(tx, own).set(inside, own);
      const fail = (thrown: unknown): never => {
        failed = queue === own || failed;
        throw thrown;
      };
      try {
        const done = this.#current.run(own, () =>
          runInTransaction(own, () => (work as (...args: unknown[]) => T)(inside, ...rest)),
        );
        return isThenable(done) ? (done.then((value: unknown) => value, fail) as T) : done;
      } catch (thrown) {
        return fail(thrown);
      }
    };
    let outcome: T;
    try {
      outcome = run(body);
    } catch (thrown) {
      settle('rolledBack');
      throw thrown;
    }
    if (!isThenable(outcome)) {
      const begun = queue !== undefined;
      settle('committed');
      if (begun || typeof outcome !== 'function') return outcome;
      const called = (call: AnyFunction): unknown =>
        // What is given to it are values of the app, and no `tx`.
        this.#enter((own) => this.#calls.run({ of: body, body: own as AnyFunction }, call) as T, work, {
          ...opening,
          parent: () => this.#around(opening),
          given: (value) => value,
        });
      return runnerOf(outcome as unknown as AnyFunction, called) as T;
    }
    return outcome.then(
      (value: unknown) => {
        settle('committed');
        return value;
      },
      (thrown: unknown) => {
        settle('rolledBack');
        throw thrown;
      },
    ) as T;
  }

  /** The transaction around one that a function runs: of the same connection, hence a savepoint in it. */
  #around({ runner, parent }: Pick<Opening<object>, 'runner' | 'parent'>): Queue | undefined {
    const open = this.#open();
    return open && open.runner === runner ? open : parent();
  }

  #wrap<Db extends object>(db: Db, parent: Queue | undefined): Db {
    // Database clients keep private fields, which a proxy has not: their methods run on the client itself.
    const bound = new WeakMap<object, unknown>();
    const openers = new WeakMap<object, unknown>();
    return new Proxy(db, {
      get: (target, key) => {
        const value: unknown = Reflect.get(target, key, target);
        if (typeof value !== 'function' || key === 'constructor' || isFixed(target, key)) return value;
        const made = METHODS.has(key) ? openers : bound;
        const known = made.get(value);
        if (known !== undefined) return known;
        let method: AnyFunction;
        if (METHODS.has(key)) method = this.#opener(target, value as AnyFunction, parent);
        else if (DERIVING.has(key)) method = this.#deriver(target, value as AnyFunction, parent);
        else method = Object.assign((value as AnyFunction).bind(target), value);
        made.set(value, method);
        return method;
      },
      // Setters write private fields too.
      set: (target, key, value) => Reflect.set(target, key, value, target),
    });
  }

  #deriver(target: object, derive: AnyFunction, parent: Queue | undefined): AnyFunction {
    return (...args) => {
      const derived = derive.apply(target, args);
      return isObject(derived) && !isThenable(derived) ? this.#wrap(derived, parent) : derived;
    };
  }

  /** Prisma's array of queries, and any other call without a function, are passed on: there is no `tx` to wait for. */
  #opener(target: object, open: AnyFunction, parent: Queue | undefined): AnyFunction {
    return (...args) => {
      const at = args.findIndex((arg) => typeof arg === 'function');
      if (at < 0) return open.apply(target, args);
      return this.#enter(
        (body) => open.apply(target, [...args.slice(0, at), body, ...args.slice(at + 1)]),
        args[at] as Work<object, unknown>,
        { parent: () => parent, given: (tx, queue) => this.#wrap(tx, queue), runner: target },
      );
    };
  }
}

type AnyFunction = (...args: unknown[]) => unknown;

/** Forms of the function that better-sqlite3 and bun:sqlite give, each of which runs the transaction. */
const FORMS: ReadonlySet<PropertyKey> = new Set(['default', 'deferred', 'immediate', 'exclusive']);

/** `made` with each call of it, or of a form of it, going through `called`. */
function runnerOf(made: AnyFunction, called: (call: AnyFunction) => unknown): AnyFunction {
  const through = (run: AnyFunction): AnyFunction =>
    function (this: unknown, ...args) {
      return called(() => Reflect.apply(run, this, args));
    };
  // Not a proxy of `made` itself: its forms are fixed, and a proxy would have to give them as they are.
  return new Proxy(through(made), {
    get: (_, key) => {
      const value: unknown = Reflect.get(made, key);
      return typeof value === 'function' && FORMS.has(key) ? through(value as AnyFunction) : value;
    },
  });
}

function checkFunction(name: string, value: unknown): void {
  if (typeof value === 'function') return;
  throw new PathcastError('INVALID_OPTION', `${name} of transaction(run, work) must be a function, got ${describeType(value)}`);
}

function unseen(): PathcastError {
  return new PathcastError(
    'INVALID_OPTION',
    'the client began a transaction after its call of transaction(fn) was over: its end is not seen, and what is broadcast in it could go out after a rollback. Use sync.transaction(run, work) with a run that gives or throws what the transaction does',
  );
}

function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return isObject(value) && 'then' in value && typeof value.then === 'function';
}

/** A proxy must give such a property as it is. */
function isFixed(target: object, key: PropertyKey): boolean {
  const own = Reflect.getOwnPropertyDescriptor(target, key);
  return own !== undefined && !own.configurable && !own.writable;
}
