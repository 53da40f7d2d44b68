/** Names by which databases, transactions and broadcasts are known where no declaration tells. */

/** Functions that broadcast an action, whoever wrote them. */
export const BROADCASTS = new Set(['broadcastSync', 'broadcastMany', 'publishSyncAction', 'storeSyncAction']);
/** The two halves of one broadcast: with the same action they count once. */
export const HALVES = new Set(['publishSyncAction', 'storeSyncAction']);
/** Methods that broadcast when their receiver is a hub or a sync, or when their argument has query paths. */
export const BROADCAST_METHODS = new Set(['broadcast', 'broadcastSync', 'broadcastMany']);
/** Methods of pathcast's sync that broadcast what the invalidation map says. */
export const SYNC_METHODS = new Set(['announce', 'announceTool', 'afterCommit']);
/** With an object that has `queryPaths` for argument, a function of such a name is a broadcast. */
export const BROADCAST_LIKE = /broadcast|publish|notify|announce|emit|sync|invalidate|realtime/i;
/** Receivers of a generic `broadcast`. */
export const SYNC_RECEIVER = /^(hub|sync|realtime|pathcast)$|(Hub|Sync|Realtime)$/;

const STRONG = /^(db|database|prisma|prismaClient|knex|kysely|orm|drizzle|drizzleDb)$|(Db|DB|Prisma|Knex|Kysely|Database)$|^(db|prisma)[A-Z_]/;
const WEAK = /^(conn|connection|client|pool|sql|pg|mysql|sqlite|manager|em|entityManager|dataSource|store|executor|runner|session)$/;
const TRANSACTION = /^(tx|trx|transaction|txn)$|^(tx|trx)[A-Z_]|(Tx|Trx|Transaction)$/;

