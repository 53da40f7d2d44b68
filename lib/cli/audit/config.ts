/** What a code base tells the audit about itself: `pathcast.audit.json`, or `pathcast.audit` in its package.json. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe } from '../../internal/describe.js';
import { AuditError } from './errors.js';
import type { Hints } from './findings/index.js';
import { RULES, type Rule } from './report.js';

export interface AuditConfig {
  /** Functions of this code base that tell its clients, beside the known names: `notifyAll`, or receiver and method, `pusher.trigger`. */
  broadcasts?: string[];
  /** Functions that run what they are given in one transaction: `withTransaction`, `store.atomically`. */
  transactions?: string[];
  /** The mutation that a tool stands for. */
  tools?: Record<string, string>;
  /** Tables of a module, by the module's path. */
  modules?: Record<string, string[]>;
  /** Why a mutation rightly broadcasts nothing. */
  silent?: Record<string, string>;
  /** Files that are left out, as globs relative to the audited folder: `scripts/**`. */
  ignore?: string[];
  failOn?: 'none' | 'all' | Rule[];
  /** As the options of the same names; paths are relative to the audited folder. */
  router?: string;
  tsconfig?: string;
}

export const CONFIG_FILE = 'pathcast.audit.json';
const RULE_NAMES = Object.keys(RULES) as Rule[];

/** The file's settings, checked. Without `file` those of the folder, or none. */
export function readConfig(root: string, file?: string): AuditConfig {
  if (file !== undefined) return checkConfig(parse(file, read(file)), file);
  const own = path.join(root, CONFIG_FILE);
  const text = readIfThere(own);
  if (text !== undefined) return checkConfig(parse(own, text), own);
  const manifest = path.join(root, 'package.json');
  const json = readIfThere(manifest);
  if (json === undefined) return {};
  const settings = (parse(manifest, json) as { pathcast?: { audit?: unknown } } | null)?.pathcast?.audit;
  return settings === undefined ? {} : checkConfig(settings, `${manifest}: pathcast.audit`);
}

/** @throws AuditError that names the key, the value and what is allowed. */
export function checkConfig(value: unknown, where: string): AuditConfig {
  if (!isObject(value)) throw new AuditError(`${where} must be an object, got ${describe(value)}`);
  const checked: AuditConfig = {};
  for (const [key, setting] of Object.entries(value)) {
    const name = `${where}: ${key}`;
    switch (key) {
      case 'broadcasts':
      case 'transactions':
      case 'ignore':
        checked[key] = strings(setting, name);
        break;
      case 'tools':
      case 'silent':
        checked[key] = fromEntries(setting, name, text);
        break;
      case 'modules':
        checked[key] = fromEntries(setting, name, strings);
        break;
      case 'failOn':
        checked[key] = setting === 'none' || setting === 'all' ? setting : checkRules(strings(setting, name), name);
        break;
      case 'router':
      case 'tsconfig':
        checked[key] = text(setting, name);
        break;
      case '$schema':
        break;
      default:
        throw new AuditError(
          `${where}: unknown key ${describe(key)}; allowed are broadcasts, transactions, tools, modules, silent, ignore, failOn, router, tsconfig`,
        );
    }
  }
  return checked;
}

/** @throws AuditError that lists the rules. */
export function checkRules(names: readonly string[], where: string): Rule[] {
  return names.map((name) => {
    const rule = RULE_NAMES.find((one) => one === name);
    if (rule === undefined)
      throw new AuditError(`${where}: unknown rule ${describe(name)}; allowed are ${RULE_NAMES.join(', ')}, none, all`);
    return rule;
  });
}

export function hintsOf(config: AuditConfig): Hints {
  return {
    tools: new Map(Object.entries(config.tools ?? {})),
    modules: new Map(Object.entries(config.modules ?? {})),
    silent: new Map(Object.entries(config.silent ?? {})),
  };
}

/** Whether a file, relative and with `/`, is left out. */
export function ignores(globs: readonly string[]): (file: string) => boolean {
  const patterns = globs.map(globPattern);
  return (file) => patterns.some((pattern) => pattern.test(file));
}

/** `*` and `?` stay within a folder, `**` does not; a folder's name stands for all below it. */
function globPattern(glob: string): RegExp {
  const source = glob
    .replace(/^\.\//, '')
    .replace(/\/$/, '')
    .replace(/\*\*\/|\*\*|\*|\?|[^\w/]/g, (part) => {
      if (part === '**/') return '(?:[^/]+/)*';
      if (part === '**') return '.*';
      if (part === '*') return '[^/]*';
      return part === '?' ? '[^/]' : `\\${part}`;
    });
  return new RegExp(`^${source}(?:/.*)?$`, 's');
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new AuditError(`cannot read ${file}: ${codeOf(error)}`, { cause: error });
  }
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(codeOf(error))) return undefined;
    throw new AuditError(`cannot read ${file}: ${codeOf(error)}`, { cause: error });
  }
}

export function codeOf(error: unknown): string {
  const { code, message } = error as { code?: unknown; message?: unknown };
  return typeof code === 'string' ? code : String(message ?? error);
}

function parse(file: string, json: string): unknown {
  try {
    return JSON.parse(json.replace(/^\ufeff/, '')) as unknown;
  } catch (error) {
    throw new AuditError(`${file} is no JSON: ${(error as Error).message}`, { cause: error });
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function text(value: unknown, name: string): string {
  if (typeof value !== 'string' || value.trim() === '')
    throw new AuditError(`${name} must be a non-empty string, got ${describe(value)}`);
  return value;
}

function strings(value: unknown, name: string): string[] {
  if (!Array.isArray(value)) throw new AuditError(`${name} must be a list of strings, got ${describe(value)}`);
  return value.map((item, index) => text(item, `${name}[${index}]`));
}

function fromEntries<T>(value: unknown, name: string, check: (value: unknown, name: string) => T): Record<string, T> {
  if (!isObject(value)) throw new AuditError(`${name} must be an object, got ${describe(value)}`);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, check(item, `${name}.${key}`)]));
}
