/**
 * What the SARIF 2.1.0 schema requires of the parts that the audit writes, and what GitHub code scanning asks for besides:
 * https://docs.oasis-open.org/sarif/sarif/v2.1.0/ and "SARIF support for code scanning".
 */
type Check = (value: unknown, at: string) => string[];

const says =
  (test: (value: unknown) => boolean, what: string): Check =>
  (value, at) =>
    test(value) ? [] : [`${at} must be ${what}`];
const text = says((value) => typeof value === 'string' && value.length > 0, 'a text');
const whole = (least: number): Check =>
  says((value) => Number.isSafeInteger(value) && (value as number) >= least, `a whole number from ${least}`);
const one = (...allowed: unknown[]): Check => says((value) => allowed.includes(value), `one of ${allowed.join(', ')}`);
const matching = (pattern: RegExp): Check =>
  says((value) => typeof value === 'string' && pattern.test(value), `like ${pattern}`);
const list =
  (check: Check): Check =>
  (value, at) =>
    Array.isArray(value) ? value.flatMap((item, index) => check(item, `${at}[${index}]`)) : [`${at} must be a list`];
const map =
  (check: Check): Check =>
  (value, at) =>
    Object.entries(value as object).flatMap(([key, item]) => check(item, `${at}.${key}`));

/** `additionalProperties: false`, as the schema has it for each of these. */
const object =
  (required: Record<string, Check>, optional: Record<string, Check> = {}): Check =>
  (value, at) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return [`${at} must be an object`];
    const checks = { ...required, ...optional };
    const record = value as Record<string, unknown>;
    return [
      ...Object.keys(required)
        .filter((key) => record[key] === undefined)
        .map((key) => `${at}.${key} is missing`),
      ...Object.entries(record).flatMap(
        ([key, item]) => checks[key]?.(item, `${at}.${key}`) ?? [`${at}.${key} is not allowed`],
      ),
    ];
  };

const any: Check = () => [];
const level = one('none', 'note', 'warning', 'error');
const message = object({ text });
const relativeUri = matching(/^(?![a-z][a-z0-9+.-]*:|\/)(?:[\w.~!$&'()*+,;=@/-]|%[0-9A-F]{2})+$/i);
const location = object(
  {
    physicalLocation: object({
      artifactLocation: object({ uri: relativeUri, uriBaseId: text }),
      region: object({ startLine: whole(1), startColumn: whole(1) }),
    }),
  },
  { logicalLocations: list(object({ fullyQualifiedName: text })) },
);

const rule = object({
  id: text,
  name: text,
  shortDescription: message,
  fullDescription: message,
  help: object({ text, markdown: text }),
  defaultConfiguration: object({ level }),
  properties: object({
    tags: list(text),
    precision: one('very-high', 'high', 'medium', 'low'),
    'problem.severity': one('error', 'warning', 'recommendation'),
  }),
});

const result = object(
  {
    ruleId: text,
    ruleIndex: whole(0),
    level,
    message,
    locations: (value, at) => [
      ...list(location)(value, at),
      ...(Array.isArray(value) && value.length === 1 ? [] : [`${at} must have one place`]),
    ],
    partialFingerprints: map(text),
  },
  {
    baselineState: one('new', 'unchanged', 'updated', 'absent'),
    suppressions: list(object({ kind: one('inSource', 'external') }, { justification: text })),
  },
);

const log = object({
  $schema: matching(/^https:\/\//),
  version: one('2.1.0'),
  runs: list(
    object({
      tool: object({
        driver: object({
          name: text,
          semanticVersion: matching(/^\d+\.\d+\.\d+/),
          rules: list(rule),
          notifications: list(object({ id: text, shortDescription: message })),
        }),
      }),
      columnKind: one('utf16CodeUnits', 'unicodeCodePoints'),
      invocations: list(
        object({
          executionSuccessful: one(true, false),
          toolExecutionNotifications: list(
            object({ level, message, descriptor: object({ id: text }) }, { locations: list(location) }),
          ),
        }),
      ),
      results: list(result),
      properties: any,
    }),
  ),
});

/** What is wrong with it, one line each. */
export const checkSarif = (value: unknown): string[] => log(value, 'log');
