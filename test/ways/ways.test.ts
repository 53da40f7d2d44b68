/**
 * One contract for every way: six ways × two dialects × two engines, each claim on each. The ways of a claim run side by
 * side; a row of the table is what came out.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { createHub } from '../../lib/index.js';
import { ENGINES } from '../support/engines.js';
import { within } from '../support/wait.js';
import { CLAIMS, type Claim } from './claims.js';
import { table } from './table.js';
import { DIALECTS, WAYS, type Dialect, type Way } from './ways.js';
import type { EngineKind } from '../support/engines.js';

async function hold(claim: Claim, engine: EngineKind, way: Way, dialect: Dialect): Promise<string> {
  const impossible = way.cannot?.(engine, dialect) ?? claim.cannot?.(way, dialect);
  if (impossible !== undefined) return impossible;
  const hub = createHub({ engine, ...claim.options });
  const gate = await way.start(hub, dialect);
  try {
    await claim.run({ hub, gate, way, dialect });
    return 'holds';
  } catch (thrown) {
    return String(thrown);
  } finally {
    await within(hub.close(), 'the hub to close');
    await gate.close();
  }
}

const COLUMNS = WAYS.flatMap((way) => DIALECTS.map((dialect) => ({ way, dialect, name: `${way.name}, ${dialect}` })));

describe.each(ENGINES)('%s engine', (engine) => {
  test.each(CLAIMS)('$name', async (claim) => {
    const results = await Promise.all(COLUMNS.map(async ({ way, dialect, name }) => [name, await hold(claim, engine, way, dialect)] as const));
    const expected = COLUMNS.map(({ way, dialect, name }) => [name, way.cannot?.(engine, dialect) ?? claim.cannot?.(way, dialect) ?? 'holds']);
    expect(results).toEqual(expected);
  });
});

test('the specification shows this table', () => {
  const spec = readFileSync(path.join(__dirname, '../../lib/SPEC.md'), 'utf8');
  expect(spec).toContain(table());
});
