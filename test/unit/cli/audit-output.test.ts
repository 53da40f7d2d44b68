/** The four forms of a report: what is in them, and that nothing in the audited code can break out of its place. */
import { code, text } from '../../../lib/cli/audit/output/markdown.js';
import { toJson, toMarkdown, toSarif, toTerminal, wantsColours } from '../../../lib/cli/audit/output/index.js';
import { uriOf } from '../../../lib/cli/audit/output/sarif.js';
import { visible, widthOf, wrap } from '../../../lib/cli/terminal/text.js';
import { RULE_TEXTS } from '../../../lib/cli/audit/output/rules.js';
import { RULES, type AuditReport } from '../../../lib/cli/audit/report.js';
import {
  broadcast,
  fn,
  helper,
  mutation,
  query,
  report,
  somewhere,
  tool,
  toolMap,
  write,
} from './audit-findings-model.js';
import { checkSarif } from './audit-output-sarif-shape.js';

const NASTY = 'a|b`c\u001b[31m<script>\n\u202e@all';

function rich(): AuditReport {
  return report(
    [
      query('guests.getAll'),
      query('budget.getSummary'),
      mutation('guests.create', {
        broadcasts: [broadcast(['guests.list', 'guests.getAll', 'budget.overview'], { clientId: 'no' })],
        writes: [write('guests', { operation: 'insert' }), write('budget', { via: ['recalc'], inLoop: true })],
        helpers: [helper('recalc', { declaration: fn() })],
        notes: [{ text: 'a note', ...somewhere() }],
      }),
      mutation('guests.update', {
        broadcasts: [broadcast(['guests.getAll'])],
        writes: [write('guests', { inTransaction: true })],
      }),
      mutation('guests.checkIn', { writes: [write('guests')] }),
      mutation('guests.log', { unseen: [{ what: 'a call', why: 'its target is computed', ...somewhere() }] }),
    ],
    {
      pathMaps: [
        toolMap({ add_guest: ['guests.list'], other: ['guests.getAll'] }),
        toolMap({ budget: ['budget.getStats'] }, 'modules'),
      ],
      executors: [{ name: 'run', tools: [tool('add_guest')], ...somewhere() }],
    },
  );
}

function nasty(): AuditReport {
  const place = somewhere(`src/${NASTY}.ts`);
  return report([
    query('guests.getAll'),
    mutation(`guests.${NASTY}`, {
      broadcasts: [broadcast([NASTY], { condition: NASTY })],
      writes: [write(NASTY, { ...place, inLoop: true })],
      notes: [{ text: NASTY, ...place }],
    }),
    mutation('guests.silent', { writes: [write(NASTY, place)], unseen: [{ what: NASTY, why: NASTY, ...place }] }),
  ]);
}

const CONTROL = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/;

