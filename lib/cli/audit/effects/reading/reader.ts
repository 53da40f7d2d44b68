/** Reads what a function does: its statements in order, and the functions of the project that it calls. */
import type ts from 'typescript';
import type { FunctionNode, Project } from '../../model.js';
import { broadcastOfCall, type FoundBroadcast } from '../broadcasts/broadcasts.js';
import { isNamed, tellingOf } from '../broadcasts/tells.js';
import { asCallback, callablesOf, functionsListed, inside, type Callable } from '../calls/callables.js';
import { add, nothing, pass, withoutDoubles, type Collected } from './collected.js';
import { plainDatabase, signatureOf } from '../databases/database.js';
import { narrowed } from '../databases/narrowing.js';
import type { Database, Env } from '../code/environment.js';
import { LATER, LOOPING, TRANSACTION_FUNCTION } from '../code/names.js';
import { decidedOrOpen, isSame } from './decided.js';
import { calleeName, functionName, isFunctionNode, isInlineFunction, leavesBy, shortText, unwrap } from '../code/syntax.js';
import {
  given,
  holdsCall,
  isCommonTable,
  isWithin,
  mayHoldStatements,
  negated,
  onTransaction,
  pushesStatement,
  skipWrappers,
} from './questions.js';
import { fearOf } from './out-of-sight.js';
import { MadeQueries } from './made-queries.js';
import { readFearOf } from './unread.js';
import { functionsIn } from './options.js';
import { Summaries } from './summaries.js';
import { isStatementList, markOf, transactionOf } from './transactions.js';
import type { EffectsOptions } from '../types.js';
import type { FoundRead, FoundWrite } from '../orms/orm.js';
import { readsOfCall, writesOfCall } from '../orms/index.js';
import { schemaOf } from '../orms/schema/index.js';
import { readsOfTag } from '../orms/sql/reads.js';
import { ofTag } from '../orms/sql/writes.js';

/**
 * Calls followed inside each other; deeper ones are told of. A mutation that goes through a transaction, three functions of
 * the domain and a helper of its own over Drizzle, as in lib/reference, takes 16.
 */
const MAX_DEPTH = 20;
/** Functions read for one question; beyond it the rest is told of. */
const MAX_READ = 4_000;
/** Views over views; a deeper one stands for itself. */
const MAX_VIEWS = 8;

interface Question {
  /** Functions that are being read. */
  stack: FunctionNode[];
  read: number;
  /** The function that was asked about: what is declared inside of it is no helper. */
  asked: ts.Node | undefined;
  /** In a middleware: called for each `next(…)`; writes before the first are left out. */
  onNext?: (call: ts.CallExpression, env: Env) => void;
  sawNext?: boolean;
  /** The budget is spent, and that was said. */
  over?: boolean;
}

export class Reader {
  readonly project: Project;
  readonly #broadcastNames: ReadonlySet<string>;
  /** Functions that run what they are given in a transaction, by the settings. */
  readonly #transactions: ReadonlySet<string>;
  readonly #summaries = new Summaries();
  readonly #made: MadeQueries;

  constructor(project: Project, options: EffectsOptions = {}) {
    this.project = project;
    this.#broadcastNames = new Set(options.broadcastNames);
    this.#transactions = new Set(options.transactions);
    this.#made = new MadeQueries(project, (node, env) => this.readStatement(node, env));
  }

  /** The effects of a function's body in `env`, which binds its parameters. */
  read(fn: FunctionNode, env: Env, asked: Partial<Question> = {}): Collected {
    const out = nothing();
    if (fn.body === undefined) return out;
    const question: Question = { stack: [fn], read: 0, asked: fn, ...asked };
    this.#defaults(fn, env, out, question);
    this.#body(fn.body, env, out, question);
    return out;
  }

  /** The effects of a statement or expression that runs where it stands. */
  readStatement(node: ts.Node, env: Env): Collected {
    const out = nothing();
    this.#visit(node, env, out, { stack: [], read: 0, asked: undefined });
    return out;
  }

