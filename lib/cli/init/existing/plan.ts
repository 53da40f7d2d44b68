/** What has to be added to a tRPC app: new files, changed ones, and what is left to do by hand. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { audit } from '../../audit/index.js';
import type { RouterRoot } from '../../audit/model.js';
import type { OpenedProject } from '../../audit/project/index.js';
import { findRoots } from '../../audit/routers/index.js';
import { CommandError } from '../../errors.js';
import { APPS } from '../choices.js';
import { ownRange } from '../packages.js';
import { databasesIn } from './database.js';
import { withDependency, type Detected } from './detect.js';
import { Edits, endingOf, specifier, usesSemicolons } from './edits.js';
import { mapText } from './map.js';
import { nextConfigChange } from './next-config.js';
import { companyIn, userIn } from './session.js';
import { syncText } from './sync-file.js';
import { addMiddleware, basesOf, beginningOf, contextHasSockets, contextOf, rootLiteral, servedAt, type RootLiteral } from './trpc.js';

export interface Change {
  /** From the app's folder, with `/`. */
  file: string;
  /** Undefined: it is new. */
  before: string | undefined;
  after: string;
}

export interface Plan {
  /** What was detected, one line each. */
  found: string[];
  changes: Change[];
  /** What a person has to do, one text each. */
  byHand: string[];
}

/** @throws CommandError where the app's router cannot be read. */
export function planFor(folder: string, project: OpenedProject, detected: Detected, version: string): Plan {
  const [root, ...others] = rootsOf(project);
  const literal = rootLiteral(project, root);
  if (!literal) throw new CommandError(`${root.name}: the root router is none that is written as router({ … }) in a const; its map has to be written by hand`);
  if (!/\.[cm]?tsx?$/.test(literal.file.fileName)) throw new CommandError(`${root.name} is JavaScript, and a map is held to its router by TypeScript`);
  const plan = new Planner(folder, project, root, literal, detected, version).plan();
  if (others.length > 0) plan.byHand.push(`There are other routers, which were left as they are: ${others.map(({ name }) => name).join(', ')}.`);
  return plan;
}

/** At least one, the largest first. */
function rootsOf(project: OpenedProject): [RouterRoot, ...RouterRoot[]] {
  let roots: RouterRoot[];
  try {
    roots = findRoots(project, {}).filter(({ procedures }) => procedures.length > 0);
  } catch (error) {
    throw new CommandError(`no tRPC router was found in ${project.files.length} files below this folder`, { cause: error });
  }
  const [root, ...others] = roots;
  if (!root) throw new CommandError('no procedure was found on the tRPC routers below this folder');
  return [root, ...others];
}

class Planner {
  readonly #edits: Edits;
  readonly #byHand: string[] = [];
  readonly #created: Change[] = [];

  constructor(
    readonly folder: string,
    readonly project: OpenedProject,
    readonly root: RouterRoot,
    readonly literal: RootLiteral,
    readonly detected: Detected,
    readonly version: string,
  ) {
    this.#edits = new Edits(project.ts);
  }

