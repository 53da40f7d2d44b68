/** That the oracle can see: what a careless developer says in a `where` is found within a few schemas. */
import { WRONGS } from './oracle/mutations.js';
import { seenAfter } from './oracle/report.js';

jest.setTimeout(3_600_000);

test.each(WRONGS)('a where that is wrong is seen: %s', async (wrong) => {
  const hub = { engine: 'js', connectionCapBytes: 4_096, log: { compactAfter: 2 } } as const;
  expect(await seenAfter(40, { hubs: [hub], sockets: false, wrong })).toBeDefined();
});
