import { ActionLog } from '../../../lib/jsengine/action-log.js';
import { decide } from '../../../lib/jsengine/verdict.js';
import { encode } from '../../support/actions.js';

const NOW = 10_000;

/** Made at 1,000; seqs 1 … 6 arrived at 2,000 … 7,000; 1 and 2 are gone. */
function log(): ActionLog {
  const made = new ActionLog('abc', 1_000, { logActions: 4, logTtlMs: 1e9, logBytes: 1e9 }, () => undefined);
  for (let seq = 1; seq <= 6; seq++) made.append(encode({ timestamp: seq === 5 ? 8_000 : 1 }), 1_000 * (seq + 1));
  return made;
}

describe('SPEC §2, to the millisecond and the seq', () => {
  test.each([
    [{}, 'fresh', 6],
    [{ lastEventId: '' }, 'fresh', 6],
    [{ lastEventId: 'abc.6' }, 'resumed', 6],
    [{ lastEventId: 'abc.2' }, 'resumed', 2],
    [{ lastEventId: 'abc.1' }, 'trimmed', null],
    [{ lastEventId: 'abc.7' }, 'ahead_of_log', null],
    [{ lastEventId: 'abd.2' }, 'epoch_changed', null],
    [{ lastEventId: '0.0' }, 'epoch_changed', null],
    [{ lastEventId: 'abc' }, 'unknown_cursor', null],
    [{ lastEventId: 'abc.6', lastSyncTimestamp: 0 }, 'resumed', 6],
    [{ lastSyncTimestamp: 999 }, 'epoch_changed', null],
    [{ lastSyncTimestamp: 1_000 }, 'trimmed', null],
    [{ lastSyncTimestamp: 3_000 }, 'trimmed', null],
    [{ lastSyncTimestamp: 3_001 }, 'resumed', 2],
    [{ lastSyncTimestamp: 4_000 }, 'resumed', 2],
    [{ lastSyncTimestamp: 4_001 }, 'resumed', 3],
    [{ lastSyncTimestamp: 6_001 }, 'resumed', 4],
    [{ lastSyncTimestamp: 8_000 }, 'resumed', 4],
    [{ lastSyncTimestamp: 8_001 }, 'resumed', 6],
    [{ lastSyncTimestamp: NOW + 60_000 }, 'resumed', 6],
    [{ lastSyncTimestamp: NOW + 60_001 }, 'ahead_of_log', null],
  ])('%j: %s after %s', (position, reason, after) => {
    const verdict = decide(log(), position, NOW);
    expect(verdict.reason).toBe(reason);
    expect(verdict.recovered).toBe(reason === 'resumed');
    expect('after' in verdict ? verdict.after : null).toBe(after);
  });

  test('an empty log: its head resumes, the life before it does not', () => {
    const empty = new ActionLog('abc', 1_000, { logActions: 4, logTtlMs: 1e9, logBytes: 1e9 }, () => undefined);
    expect(decide(empty, { lastEventId: 'abc.0' }, NOW)).toEqual({ reason: 'resumed', recovered: true, after: 0 });
    expect(decide(empty, { lastSyncTimestamp: 1_000 }, NOW)).toEqual({ reason: 'resumed', recovered: true, after: 0 });
    expect(decide(empty, { lastSyncTimestamp: 999 }, NOW).reason).toBe('epoch_changed');
  });
});