  plan(): Plan {
    const { project, root, literal, detected } = this;
    const mutations = root.procedures.filter(({ kind }) => kind === 'mutation');
    const bases = basesOf(project, mutations);
    const [base] = bases.found;
    if (!base) throw new CommandError(`${root.name}: none of its ${mutations.length} mutations could be followed to the t.procedure that it begins with`);
    const company = companyIn(project.files);
    const user = userIn(project.files);
    const ending = endingOf(project.files, detected.manifest.type === 'module' && detected.framework !== 'next');
    const sync = this.#newFile(base.file.fileName, 'sync.ts');
    const map = this.#newFile(literal.file.fileName, 'invalidation.ts');

    this.#create(sync, syncText({ project, edits: this.#edits, ending, file: sync, context: contextOf(project, base), company, user }));
    const from = specifier(map, literal.file.fileName, ending);
    this.#create(map, mapText(root.procedures, audit(this.folder), { name: literal.name, from }));
    if (!literal.exported) this.#byHand.push(`Export ${literal.name} from ${this.#relative(literal.file.fileName)}: the map names its type.`);

    for (const one of bases.found) {
      const { file } = one;
      addMiddleware(project, this.#edits, one);
      this.#edits.import(file, `import { sync } from '${specifier(file.fileName, sync, ending)}'`);
    }
    if (bases.lost.length > 0) {
      this.#byHand.push(`Put .use(sync.middleware()) first in the base procedure of ${bases.lost.join(', ')}: it could not be followed.`);
    }
    this.#subscription(company.way, user.way, ending);
    this.#bind(sync, map, ending);
    this.#transactions(sync, ending);

    const changes = [
      // Who followed the README has installed it before.
      ...(detected.hasPathcast
        ? []
        : [{ file: 'package.json', before: detected.text, after: withDependency(detected.text, 'pathcast', ownRange(this.version)) }]),
      ...this.#created,
      ...[...this.#edits.results()].map(([file, after]) => ({ file: this.#relative(file.fileName), before: file.text, after })),
      ...this.#nextConfig(),
    ];
    for (const [what, { way, uses }] of Object.entries({ company, user })) {
      if (uses === 0) this.#byHand.push(`Say in ${this.#relative(sync)}, and where sync.onSync is, what your context calls the ${what}: ${way} is a guess.`);
    }
    return {
      found: [
        `${APPS[detected.framework]} and tRPC${detected.data === 'none' ? '' : `, ${detected.data === 'drizzle' ? 'Drizzle' : 'Prisma'}`}`,
        `router ${root.name} with ${mutations.length} ${mutations.length === 1 ? 'mutation' : 'mutations'}`,
        ...(company.uses === 0 ? [] : [`the company of a request: ${company.way}`]),
      ],
      changes,
      byHand: this.#byHand,
    };
  }

  /** The subscription that browsers open, in the root router: what authenticates a procedure does it for this one too. */
  #subscription(company: string, user: string, ending: ReturnType<typeof endingOf>): void {
    const { project, root, literal } = this;
    const names = new Set(root.procedures.map(({ path: name }) => name.split('.')[0]));
    const key = names.has('sync') ? 'pathcast' : 'sync';
    const mutation = root.procedures.find(({ kind }) => kind === 'mutation');
    const beginning = mutation && beginningOf(project, mutation);
    if (!beginning) {
      this.#byHand.push(`Add a subscription to ${root.name}: onSync: procedure.input(syncInput).subscription(syncSubscription({ stream: ({ ctx }) => ({ companyId, userId }) })).`);
      return;
    }
    const { ts } = project;
    // `t` of a file without base procedures of its own.
    const procedure = beginning.name === 't' ? 't.procedure' : beginning.name;
    if (beginning.file !== literal.file) {
      const isThere = literal.file.statements.some((one) => ts.isImportDeclaration(one) && new RegExp(`\\b${beginning.name}\\b`).test(one.importClause?.getText() ?? ''));
      if (!isThere) {
        this.#edits.import(literal.file, `import { ${beginning.name} } from '${specifier(literal.file.fileName, beginning.file.fileName, ending)}'`);
      }
    }
    this.#edits.import(literal.file, "import { syncInput, syncSubscription } from 'pathcast/trpc'");
    const sockets = contextHasSockets(project) ? 'req: ctx.req, res: ctx.res, ' : '';
    if (sockets === '' && !['next', 'hono'].includes(this.detected.framework)) {
      this.#byHand.push('Put req and res into the context, and give them in the subscription: stream: ({ ctx }) => ({ req: ctx.req, res: ctx.res, … }). Then the native engine takes the socket.');
    }
    const text = `
  ${key}: ${literal.make}({
    /** A position for \`since\`: a page asks for it before it reads anything else. */
    position: ${procedure}.query(() => Date.now()),
    onSync: ${procedure}.input(syncInput).subscription(
      syncSubscription({ stream: ({ ctx }) => ({ ${sockets}companyId: ${company}, userId: ${user} }) }),
    ),
  }),`;
    const last = literal.literal.properties.at(-1);
    const comma = last && !literal.literal.properties.hasTrailingComma ? ',' : '';
    this.#edits.insert(literal.file, last ? literal.literal.properties.end : literal.literal.getStart() + 1, comma + text);
  }

  /** The map is read where the router is served, before the server listens. */
  #bind(sync: string, map: string, ending: ReturnType<typeof endingOf>): void {
    const { literal } = this;
    const [served, ...more] = servedAt(this.project);
    const call = `sync.for<typeof ${literal.name}>().bind(${literal.name}, invalidation)`;
    if (!served || more.some(({ file }) => file !== served.file)) {
      this.#byHand.push(`Before the server listens: await ${call}; it was not found where ${literal.name} is served.`);
      return;
    }
    const { file, statement, awaited } = served;
    const edits = this.#edits;
    edits.import(file, `import { invalidation } from '${specifier(file.fileName, map, ending)}'`);
    edits.import(file, `import { sync } from '${specifier(file.fileName, sync, ending)}'`);
    if (file !== literal.file && !new RegExp(`import[^;]*\\b${literal.name}\\b`).test(file.text)) {
      edits.import(file, `import { ${literal.name} } from '${specifier(file.fileName, literal.file.fileName, ending)}'`);
    }
    const indent = /[ \t]*$/.exec(file.text.slice(0, statement.getStart()))?.[0] ?? '';
    const end = usesSemicolons(file.text) ? ';' : '';
    const before = (code: string, why: string): void => edits.insert(file, statement.getStart(), `${code}${end} // ${why}\n${indent}`);
    const wrong = 'a map that is wrong ends the process, and says all that is wrong';
    // Where the call is awaited one more can be. Elsewhere a map that is wrong ends the process, which is what nobody overlooks.
    if (awaited) before(`await ${call}`, 'all that is wrong in the map is one error, here');
    else if (file === literal.file) before(`void ${call}`, wrong);
    else edits.afterImports(file, `void ${call}${end} // ${wrong}`);
    if (this.detected.framework !== 'fastify') return;
    const app = this.project.ts.isPropertyAccessExpression(served.call.expression) ? served.call.expression.expression.getText() : 'app';
    edits.import(file, "import { pathcastPlugin } from 'pathcast/fastify'");
    before(`${awaited ? 'await ' : ''}${app}.register(pathcastPlugin, { path: false })`, 'ends the streams with the server; browsers listen through tRPC');
  }

