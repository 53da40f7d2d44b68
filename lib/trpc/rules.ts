/** Where an action's fields come from: rules declared once, with defaults for the usual names (SPEC §10). */
import { ACTION_TYPES, type ActionType } from '../protocol/events.js';
import { PathcastError } from '../protocol/error.js';
import { describe, describeThrown, isArray, messageOf } from '../internal/describe.js';
import { checkKeys, checkObject, checkOptionalIdentifier } from '../server/check.js';
import { hush } from './hush.js';
import { singular } from './naming.js';

/** What a rule is given. `C`: the context, as the innermost middleware left it. */
export interface RuleCall<C = unknown> {
  ctx: C;
  /** As the client sent it, before any parser ran. */
  input: unknown;
  /** What the mutation answered. */
  result: unknown;
  /** Of the procedure. */
  path: string;
}

type Id = string | number | bigint | null | undefined;
/** As a method: a rule may be annotated with less than the whole context. */
type Rule<C, T> = { rule(call: RuleCall<C>): T }['rule'] | undefined;

/**
 * Each replaces a default; one that gives null or undefined says that there is none. What `ctx` is
 * says `createSync<Context>`, else an annotation: `({ ctx }: RuleCall<Context>) => ctx.session.companyId`. One that throws is told by the hub's `error` event
 * and counts as giving none.
 */
export interface SyncRules<C = unknown> {
  /** Default: `companyId` of the context, or of its `session`, `user`, `auth` or `session.user`. */
  companyId?: Rule<C, Id>;
  /** Default: `userId` in the same places; `id` of `user` or `session.user`. */
  userId?: Rule<C, Id>;
  /**
   * Default: `clientId` of the result, the context, the input: the database's word before the client's. A rule that gives null says that the action is rightly
   * about no client in particular; undefined is a missing one, and a warning. `null` in place of a rule: this app has none.
   */
  clientId?: Rule<C, Id> | null;
  /** The tab that calls. Default: `sourceId` of the context, else the request's header `x-source-id`. */
  sourceId?: Rule<C, Id>;
  /**
   * Default: the input's `id`, `entityId` or the one named like the module (`guestId`); of an insert, and where the input
   * names none, the result's `id`; else `*`. Never the input itself: it may be a password. In a module whose rows are
   * secrets by their name (`sessions`, `apiKeys`, `inviteTokens`) always `*`.
   */
  entityId?: Rule<C, Id>;
  /** Default: the entry's `module`, else the path of the procedure's router. */
  module?: Rule<C, string | null | undefined>;
  /** Default: the entry's `type`, else by the verb of the procedure's name. */
  type?: Rule<C, ActionType | null | undefined>;
  /** Goes out with the action. Default: nothing. */
  data?: Rule<C, unknown>;
}

const RULES = ['companyId', 'userId', 'clientId', 'sourceId', 'entityId', 'module', 'type', 'data'] as const;
type RuleName = (typeof RULES)[number];
type AnyRule = (call: RuleCall<never>) => unknown;

export interface ActionFields {
  companyId: string | undefined;
  userId: string | undefined;
  /** Null: the rule says that the action is about no client in particular. */
  clientId: string | null | undefined;
  sourceId: string | undefined;
  entityId: string;
  module: string;
  type: ActionType;
  data: unknown;
}

/** What the map says of the action. */
export interface Given {
  module: string;
  type: ActionType;
}

export interface Rules {
  /** False: the app said that it has no clients to narrow by. */
  readonly hasClients: boolean;
  /** There is a rule for the module. */
  readonly decidesModule: boolean;
  /** There is one for the data. */
  readonly givesData: boolean;
  /** Of a caller who has sent nothing yet; undefined where none is known. A rule that throws knows of none. */
  companyIdOf(ctx: unknown): string | undefined;
  /** Of a mutation that has not run yet. Throws where a rule does, and for a user whom no action can hold: nobody must pass for him. */
  callerOf(call: RuleCall): { companyId: string | undefined; userId: string | undefined; sourceId: string | undefined };
  fieldsOf(call: RuleCall, given: Given, failed: (error: PathcastError) => void): ActionFields;
}

/** It has seen the input, and may quote it. */
function ruleThrew(name: RuleName, { path }: RuleCall, thrown: unknown): string {
  return `the rule ${name} threw for ${describe(path)}: ${describeThrown(thrown)}`;
}