  #body(body: ts.Node, env: Env, out: Collected, question: Question): void {
    if (this.project.ts.isBlock(body)) this.#statements(body.statements, env, out, question);
    else this.#visit(body, env, out, question);
  }

  #defaults(fn: FunctionNode, env: Env, out: Collected, question: Question): void {
    for (const parameter of fn.parameters) if (parameter.initializer) this.#visit(parameter.initializer, env, out, question);
  }

  #statements(statements: readonly ts.Statement[], env: Env, out: Collected, question: Question): void {
    const { ts: compiler } = this.project;
    let at = env;
    for (const statement of statements) {
      const mark = markOf(statement, compiler);
      if (mark === 'begin' && !compiler.isTryStatement(statement)) {
        at = { ...at, transaction: 'ambient' };
        continue;
      }
      this.#visit(statement, at, out, question);
      const taken = compiler.isIfStatement(statement) ? decidedOrOpen(statement.expression, at) : undefined;
      if (compiler.isIfStatement(statement) && taken !== undefined) {
        const run = taken ? statement.thenStatement : statement.elseStatement;
        if (run && leavesBy(compiler, run) !== undefined) break;
        continue;
      }
      if (mark === 'end' && at.transaction === 'ambient') at = { ...at, transaction: env.transaction === 'ambient' ? undefined : env.transaction };
      if (compiler.isIfStatement(statement) && !statement.elseStatement) {
        const leaves = leavesBy(compiler, statement.thenStatement);
        if (leaves !== undefined) at = narrowed(statement.expression, at, false);
        if (leaves === 'return') at = this.#arm(at, statement, 'else', negated(statement.expression, compiler));
        else if (leaves === 'throw') at = this.#arm(at, statement, 'else', undefined);
      }
      if (leavesBy(compiler, statement) !== undefined) break;
    }
  }

  #arm(env: Env, branch: ts.Node, arm: string, condition: string | undefined): Env {
    const id = `${branch.getSourceFile().fileName}:${branch.pos}`;
    return { ...env, arms: [...env.arms, `${id}/${arm}`], conditions: condition === undefined ? env.conditions : [...env.conditions, condition] };
  }

  #visit(node: ts.Node, env: Env, out: Collected, question: Question): void {
    const { ts: compiler } = this.project;
    if (!this.project.budget.step()) return this.#overBudget(node, out, question);
    if (compiler.isBlock(node)) return this.#statements(node.statements, env, out, question);
    if (compiler.isIfStatement(node)) return this.#if(node, env, out, question);
    if (compiler.isConditionalExpression(node)) {
      this.#visit(node.condition, env, out, question);
      const taken = holdsCall(node, compiler) ? decidedOrOpen(node.condition, env) : undefined;
      if (taken !== undefined) return this.#visit(taken ? node.whenTrue : node.whenFalse, env, out, question);
      return this.#either(node, node.condition, node.whenTrue, node.whenFalse, env, out, question);
    }
    if (compiler.isBinaryExpression(node)) return this.#binary(node, env, out, question);
    if (compiler.isSwitchStatement(node)) return this.#switch(node, env, out, question);
    if (compiler.isTryStatement(node)) return this.#try(node, env, out, question);
    if (compiler.isIterationStatement(node, false)) return this.#loop(node, env, out, question);
    if (compiler.isCallExpression(node)) {
      const before = out.writes.length;
      const reads = readsOfCall(node, env);
      this.#reads(reads ?? [], out, question);
      this.#call(node, pushesStatement(node, env) ? { ...env, transaction: 'ambient' } : env, out, question, reads !== undefined);
      if (isCommonTable(node, compiler)) for (const write of out.writes.slice(before)) write.nested = true;
      return;
    }
    if (compiler.isNewExpression(node)) this.#new(node, env, out, question);
    if (compiler.isIdentifier(node)) return this.#mention(node, out, question);
    if (compiler.isTaggedTemplateExpression(node)) {
      for (const write of ofTag(node, env)) this.#write(write, env, out, question);
      this.#reads(readsOfTag(node, env), out, question);
      if (!compiler.isNoSubstitutionTemplateLiteral(node.template)) {
        for (const span of node.template.templateSpans) this.#visit(span.expression, env, out, question);
      }
      return;
    }
    if (compiler.isFunctionLike(node) || compiler.isClassLike(node) || compiler.isTypeNode(node)) return;
    if (compiler.isVariableDeclaration(node) && node.initializer && mayHoldStatements(node.initializer, compiler) && isStatementList(node, env)) {
      return this.#visit(node.initializer, { ...env, transaction: 'ambient' }, out, question);
    }
    compiler.forEachChild(node, (child) => this.#visit(child, env, out, question));
  }

  /** The rest is not read: said once, where it began. */
  #overBudget(node: ts.Node, out: Collected, question: Question): void {
    if (question.over) return;
    question.over = true;
    const one = { ...this.project.placeOf(node), what: 'what follows here', why: this.project.budget.why() };
    out.unseen.push(one);
    out.unread.push(one);
  }

  #if(node: ts.IfStatement, env: Env, out: Collected, question: Question): void {
    this.#visit(node.expression, env, out, question);
    const taken = decidedOrOpen(node.expression, env);
    if (taken !== undefined) {
      const run = taken ? node.thenStatement : node.elseStatement;
      if (run) this.#visit(run, env, out, question);
      return;
    }
    this.#either(node, node.expression, node.thenStatement, node.elseStatement, env, out, question);
  }

  /** Both arms of a branch. Where each of them broadcasts, the branch can skip none. */
  #either(branch: ts.Node, condition: ts.Expression, first: ts.Node, second: ts.Node | undefined, env: Env, out: Collected, question: Question): void {
    const { ts: compiler } = this.project;
    const yes = shortText(condition);
    const no = negated(condition, compiler);
    const start = out.broadcasts.length;
    this.#visit(first, this.#arm(narrowed(condition, env, true), branch, 'then', yes), out, question);
    const middle = out.broadcasts.length;
    if (second === undefined) return;
    this.#visit(second, this.#arm(narrowed(condition, env, false), branch, 'else', no), out, question);
    const depth = env.conditions.length;
    const arms = [out.broadcasts.slice(start, middle), out.broadcasts.slice(middle)];
    if (!arms.every((arm) => arm.some((broadcast) => broadcast.conditions.length === depth + 1))) return;
    for (const broadcast of arms.flat()) broadcast.conditions = broadcast.conditions.filter((_, index) => index !== depth);
  }

  #binary(node: ts.BinaryExpression, env: Env, out: Collected, question: Question): void {
    const { SyntaxKind } = this.project.ts;
    this.#visit(node.left, env, out, question);
    const left = shortText(node.left);
    let right = env;
    switch (node.operatorToken.kind) {
      case SyntaxKind.AmpersandAmpersandToken:
        right = this.#arm(env, node, 'right', left);
        break;
      case SyntaxKind.BarBarToken:
        right = this.#arm(env, node, 'right', negated(node.left, this.project.ts));
        break;
      case SyntaxKind.QuestionQuestionToken:
        right = this.#arm(env, node, 'right', `${left} == null`);
        break;
      default:
    }
    this.#visit(node.right, right, out, question);
  }

  #switch(node: ts.SwitchStatement, env: Env, out: Collected, question: Question): void {
    const { ts: compiler } = this.project;
    this.#visit(node.expression, env, out, question);
    const subject = shortText(node.expression, 60);
    let labels: string[] = [];
    const run = this.#clausesRun(node, env);
    node.caseBlock.clauses.forEach((clause, index) => {
      if (!run(clause)) return;
      labels.push(compiler.isCaseClause(clause) ? `${subject} === ${shortText(clause.expression, 40)}` : `${subject} is another`);
      if (clause.statements.length === 0) return;
      this.#statements(clause.statements, this.#arm(env, node, `case ${index}`, labels.join(' || ')), out, question);
      labels = [];
    });
  }

  /** Which clauses a call may run: where its argument names one, those before it do not; nor does the default. */
  #clausesRun(node: ts.SwitchStatement, env: Env): (clause: ts.CaseOrDefaultClause) => boolean {
    const { ts: compiler } = this.project;
    const { clauses } = node.caseBlock;
    const same = new Map(clauses.map((clause) => [clause, compiler.isCaseClause(clause) ? isSame(node.expression, clause.expression, env) : undefined]));
    const chosen = clauses.findIndex((clause) => same.get(clause) === true);
    if (chosen < 0) return (clause) => same.get(clause) !== false || !this.#leaves(clause);
    let last = chosen;
    while (last < clauses.length - 1 && !this.#leaves(clauses[last])) last += 1;
    const reached = clauses.slice(chosen, last + 1);
    return (clause) => reached.includes(clause);
  }

  /** Whether a clause never falls through to the next. */
  #leaves(clause: ts.CaseOrDefaultClause | undefined): boolean {
    const last = clause?.statements.at(-1);
    return last !== undefined && leavesBy(this.project.ts, last) !== undefined;
  }

  #try(node: ts.TryStatement, env: Env, out: Collected, question: Question): void {
    this.#visit(node.tryBlock, env, out, question);
    if (node.catchClause) {
      const at: Env = { ...env, transaction: markOf(node.tryBlock, this.project.ts) === 'end' && env.transaction === 'ambient' ? undefined : env.transaction };
      this.#visit(node.catchClause.block, { ...at, conditions: [...env.conditions, 'an error was thrown'], arms: [...env.arms, `${node.getSourceFile().fileName}:${node.pos}/catch`] }, out, question);
    }
    if (node.finallyBlock) this.#visit(node.finallyBlock, env, out, question);
  }

  #loop(node: ts.IterationStatement, env: Env, out: Collected, question: Question): void {
    const { ts: compiler } = this.project;
    const looped: Env = { ...env, inLoop: true };
    if (compiler.isForStatement(node)) {
      if (node.initializer) this.#visit(node.initializer, env, out, question);
      if (node.condition) this.#visit(node.condition, looped, out, question);
      if (node.incrementor) this.#visit(node.incrementor, looped, out, question);
    } else if (compiler.isForOfStatement(node) || compiler.isForInStatement(node)) this.#visit(node.expression, env, out, question);
    else if ('expression' in node) this.#visit(node.expression as ts.Node, looped, out, question);
    this.#visit(node.statement, looped, out, question);
  }

  /** @param isRead A library of databases knows the call, and said what it reads. */
  #call(call: ts.CallExpression, env: Env, out: Collected, question: Question, isRead = false): void {
    if (this.#isNext(call, question)) {
      question.onNext?.(call, env);
      question.sawNext = true;
      return this.#parts(call, env, out, question, []);
    }
    let resolved: ReturnType<typeof callablesOf> | undefined;
    const callables = () => (resolved ??= callablesOf(call.expression, env));
    const isFunction = (node: ts.Expression): boolean => callablesOf(node, env).found.length > 0;
    const isSaid = isNamed(call.expression, this.#transactions, this.project.ts);
    const transaction = transactionOf(call, env, isFunction, () => callables().found.length > 0, isSaid);
    if (transaction !== undefined) {
      const kind = transaction.kind;
      const within: Env = { ...env, transaction: kind };
      // A store's own `transaction(work)`: its code says what `work` is given. Where that leads nowhere the callback is read as it stands.
      const own = nothing();
      if (!isSaid) for (const callable of callables().found) this.#enter(callable, call, within, own, question);
      if (own.writes.length + own.broadcasts.length + own.helpers.length > 0) add(own, out);
      else for (const callback of transaction.callbacks) this.#callback(call, callback, within, out, question, kind === 'explicit');
      for (const part of transaction.list) this.#visit(part, { ...env, transaction: 'ambient' }, out, question);
      return this.#receiver(call, env, out, question);
    }
    const broadcast = broadcastOfCall(call, env, this.#broadcastNames, () => callables().found.length > 0);
    if (broadcast !== undefined) {
      for (const found of broadcast.broadcasts) this.#broadcast(found, env, out);
      if (broadcast.note !== undefined) out.notes.push({ ...this.project.placeOf(call), text: broadcast.note });
      if (broadcast.read === 'writes') {
        const own = nothing();
        for (const callable of callables().found) this.#enter(callable, call, env, own, question);
        out.writes.push(...own.writes);
      }
      return this.#parts(call, env, out, question, []);
    }
    const writes = writesOfCall(call, env);
    for (const write of writes) this.#write(write, env, out, question);
    if (writes.length > 0) return this.#parts(call, env, out, question, this.#functionsAmong(call, env));
    const telling = tellingOf(call, env);
    if (telling !== undefined) out.tells.push({ ...this.project.placeOf(call), by: telling, via: [] });
    const found = callables();
    if (this.#loses(call, found, env, out, question)) return this.#receiver(call, env, out, question);
    if (found.unseen !== undefined) {
      // knex('guests') by another name is no function of the project.
      if (plainDatabase(call.expression, env) === undefined) this.#unseen(call, found.unseen, out);
    } else if (found.found.length === 0) {
      const why = fearOf(call, env);
      if (why !== undefined) this.#unseen(call, why, out, false);
      const unread = isRead ? undefined : readFearOf(call, env);
      if (unread !== undefined) this.#unread(call, unread, out);
    }
    // Of functions out of sight the callbacks are taken to be called; those that are read call them or do not.
    this.#parts(call, env, out, question, found.found.length === 0 ? this.#functionsAmong(call, env) : [], found.found.length === 0);
  }

  /**
   * Enters the functions that a call runs. True where it is a `withTransaction(work)` of the project whose code leads to
   * nothing that can be followed: then its name is believed, and `work` was read inside.
   */
  #loses(call: ts.CallExpression, found: ReturnType<typeof callablesOf>, env: Env, out: Collected, question: Question): boolean {
    const own = nothing();
    const { alternatives } = found;
    found.found.forEach((callable, index) => {
      const at = alternatives === true && found.found.length > 1 ? this.#arm(env, call, `way ${index}`, undefined) : env;
      this.#enter(callable, call, at, own, question);
    });
    add(own, out);
    const name = calleeName(this.project.ts, call.expression) ?? '';
    if (found.found.length === 0 || own.writes.length + own.broadcasts.length + own.helpers.length > 0 || !TRANSACTION_FUNCTION.test(name)) return false;
    const work = this.#functionsAmong(call, env);
    for (const one of work) this.#callback(call, one, { ...env, transaction: 'ambient' }, out, question, true);
    return work.length > 0;
  }

  #isNext(call: ts.CallExpression, question: Question): boolean {
    if (question.onNext === undefined) return false;
    const { ts: compiler } = this.project;
    const callee = unwrap(compiler, call.expression);
    if (compiler.isPropertyAccessExpression(callee)) return callee.name.text === 'next' && /^(opts|options|params|args|o|p)$/.test(callee.expression.getText());
    return compiler.isIdentifier(callee) && callee.text === 'next';
  }

  #functionsAmong(call: ts.CallExpression, env: Env): ts.Expression[] {
    const { ts: compiler } = this.project;
    return call.arguments.filter((argument) => {
      const inner = unwrap(compiler, argument);
      if (isInlineFunction(compiler, inner)) return true;
      if (!compiler.isIdentifier(inner) && !compiler.isPropertyAccessExpression(inner)) return false;
      return callablesOf(inner, env).found.some((callable) => callable.inTransaction !== true);
    });
  }

  /** The receiver and the arguments of a call; `callbacks` among them are run. */
  #parts(call: ts.CallExpression, env: Env, out: Collected, question: Question, callbacks: readonly ts.Expression[], isOutside = false): void {
    const { ts: compiler } = this.project;
    this.#receiver(call, env, out, question);
    const name = calleeName(compiler, call.expression) ?? '';
    let looping = LOOPING.has(name) ? { ...env, inLoop: true } : env;
    // storage.run(tx, work): what `work` does finds the transaction by itself.
    if (callbacks.length > 0 && call.arguments.some((argument) => plainDatabase(argument, env)?.kind === 'tx')) looping = { ...looping, transaction: 'ambient' };
    for (const argument of call.arguments) {
      if (callbacks.includes(argument)) {
        const before = out.broadcasts.length;
        this.#callback(call, argument, looping, out, question, false);
        if (LATER.test(name)) for (const broadcast of out.broadcasts.slice(before)) Object.assign(broadcast, { afterCommit: true, inTransaction: false });
      }
      else if (!isInlineFunction(compiler, unwrap(compiler, argument))) {
        this.#visit(argument, env, out, question);
        if (isOutside) this.#options(argument, call, looping, out, question);
      }
    }
  }

  /** `new Promise((resolve) => …)`, `new ReadableStream({ start() { … } })`: a class that is not ours runs what it is given. */
  #new(made: ts.NewExpression, env: Env, out: Collected, question: Question): void {
    const { ts: compiler } = this.project;
    const type = this.project.declarationOf(unwrap(compiler, made.expression));
    if (type !== undefined && compiler.isClassLike(type)) return;
    for (const argument of made.arguments ?? []) {
      const inner = unwrap(compiler, argument);
      if (isInlineFunction(compiler, inner)) this.#enter({ fn: inner, outer: env }, made, env, out, question, { args: [] });
      else this.#options(argument, made, env, out, question);
    }
  }

  /** `attempt({ try: () => work(), catch: (error) => … })`: functions inside what a library is given. */
  #options(argument: ts.Expression, call: ts.CallExpression | ts.NewExpression, env: Env, out: Collected, question: Question): void {
    for (const callable of functionsListed(argument, call, env)) this.#enter(callable, call, { ...env, inLoop: true }, out, question, { args: [] });
    for (const { node, isRescue } of functionsIn(argument, this.project.ts)) {
      const at: Env = isRescue ? { ...env, arms: [...env.arms, `${node.getSourceFile().fileName}:${node.pos}/catch`] } : env;
      const found = isFunctionNode(this.project.ts, node) ? [{ fn: node, outer: env }] : callablesOf(node, env).found;
      for (const callable of found) this.#enter(callable, call, at, out, question, { args: [] });
    }
  }

  #receiver(call: ts.CallExpression, env: Env, out: Collected, question: Question): void {
    const { ts: compiler } = this.project;
    const callee = unwrap(compiler, call.expression);
    if (compiler.isPropertyAccessExpression(callee)) this.#visit(callee.expression, env, out, question);
    else if (compiler.isElementAccessExpression(callee)) this.#visit(callee.expression, env, out, question);
    else if (compiler.isCallExpression(callee)) this.#visit(callee, env, out, question);
  }

  /** A function given to a call, run by it. */
  #callback(call: ts.CallExpression, given: ts.Expression, env: Env, out: Collected, question: Question, getsTransaction: boolean): void {
    for (const callable of callablesOf(given, env).found) this.#enter(callable, call, env, out, question, { args: [], getsTransaction });
  }

  #enter(
    callable: Callable,
    call: ts.CallExpression | ts.NewExpression,
    env: Env,
    out: Collected,
    question: Question,
    as: { args?: readonly ts.Expression[]; getsTransaction?: boolean } = {},
  ): void {
    const { ts: compiler } = this.project;
    const { fn } = callable;
    if (fn.body === undefined) return;
    const args = as.args ?? call.arguments ?? [];
    const name = functionName(compiler, fn);
    if (question.stack.filter((other) => other === fn).length > 0) {
      out.cut.add(fn);
      return;
    }
    if (question.stack.length >= MAX_DEPTH || question.read >= MAX_READ) {
      this.#unseen(call, question.read >= MAX_READ ? 'too much code is reached from here' : 'calls are nested too deeply', out);
      return;
    }
    const callee = as.args === undefined ? inside(callable, args, env) : this.#asCallback(callable, env, as.getsTransaction === true);
    const inner = this.#summary(fn, callable, callee, question);
    const closure = callable.outer;
    // A callback has no name of its own, though the call it is given to may have one.
    const own = isInlineFunction(compiler, fn) && (as.args !== undefined || closure !== undefined) && compiler.isCallExpression(skipWrappers(fn, compiler));
    const insideAsked = question.asked !== undefined && isWithin(fn, question.asked);
    const helper = own || insideAsked || name === '(anonymous)' ? undefined : name;
    pass(inner, out, { env, name: helper, site: `${call.getSourceFile().fileName}:${call.pos}`, home: closure?.activation, ...(callable.inTransaction === true || onTransaction(call, env, compiler) ? { ambient: true } : {}) });
    if (!onTransaction(call, env, compiler)) this.#noteOuterDatabase(inner, env, out);
    // What a closure does that was only passed through is not the helper's doing.
    const acts = [...inner.writes, ...inner.broadcasts].some((item) => item.home === undefined);
    if (helper !== undefined && acts) {
      out.helpers.push({ name: helper, declaration: fn, place: this.project.placeOf(call), database: given(callee.databases, fn), via: [] });
    }
  }

  /** Inside a transaction's callback, a write on the database around it is not part of the transaction. */
  #noteOuterDatabase(inner: Collected, env: Env, out: Collected): void {
    if (env.transaction !== 'explicit') return;
    for (const write of inner.writes) {
      if (write.inTransaction || write.shared || write.database === 'tx') continue;
      out.notes.push({ file: write.file, line: write.line, column: write.column, text: `${write.table} is written inside a transaction's callback, but not through the transaction` });
    }
  }

  #asCallback(callable: Callable, env: Env, getsTransaction: boolean): Env {
    const { ts: compiler } = this.project;
    const databases = new Map<ts.Node, Database>();
    const [first] = callable.fn.parameters;
    if (getsTransaction && first) {
      databases.set(first, { kind: 'tx', strong: true });
      if (compiler.isObjectBindingPattern(first.name)) for (const element of first.name.elements) databases.set(element, { kind: 'tx', strong: true });
    }
    return asCallback(callable, env, databases);
  }

  #summary(fn: FunctionNode, callable: Callable, env: Env, question: Question): Collected {
    const isKept = callable.self === undefined && callable.scope === undefined && question.onNext === undefined;
    const key = isKept ? signatureOf(env.databases) : undefined;
    const known = key === undefined ? undefined : this.#summaries.get(callable, key, env);
    if (known !== undefined) return known;
    question.read++;
    question.stack.push(fn);
    const out = nothing();
    this.#defaults(fn, env, out, question);
    if (fn.body) this.#body(fn.body, env, out, question);
    question.stack.pop();
    out.cut.delete(fn);
    withoutDoubles(out);
    const isWhole = this.project.budget.spent === undefined && !env.activation.consulted && out.cut.size === 0 && out.writes.every((write) => write.home === undefined);
    if (key !== undefined && isWhole) this.#summaries.set(callable, key, env, out);
    return out;
  }

  #write(write: FoundWrite, env: Env, out: Collected, question: Question): void {
    if (question.onNext !== undefined && question.sawNext !== true) return;
    const place = this.project.placeOf(write.node);
    const shared = write.shared === true;
    const inTransaction = write.database === 'tx' || env.transaction === 'ambient' || (shared && env.transaction === 'explicit');
    if (env.transaction === 'explicit' && !inTransaction) {
      out.notes.push({ ...place, text: `${write.table} is written inside a transaction's callback, but not through the transaction` });
    }
    if (write.note !== undefined) out.notes.push({ ...place, text: write.note });
    const inLoop = env.inLoop;
    out.writes.push({ ...place, table: write.table, operation: write.operation, by: write.by, database: write.database, shared, inTransaction, inLoop, via: [], arms: env.arms, sites: '', ...(write.nested ? { nested: true } : {}) });
  }

  /** What a middleware reads before the procedure runs is not the procedure's answer. */
  #reads(found: readonly FoundRead[], out: Collected, question: Question): void {
    if (question.onNext !== undefined && question.sawNext !== true) return;
    for (const { table, by, node, why, mayWrite, columns, along } of found) {
      const place = this.project.placeOf(node);
      if (why !== undefined) {
        const one = { ...place, what: shortText(node, 60), why };
        out.unread.push(one);
        if (mayWrite) out.unseen.push(one);
        continue;
      }
      const view = this.#viewOf(table);
      if (view === undefined) {
        out.reads.push({ ...place, table, by, via: [], ...(columns ? { columns: [...columns] } : {}), ...(along ? { along } : {}) });
        continue;
      }
      for (const below of view) out.reads.push({ ...place, table: below, by, through: table, via: [], ...(along ? { along } : {}) });
    }
  }

  /** The tables that a view of this name is made of, itself left out; undefined where it is none. */
  #viewOf(name: string, depth = MAX_VIEWS): string[] | undefined {
    const schema = schemaOf(this.project);
    const below = schema.view(name) ?? this.#made.view(name);
    if (below === undefined || depth === 0) return undefined;
    return [...new Set(below.flatMap((one) => (one === name ? [one] : (this.#viewOf(one, depth - 1) ?? [one]))))];
  }

  /** The name of a query that was made outside of functions: a view, a subquery, a prepared statement. */
  #mention(name: ts.Identifier, out: Collected, question: Question): void {
    const made = this.#made.of(name);
    if (made === undefined || (question.onNext !== undefined && question.sawNext !== true)) return;
    out.reads.push(...made.reads);
    out.unread.push(...made.unread);
  }

  #broadcast(found: FoundBroadcast, env: Env, out: Collected): void {
    const { node, unseen, afterCommit = false, half, condition, ...rest } = found;
    if (half !== undefined) {
      const seen = this.#halves.get(out) ?? new Map<ts.Node | string, string>();
      this.#halves.set(out, seen);
      const other = seen.get(half);
      if (other !== undefined && other !== rest.by) return;
      seen.set(half, rest.by);
    }
    out.unseen.push(...unseen);
    out.broadcasts.push({
      ...this.project.placeOf(node),
      ...rest,
      inTransaction: env.transaction !== undefined && !afterCommit,
      afterCommit,
      inLoop: env.inLoop,
      conditions: condition === undefined ? env.conditions : [...env.conditions, condition],
      arms: env.arms,
      via: [],
    });
  }
  /** Actions of which one half was seen, by what they share. */
  readonly #halves = new WeakMap<Collected, Map<ts.Node | string, string>>();

  /** @param isRead Whether it may read as well. */
  #unseen(call: ts.CallExpression | ts.NewExpression, why: string, out: Collected, isRead = true): void {
    out.unseen.push({ ...this.project.placeOf(call), what: `${shortText(call.expression, 60)}()`, why });
    if (isRead) this.#unread(call, why, out);
  }

  #unread(call: ts.CallExpression | ts.NewExpression, why: string, out: Collected): void {
    out.unread.push({ ...this.project.placeOf(call), what: `${shortText(call.expression, 60)}()`, why });
  }
}
