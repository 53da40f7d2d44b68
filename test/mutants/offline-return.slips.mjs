// Offline: the clock of the ids, the network by proof, the way back, conflicts, versions.
import { jest } from './tests.mjs';

const clock = jest('test/offline/clock/hlc.test.ts');
const network = jest('test/offline/network/network.test.ts');
const coordinator = jest('test/offline/coordinator.test.ts');
const versions = jest('test/offline/versions.test.ts');

export const slips = [
  {
    name: 'OR01',
    file: 'lib/offline/clock/hlc.ts',
    why: 'a clock that is set back takes its ids with it',
    find: 'if (device > wall) [wall, logical]',
    replace: 'if (device !== wall) [wall, logical]',
    tests: [clock],
  },
  {
    name: 'OR02',
    file: 'lib/offline/clock/hlc.ts',
    why: 'an id of a mad clock is believed',
    find: 'if (hears && ahead > maxDriftMs)',
    replace: 'if (hears && ahead < -maxDriftMs)',
    tests: [clock],
  },
  {
    name: 'OR03',
    file: 'lib/offline/network/network.ts',
    why: 'what an old probe answers counts',
    find: 'if (asking !== own) return;',
    replace: '',
    tests: [network],
  },
  {
    name: 'OR04',
    file: 'lib/offline/network/network.ts',
    why: 'a login page that leads elsewhere is followed',
    find: "redirect: 'manual'",
    replace: "redirect: 'follow'",
    tests: [jest('test/offline/network/servers.test.ts')],
  },
  {
    name: 'OR05',
    file: 'lib/offline/sync/return.ts',
    why: 'a pause is lifted before the next one stands',
    find: "if (is && moves) effects.push({ do: 'pause', reason: is }); if (was && moves) effects.push({ do: 'resume', reason: was });",
    replace: "if (was && moves) effects.push({ do: 'resume', reason: was }); if (is && moves) effects.push({ do: 'pause', reason: is });",
    tests: [coordinator],
  },
  {
    name: 'OR06',
    file: 'lib/offline/sync/coordinator.ts',
    why: 'it sends while a conflict is being written down',
    find: 'covered = !writing;',
    replace: '',
    tests: [coordinator],
  },
  {
    name: 'OR07',
    file: 'lib/offline/outbox/entry.ts',
    why: 'what was sent already is marked',
    find: "state === 'queued' && !attempts",
    replace: "state === 'queued'",
    tests: [coordinator],
  },
  {
    name: 'OR08',
    file: 'lib/offline/sync/versions.ts',
    why: 'what could not be kept is forgotten',
    find: 'for (const name of names) dirty.add(name);',
    replace: '',
    tests: [versions],
  },
  {
    name: 'OR09',
    file: 'lib/offline/sync/coordinator.ts',
    why: 'a late ack takes back what the stream has told since: the next change is in conflict with what its user has seen',
    find: 'if (!told.has(entry.id)) versions.acked(entry);',
    replace: 'versions.acked(entry);',
    tests: [coordinator],
  },
  {
    name: 'OR10',
    file: 'lib/offline/sync/return.ts',
    why: 'it sends before it has caught up',
    find: "!verified ? 'away' : !caughtUp && !isLate ? 'catching_up' :",
    replace: "!verified ? 'away' :",
    tests: [coordinator],
  },
];