describe('terminal', () => {
  const one = rich();
  const shown = toTerminal(one, { width: 100 });

  test('has a table per router, coverage, phantoms, tools, functions, findings, and what was not seen', () => {
    for (const title of [
      'guests',
      'Coverage',
      'Phantom query paths',
      'Tools',
      'Maps to query paths',
      'Functions that write',
      'Findings',
      'Not seen',
    ]) {
      expect(shown).toMatch(new RegExp(`^${title}\\b`, 'm'));
    }
    expect(shown).toMatch(/^ {2}create +yes +outside +writes guests, budget$/m);
    expect(shown).toContain('guests.list ✗ → guests.getAll');
    expect(shown).toContain('budget.overview ✗ → budget.getSummary');
    expect(shown).toMatch(/^ {2}checkIn +NO +outside +writes guests$/m);
    expect(shown).toMatch(/^ {2}log +unknown +–/m);
    expect(shown).toContain('! non-atomic');
    expect(shown).toContain('· a note');
    expect(shown).toMatch(/^ {2}TOTAL +4 +2 +1 +0 +1 +50 %$/m);
    expect(shown).toContain('a call: its target is computed (guests.log)');
  });

  test.each([80, 100, 120, 160])('fits %i columns', (width) => {
    for (const each of [one, nasty()]) {
      for (const line of toTerminal(each, { width, verbose: true }).split('\n'))
        expect(widthOf(line)).toBeLessThanOrEqual(width);
    }
  });

  test('from 110 columns on tables have a column of their own', () => {
    expect(toTerminal(rich(), { width: 110 })).toMatch(/tables written +query paths/);
    expect(shown).toContain('tables, query paths, remarks');
  });

  test('is plain without colours, and colours change no character', () => {
    expect(shown).not.toMatch(CONTROL);
    const coloured = toTerminal(one, { width: 100, colours: true });
    expect(coloured).toContain('\u001b[31m');
    expect(coloured.replace(/\u001b\[\d+m/g, '').replace(/ +$/gm, '')).toBe(shown);
  });

  test('nothing in a name reaches the terminal as a control character', () => {
    const lines = toTerminal(nasty(), { verbose: true });
    expect(lines).not.toMatch(CONTROL);
    expect(lines).toContain('\\x1b[31m');
    expect(lines).toContain('\\u202e');
  });

  test('long lists end early and say so; --verbose shows them', () => {
    const many = report([
      mutation('a.b', {
        unseen: Array.from({ length: 50 }, (_, index) => ({ what: `thing ${index}`, why: 'far', ...somewhere() })),
      }),
    ]);
    expect(toTerminal(many)).toContain('… and 30 more; --verbose shows all');
    expect(toTerminal(many)).not.toContain('thing 49');
    expect(toTerminal(many, { verbose: true })).toContain('thing 49');
  });

  test('where all was followed it says that too', () => {
    expect(toTerminal(report([query('a.b')]))).toContain('Everything could be followed.');
  });

  test('colours are for terminals, and not for who wants none', () => {
    expect(wantsColours({ isTTY: true }, {})).toBe(true);
    expect(wantsColours({ isTTY: true }, { NO_COLOR: '' })).toBe(true);
    expect(wantsColours({ isTTY: true }, { NO_COLOR: '1' })).toBe(false);
    expect(wantsColours({ isTTY: true }, { TERM: 'dumb' })).toBe(false);
    expect(wantsColours({}, {})).toBe(false);
  });
});

describe('text', () => {
  test('is broken at blanks, and inside a word only where it must', () => {
    expect(wrap('one two three', 7)).toEqual(['one two', 'three']);
    expect(wrap('guests.getAllWithGuests', 12)).toEqual(['guests.', 'getAllWithGu', 'ests']);
    expect(wrap('', 5)).toEqual(['']);
    expect(widthOf('日本')).toBe(4);
    expect(wrap('日本語', 4)).toEqual(['日本', '語']);
    expect(visible('a\u0000b\ud800')).toBe('a\\x00b\\ud800');
  });
});

describe('json', () => {
  test('is the report, with totals on one line in their order', () => {
    const one = rich();
    const json = toJson(one);
    expect(JSON.parse(json)).toEqual(JSON.parse(JSON.stringify(one)));
    expect(json).toMatch(/^"totals":\{"mutations":4,"broadcasting":2,"silent":1,"declaredSilent":0,"unknown":1,/m);
    expect(JSON.parse(toJson(nasty())).mutations[0].path).toBe(`guests.${NASTY}`);
  });
});

describe('markdown', () => {
  test('has the figures, coverage, and a folded table per rule', () => {
    const shown = toMarkdown(rich());
    expect(shown).toContain('| **total** | 4 | 2 | 1 | 0 | 1 | 50 % |');
    expect(shown).toContain('| `guests.list` | `guests.getAll` |');
    expect(shown).toContain('<details><summary>silent: 1 (error)</summary>');
    expect(shown).toContain('<details><summary>Not seen (2)</summary>');
  });

  test('names cannot end a cell, a code span or a line', () => {
    expect(code('guests.getAll')).toBe('`guests.getAll`');
    expect(code('a|b`c<i>')).toBe('<code>a&#124;b&#96;c&#60;i&#62;</code>');
    expect(text('@all \\| _x_ snake_case #12 http://x')).toBe(
      '&#64;all &#92;&#124; &#95;x&#95; snake_case &#35;12 http&#58;//x',
    );
    const shown = toMarkdown(nasty());
    expect(shown).not.toMatch(CONTROL);
    expect(shown).not.toContain('<script>');
    expect(shown).not.toContain('@all');
    const rows = shown.split('\n').filter((line) => line.startsWith('|'));
    const columns = (row: string): number => row.split('|').length;
    for (const [index, row] of rows.entries()) {
      // Every row has as many cells as the head of its table.
      const head = rows
        .slice(0, index + 1)
        .findLastIndex((line, at) => rows[at + 1]?.includes('---') && !line.includes('---'));
      expect(columns(row)).toBe(columns(rows[head]!));
    }
  });

  test('stays below what a comment may hold, and says what is left out', () => {
    const many = report(
      Array.from({ length: 3000 }, (_, index) =>
        mutation(`router.${'long'.repeat(60)}${index}`, { writes: [write('table'), write('other')] }),
      ),
    );
    const shown = toMarkdown(many);
    expect(shown.length).toBeLessThan(65_536);
    expect(shown).toMatch(/… and \d+ more|sections are left out/);
  });
});

describe('sarif', () => {
  const options = { version: '1.2.3', base: 'packages/app' };

  test('has the shape that the standard and code scanning ask for', () => {
    for (const one of [rich(), nasty(), report([])]) expect(checkSarif(JSON.parse(toSarif(one, options)))).toEqual([]);
  });

  test('every rule is there with its level and help; every finding has rule, place and fingerprint', () => {
    const one = rich();
    const [run] = JSON.parse(toSarif(one, options)).runs;
    expect(run.tool.driver.rules.map((rule: any) => [rule.id, rule.defaultConfiguration.level])).toEqual(
      Object.entries(RULES),
    );
    expect(run.results).toHaveLength(one.findings.length);
    for (const [index, result] of run.results.entries()) {
      const finding = one.findings[index]!;
      expect(run.tool.driver.rules[result.ruleIndex].id).toBe(finding.rule);
      expect(result.level).toBe(finding.severity);
      expect(result.locations[0].physicalLocation.artifactLocation.uri).toBe(`packages/app/${finding.file}`);
      expect(result.locations[0].physicalLocation.region.startLine).toBe(finding.line);
    }
    const prints = run.results.map((result: any) => result.partialFingerprints['pathcast/v1']);
    expect(new Set(prints).size).toBe(prints.length);
    expect(run.invocations[0].toolExecutionNotifications).toHaveLength(one.unseen.length);
  });

  test('files are URI references, whatever they are called', () => {
    expect(uriOf('', 'src/a b#c?.ts')).toBe('src/a%20b%23c%3F.ts');
    expect(uriOf('x/y', 'c:evil/%41.ts')).toBe('x/y/c%3Aevil/%2541.ts');
    expect(uriOf('', '\ud800.ts')).toBe('%EF%BF%BD.ts');
  });

  test('known findings are suppressed and unchanged, others new', () => {
    const one = rich();
    const marked = { ...one, findings: one.findings.map((finding, index) => ({ ...finding, known: index === 0 })) };
    const [run] = JSON.parse(toSarif(marked, options)).runs;
    expect(run.results[0]).toMatchObject({ baselineState: 'unchanged', suppressions: [{ kind: 'external' }] });
    expect(run.results[1]).toMatchObject({ baselineState: 'new' });
    expect(run.results[1].suppressions).toBeUndefined();
  });
});

test('each rule has its text', () => {
  for (const rule of Object.keys(RULES) as (keyof typeof RULES)[]) {
    const { title, why, help } = RULE_TEXTS[rule];
    for (const part of [title, why, help]) expect(part.length).toBeGreaterThan(10);
  }
});

describe('tables', () => {
  const names = Array.from({ length: 14 }, (_, index) => `table${String(index).padStart(2, '0')}`);
  const one = report([
    ...['a', 'b', 'c', 'd'].map((name) => query(`guests.${name}`, ['guests', 'hotels'])),
    query('guests.all', names),
    mutation('guests.create', { writes: [write('guests'), write('?')] }),
  ]);

  test('the report says who writes and who reads each, by name', () => {
    expect(one.tables.slice(0, 2)).toEqual([
      { name: 'guests', writers: ['guests.create'], readers: ['guests.a', 'guests.b', 'guests.c', 'guests.d'] },
      { name: 'hotels', writers: [], readers: ['guests.a', 'guests.b', 'guests.c', 'guests.d'] },
    ]);
    expect(one.tables).toHaveLength(16);
    expect(one.queries.find(({ path }) => path === 'guests.a')).toMatchObject({ router: 'guests', tables: ['guests', 'hotels'], complete: true });
  });

  test('a query that was not followed to the end says so, there and under what was not seen', () => {
    const open = report([{ ...query('guests.a', ['guests']), unread: [{ what: 'load()', why: 'its code could not be found', ...somewhere() }] }]);
    expect(open.queries[0]).toMatchObject({ path: 'guests.a', complete: false });
    expect(open.unseen).toEqual([expect.objectContaining({ what: 'load()', subject: 'guests.a' })]);
    expect(toTerminal(open, { width: 80 })).toContain('load(): its code could not be found (guests.a)');
  });

  test('at 80 columns the busiest ten stand after the summary, with three names each', () => {
    const text = toTerminal(one, { width: 80 });
    const lines = text.slice(text.indexOf('\nTables\n')).split('\n');
    expect(lines[3]).toMatch(/^ {2}guests {2,}guests\.create {2,}guests\.a$/);
    expect(text).toContain('and 1 more');
    expect(text).toContain('… and 6 more; --verbose shows all');
    expect(text.indexOf('\nSummary')).toBeLessThan(text.indexOf('\nTables'));
    expect(text.replace(/\s+/g, ' ')).toContain('5 queries of 5 read 16 tables; 0 could not be followed to the end.');
    expect(Math.max(...text.split('\n').map(widthOf))).toBeLessThanOrEqual(80);
    expect(toTerminal(one, { verbose: true })).toContain('table13');
    expect(toMarkdown(one)).toContain('| `guests` | `guests.create` | `guests.a`, `guests.b`, `guests.c`, `guests.d` |');
  });
});
