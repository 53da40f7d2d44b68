/** SARIF 2.1.0, as GitHub code scanning takes it. */
import { RULES, type AuditReport, type Finding, type Place, type Rule, type Severity } from '../report.js';
import { RULE_TEXTS } from './rules.js';
import { visible } from '../../terminal/text.js';

export interface SarifOptions {
  version: string;
  /** Way from the repository to the audited folder, with `/`; '' where they are one. Code scanning counts from the repository. */
  base?: string;
}

/** Results that code scanning takes of one run; above it they are cut, and a notification says so. */
const MAX_RESULTS = 25_000;
const SCHEMA = 'https://json.schemastore.org/sarif-2.1.0.json';

export function toSarif(report: AuditReport, { version, base = '' }: SarifOptions): string {
  const ids = Object.keys(RULES) as Rule[];
  const location = (place: Place): object => ({
    physicalLocation: {
      artifactLocation: { uri: uriOf(base, place.file), uriBaseId: '%SRCROOT%' },
      region: { startLine: Math.max(1, place.line), startColumn: Math.max(1, place.column) },
    },
  });
  const seen = new Map<string, number>();
  const result = (finding: Finding): object => {
    const number = (seen.get(finding.fingerprint) ?? 0) + 1;
    seen.set(finding.fingerprint, number);
    return {
      ruleId: finding.rule,
      ruleIndex: ids.indexOf(finding.rule),
      level: finding.severity,
      message: { text: visible(finding.message) },
      locations: [
        {
          ...location(finding),
          ...(finding.subject === undefined
            ? {}
            : { logicalLocations: [{ fullyQualifiedName: visible(finding.subject) }] }),
        },
      ],
      partialFingerprints: { 'pathcast/v1': `${finding.fingerprint}:${number}` },
      ...(finding.known === undefined ? {} : { baselineState: finding.known ? 'unchanged' : 'new' }),
      ...(finding.known === true ? { suppressions: [{ kind: 'external', justification: 'In the baseline.' }] } : {}),
    };
  };
  const cut = report.findings.length - MAX_RESULTS;
  const notifications = [
    ...(cut > 0 ? [{ level: 'warning', message: { text: `${cut} results are left out.` } }] : []),
    ...report.unseen.map((one) => ({
      level: 'note',
      descriptor: { id: 'not-seen' },
      message: { text: visible(`Not seen: ${one.what}: ${one.why}`) },
      locations: [location(one)],
    })),
  ];
  const log = {
    $schema: SCHEMA,
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'pathcast audit',
            semanticVersion: version,
            rules: ids.map(ruleOf),
            notifications: [{ id: 'not-seen', shortDescription: { text: 'Code that the audit could not follow' } }],
          },
        },
        columnKind: 'utf16CodeUnits',
        invocations: [{ executionSuccessful: true, toolExecutionNotifications: notifications }],
        results: report.findings.slice(0, MAX_RESULTS).map(result),
        properties: { totals: report.totals },
      },
    ],
  };
  return `${JSON.stringify(log, null, 1)}\n`;
}

const PROBLEM: Readonly<Record<Severity, string>> = { error: 'error', warning: 'warning', note: 'recommendation' };

function ruleOf(id: Rule): object {
  const { title, why, help } = RULE_TEXTS[id];
  return {
    id,
    name: pascal(id),
    shortDescription: { text: title },
    fullDescription: { text: why },
    help: { text: `${why} ${help.replaceAll('`', '')}`, markdown: `${why}\n\n${help}` },
    defaultConfiguration: { level: RULES[id] },
    properties: { tags: ['real-time', 'trpc'], precision: 'high', 'problem.severity': PROBLEM[RULES[id]] },
  };
}

const pascal = (id: string): string => id.replace(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase());

/** A relative URI reference: each segment escaped, none taken for a scheme. */
export function uriOf(base: string, file: string): string {
  return [...base.split('/'), ...file.split('/')]
    .filter((segment) => segment !== '' && segment !== '.')
    .map((segment) => encodeURIComponent(segment.replace(/\p{Surrogate}/gu, '\ufffd')))
    .join('/');
}