/** What a name alone says of a database. `strong`: nothing else is called so. */
export function databaseByName(name: string): { kind: 'bare' | 'tx'; strong: boolean } | undefined {
  const plain = name.replace(/^[#_]+/, '');
  if (TRANSACTION.test(plain)) return { kind: 'tx', strong: true };
  if (STRONG.test(plain)) return { kind: 'bare', strong: true };
  if (WEAK.test(plain)) return { kind: 'bare', strong: false };
  return undefined;
}

/** What the type annotation of a parameter says of it. */
export function databaseByType(type: string): { kind: 'bare' | 'tx'; strong: boolean } | undefined {
  const transaction = /Transaction(Client)?\b|\bTx\b|\bTrx\b|EntityManager/.test(type);
  const plain = /\b(PrismaClient|NodePgDatabase|PostgresJsDatabase|BetterSQLite3Database|LibSQLDatabase|MySql2Database|PgDatabase|Kysely|Knex|Db|DB|Database|DataSource|typeof (db|prisma|database))\b/.test(type);
  if (transaction && !plain) return { kind: 'tx', strong: true };
  if (plain || transaction || /DbOrTx|DBOrTx|DatabaseOrTransaction/.test(type)) return { kind: 'bare', strong: true };
  return undefined;
}

/** Calls that make a database: `drizzle(pool)`, `new PrismaClient()`. */
export const DATABASE_MAKERS = /^(drizzle|knex|Knex|postgres|neon|PrismaClient|Kysely|DataSource|createKysely|createDb|createDatabase)$/;
/** The same, but other things are made so as well. */
export const WEAK_DATABASE_MAKERS = /^(Database|DatabaseSync|Pool|Client|PGlite|createPool|createConnection|createClient|connect)$/;
/** `getDb()`, `useDatabase()`. */
export const DATABASE_GETTERS = /^(get|use|open|connect|create|make)?_?(db|database|prisma|knex|kysely|drizzle)(client|connection|instance)?$/i;
/** Methods of a database that give the database again. */
export const SAME_DATABASE = new Set(['with', 'withSchema', '$extends', '$primary', '$replica', 'withTables', 'connect', 'withPlugin', 'fork', 'schema']);

export const TRANSACTION_METHODS = new Set(['transaction', '$transaction', 'transactional', 'withTransaction', 'runInTransaction', 'inTransaction', 'begin', 'tx', 'batch']);
export const TRANSACTION_FUNCTION = /^(with|run|in|do|use|start|begin)?_?(in)?(a)?_?(db)?(transaction|tx|trx)(al|s)?$|transaction$|^(with|run|in)[A-Za-z]*(Transaction|Tx|Trx)$|^atomic(ally)?$/i;

/** Methods whose callback runs once per member. */
export const LOOPING = new Set(['forEach', 'map', 'flatMap', 'filter', 'reduce', 'reduceRight', 'some', 'every', 'find', 'findIndex', 'each', 'eachSeries', 'mapSeries', 'mapLimit', 'pMap', 'from']);

/** Names of functions whose code, where it cannot be found, may well have written or broadcast. */
export const ACTING = /^(create|update|delete|remove|insert|save|upsert|sync|broadcast|notify|publish|announce|change|mutate|dispatch|process|perform|apply|execute|record|store|import|trigger|recalc|recalculate|assign|unassign|cascade|persist|commit)([A-Z_]|$)/;

/** Methods of stores made by hand, with a table first: `tx.removeWhere(seats, { planId })`. */
export const WRITES_SOMEHOW = /^(insert|create|add|update|patch|upsert|replace|save|put|remove|delete|destroy)[A-Z]/;

/** Methods that hand something to whoever listens, and what they are called on. */
export const EMITS = /^(emit|emitAsync|publish|dispatch|enqueue|add|addBulk|send|trigger|push|fire)$/;
export const BUS = /(bus|emitter|events?|queue|jobs?|inngest|pubsub|broker|outbox)$/i;

/** Parameters that are functions with effects, by their names. */
export const CALLBACK = /^(cb|callback|fn|func|handler|work|task|job|action|operation|run|effect|after|before|then|done|on[A-Z]\w*)$|(Handler|Callback|Fn)$/;

/** Keep a function for later: a hook that runs when the transaction has committed, or the answer is sent. */
export const LATER = /^(push|unshift|enqueue|defer|after|waitUntil|(run|do|add)?(After|On|after|on)(The)?(Commit|Committed|Transaction|Response|Request|Success))$/;
/** Procedures that are queries by their name. */
export const READS = /^(get|list|find|all|by|search|count|stats|has|is|read|load|fetch|query|summary)([A-Z_]|$)/;

export const THROUGH_CALLER = 'it calls a procedure through a caller, which is not followed';

/** Packages that run work later, elsewhere, and the methods by which it is handed to them. */
export const JOB_MODULES =
  /^(@trigger\.dev\/|inngest$|inngest\/|bullmq$|bull$|bee-queue$|pg-boss$|agenda$|graphile-worker$|@upstash\/(qstash|workflow)|@temporalio\/|@google-cloud\/(tasks|pubsub)|@aws-sdk\/client-(sqs|sns|lambda|eventbridge)|@defer\/|quirrel|faktory|node-resque|@hatchet-dev\/|amqplib|kafkajs|@vercel\/functions|workflow|@openworkflow\/|openworkflow$|liteque$)/;
export const HANDS_OVER = /^(trigger|batchTrigger|triggerAndWait|triggerAndPoll|batchTriggerAndWait|send|sendMany|sendToQueue|add|addBulk|addJob|publish|publishJSON|batchJSON|enqueue|schedule|start|execute|signalWithStart|now|every|createTask|createJob|dispatch|invoke|insert|push|runWorkflow|run|produce)$/;
/** Functions of packages that hand work over, by their names. */
export const JOB_NAME = /^(trigger|enqueue|dispatch|schedule|queue|publish|defer|start)[A-Z]?\w*(Job|Task|Event|Workflow|Message|Work)s?$/;