  /** The database's transactions: what happens in one is told after its commit. */
  #transactions(sync: string, ending: ReturnType<typeof endingOf>): void {
    const { data } = this.detected;
    if (data === 'none') return;
    const [made, ...more] = databasesIn(this.project, data);
    if (!made || more.length > 0) {
      this.#byHand.push(`Where the database is made: const db = sync.transactional(${data === 'drizzle' ? 'drizzle(…)' : 'new PrismaClient(…)'}). Then what a transaction changes is told after its commit.`);
      return;
    }
    const file = made.getSourceFile();
    this.#edits.import(file, `import { sync } from '${specifier(file.fileName, sync, ending)}'`);
    this.#edits.insert(file, made.getStart(), 'sync.transactional(');
    this.#edits.insert(file, made.getEnd(), ')');
  }

  #nextConfig(): Change[] {
    if (this.detected.framework !== 'next') return [];
    const change = nextConfigChange(this.project.ts, this.folder);
    if (change === 'already') return [];
    if (change) return [change];
    this.#byHand.push("next.config: serverExternalPackages: ['pathcast']. Without it the native engine cannot be loaded.");
    return [];
  }

  /** Beside another file, under a name that is free; absolute. */
  #newFile(beside: string, name: string): string {
    const folder = path.posix.dirname(beside);
    return [name, `pathcast-${name}`].map((one) => path.posix.join(folder, one)).find((file) => !existsSync(file)) ?? refuse(path.posix.join(folder, name));
  }

  #create(file: string, after: string): void {
    this.#created.push({ file: this.#relative(file), before: undefined, after });
  }

  #relative(file: string): string {
    return path.relative(this.folder, file).split(path.sep).join('/');
  }
}

function refuse(file: string): never {
  throw new CommandError(`${file} is there already, and so is pathcast-${path.basename(file)}; nothing is overwritten`);
}

/** What is on the disk right now; undefined where there is nothing. */
export const onDisk = (folder: string, file: string): string | undefined =>
  existsSync(path.join(folder, file)) ? readFileSync(path.join(folder, file), 'utf8') : undefined;