/** Throws PathcastError INVALID_OPTION. */
export function compileRules(rules: unknown): Rules {
  const given = checkObject('rules', rules ?? {}, 'INVALID_OPTION');
  checkKeys('rules', given, RULES);
  for (const name of RULES) {
    const rule = given[name];
    if (rule !== undefined && typeof rule !== 'function' && !(name === 'clientId' && rule === null))
      throw new PathcastError('INVALID_OPTION', `rules.${name} must be a function, got ${describe(rule)}`);
  }
  const own = given as Partial<Record<RuleName, AnyRule | null>>;
  const hasClients = own.clientId !== null;
  const asked = (name: 'companyId' | 'userId' | 'sourceId', call: RuleCall, usual: () => unknown): string | undefined => {
    const rule = own[name];
    let said: unknown;
    try {
      said = rule ? rule.call(own, call as RuleCall<never>) : usual();
    } catch (thrown) {
      throw new PathcastError('INVALID_OPTION', ruleThrew(name, call, thrown));
    }
    if (hush(said)) throw new PathcastError('INVALID_OPTION', `the rule ${name} gave a promise: it must not be async`);
    return checkOptionalIdentifier(name, textOf(said));
  };
  /** Silent: what is wrong with a rule is told when the mutation has ended. */
  const ifAsked = (...call: Parameters<typeof asked>): string | undefined => {
    try {
      return asked(...call);
    } catch {
      return undefined;
    }
  };
  return {
    hasClients,
    decidesModule: own.module !== undefined,
    givesData: own.data !== undefined,
    companyIdOf(ctx) {
      const call = { ctx, path: '', input: undefined, result: undefined };
      return ifAsked('companyId', call, () => firstOf(placesOf(ctx), 'companyId'));
    },
    callerOf: (call) => ({
      companyId: asked('companyId', call, () => firstOf(placesOf(call.ctx), 'companyId')),
      userId: asked('userId', call, () => userOf(call.ctx)),
      sourceId: ifAsked('sourceId', call, () => sourceOf(call.ctx)),
    }),
    fieldsOf(call, { module, type }, failed) {
      const ask = <T>(name: RuleName, usual: () => T): unknown => {
        try {
          const rule = own[name];
          if (!rule) return usual();
          const said = rule.call(own, call as RuleCall<never>);
          if (!hush(said)) return said;
          failed(new PathcastError('INVALID_FIELD', `the rule ${name} gave a promise for ${describe(call.path)}: it must not be async`));
          return undefined;
        } catch (thrown) {
          failed(new PathcastError('INVALID_FIELD', ruleThrew(name, call, thrown)));
          return undefined;
        }
      };
      /** What no action can hold must not keep the action back: a client's header may be of any length. */
      const fitting = (name: RuleName, text: string | undefined): string | undefined => {
        try {
          return checkOptionalIdentifier(name, text);
        } catch (thrown) {
          // A field named `id` may hold anything in an input, and nothing is wrong with that.
          if (own[name] || name !== 'entityId')
            failed(new PathcastError('INVALID_FIELD', `${describe(call.path)}: ${messageOf(thrown)}; it was left out`));
          return undefined;
        }
      };
      const id = (name: RuleName, usual: () => unknown): string | undefined => fitting(name, textOf(ask(name, usual)));
      const clientIdOf = (said: unknown) => (said === null ? null : fitting('clientId', textOf(said)));
      const saidModule = ask('module', () => module);
      const saidType = ask('type', () => type);
      const fields = {
        module: typeof saidModule === 'string' && saidModule !== '' ? saidModule : module,
        type: ACTION_TYPES.includes(saidType as ActionType) ? (saidType as ActionType) : type,
      };
      return {
        ...fields,
        companyId: id('companyId', () => firstOf(placesOf(call.ctx), 'companyId')),
        userId: id('userId', () => userOf(call.ctx)),
        clientId: hasClients ? clientIdOf(ask('clientId', () => clientOf(call))) : undefined,
        sourceId: id('sourceId', () => sourceOf(call.ctx)),
        entityId: id('entityId', () => entityOf(call, fields.module, fields.type)) ?? '*',
        data: ask('data', () => undefined),
      };
    },
  };
}

function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value === '' ? undefined : value;
  return typeof value === 'number' || typeof value === 'bigint' ? String(value) : undefined;
}

function field(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  // A form that was sent as such.
  if (value instanceof FormData) return value.get(name) ?? undefined;
  return (value as Record<string, unknown>)[name];
}

function placesOf(ctx: unknown): unknown[] {
  const session = field(ctx, 'session');
  return [ctx, session, field(ctx, 'user'), field(ctx, 'auth'), field(session, 'user')];
}

function firstOf(places: readonly unknown[], ...names: readonly string[]): string | undefined {
  for (const place of places) {
    for (const name of names) {
      const text = textOf(field(place, name));
      if (text !== undefined) return text;
    }
  }
  return undefined;
}

function userOf(ctx: unknown): string | undefined {
  const session = field(ctx, 'session');
  return firstOf(placesOf(ctx), 'userId') ?? firstOf([field(ctx, 'user'), field(session, 'user')], 'id');
}

function clientOf({ ctx, input, result }: RuleCall): string | undefined {
  return firstOf([result, ctx, input], 'clientId');
}

/** Rows whose id lets in whoever knows it, often enough. */
const SECRETS = new Set(
  'code credential invitation invite key otp passcode password pin secret session token'.split(' '),
);

function isSecret(row: string): boolean {
  const words = row
    .replace(/([a-z\d])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[\s_-]+/);
  return words.some((word) => SECRETS.has(word));
}

function entityOf({ input, result }: RuleCall, module: string, type: ActionType): string | undefined {
  const row = singular(module.slice(module.lastIndexOf('.') + 1));
  if (isSecret(row)) return undefined;
  const named = firstOf([input], 'id', 'entityId', `${row}Id`);
  const made = firstOf([result], 'id');
  return type === 'insert' ? (made ?? named) : (named ?? made);
}

const SOURCE_HEADER = 'x-source-id';

function sourceOf(ctx: unknown): string | undefined {
  const own = textOf(field(ctx, 'sourceId'));
  if (own !== undefined) return own;
  for (const request of [field(ctx, 'req'), field(ctx, 'request'), ctx]) {
    const headers = field(request, 'headers');
    const get = field(headers, 'get');
    const value =
      typeof get === 'function' ? (get.call(headers, SOURCE_HEADER) as unknown) : field(headers, SOURCE_HEADER);
    const text = textOf(isArray(value) ? value[0] : value);
    if (text !== undefined) return text;
  }
  return undefined;
}
