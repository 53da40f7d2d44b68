/** Functions outside the resolvers that write or broadcast, and the ways in which they surprise those who call them. */
import type { HelperCall } from '../model.js';
import type { HelperReport } from '../report.js';
import type { Facts } from './facts.js';
import { placeOf, type Found } from './fingerprint.js';
import type { TableOwners } from './modules.js';
import type { Judged } from './mutations.js';
import { tellsOf } from './paths.js';
import { distinct, listed } from './words.js';

/** Where it is called, with what it does there. */
interface Call {
  mutation: Judged;
  call: HelperCall;
  tables: string[];
  broadcasts: boolean;
}

const TRANSACTIONAL = /(?:Tx|TX|Trx|InTransaction|WithTransaction)$|_(?:tx|trx)$/;
const TRANSACTION_PARAMETER = /^(?:tx|trx|transaction)$|(?:Tx|Trx)$/;

export function judgeHelpers(
  mutations: readonly Judged[],
  owners: TableOwners,
  facts: Facts,
  found: Found[],
): HelperReport[] {
  const reports: HelperReport[] = [];
  for (const calls of callsByHelper(mutations).values()) {
    const [first] = calls;
    if (!first) continue;
    const { name, declaration } = first.call;
    const place = facts.placeOf(declaration);
    const report: HelperReport = {
      name,
      tables: distinct(calls.flatMap((one) => one.tables)),
      broadcasts: calls.some((one) => one.broadcasts),
      calledFrom: distinct(calls.map((one) => one.mutation.report.path)),
      ...place,
    };
    reports.push(report);
    if (!report.broadcasts && report.tables.length > 0) judgeBlind(report, calls, owners, found);
    judgeDatabase(calls, found);
  }
  return reports.sort((a, b) => (a.file === b.file ? a.line - b.line : a.file < b.file ? -1 : 1));
}

function callsByHelper(mutations: readonly Judged[]): Map<unknown, Call[]> {
  const byHelper = new Map<unknown, Call[]>();
  for (const mutation of mutations) {
    const { effects } = mutation;
    if (!effects) continue;
    for (const call of effects.helpers) {
      const chain = [...call.via, call.name];
      const within = ({ via }: { via: readonly string[] }): boolean =>
        chain.every((name, index) => via[index] === name);
      const one: Call = {
        mutation,
        call,
        tables: distinct(effects.writes.filter(within).map((write) => write.table)),
        broadcasts: effects.broadcasts.some(within),
      };
      const list = byHelper.get(call.declaration);
      if (list) list.push(one);
      else byHelper.set(call.declaration, [one]);
    }
  }
  return byHelper;
}

function judgeBlind(report: HelperReport, calls: readonly Call[], owners: TableOwners, found: Found[]): void {
  const left = new Map<string, Set<string>>();
  for (const { mutation, tables } of calls) {
    if (mutation.report.broadcast !== 'yes' || !mutation.complete) continue;
    for (const table of tables) {
      const owner = owners.ownerOf(table);
      if (!owner || owner.modules.some((module) => mutation.reaches.some((path) => tellsOf(path, module)))) continue;
      const module = owner.modules.join(' or ');
      left.set(module, (left.get(module) ?? new Set()).add(mutation.report.path));
    }
  }
  if (left.size === 0) return;
  const callers = distinct([...left.values()].flatMap((paths) => [...paths]));
  const message =
    `${report.name} writes ${listed(report.tables)} and broadcasts nothing; ` +
    `${listed([...left.keys()])} ${left.size === 1 ? 'is' : 'are'} left out of the broadcasts of ${listed(callers)}`;
  found.push({ rule: 'blind-helper', place: placeOf(report), subject: report.name, message });
}

function judgeDatabase(calls: readonly Call[], found: Found[]): void {
  const seen = new Set<string>();
  for (const { call, mutation, tables } of calls) {
    if (call.database !== 'bare' || tables.length === 0 || !isTransactional(call)) continue;
    const { path } = mutation.report;
    const key = `${path} ${call.place.file}:${call.place.line}:${call.place.column}`;
    if (seen.has(key)) continue;
    seen.add(key);
    const message = `${path}: ${call.name} is made for a transaction and is given the bare database`;
    found.push({ rule: 'tx-helper-without-tx', place: placeOf(call.place), subject: path, message, detail: call.name });
  }
}

function isTransactional({ name, declaration }: HelperCall): boolean {
  if (TRANSACTIONAL.test(name)) return true;
  return declaration.parameters.some(
    ({ name: parameter }) => 'text' in parameter && TRANSACTION_PARAMETER.test(parameter.text),
  );
}
