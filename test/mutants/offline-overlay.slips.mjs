// What a person did, laid over what a page shows.
import { jest } from './tests.mjs';

const queries = (name) => jest('test/offline/overlay-queries.test.ts', name);
const link = (name) => jest('test/offline/link.test.ts', name);
const lay = (name) => jest('test/offline/overlay-lay.test.ts', name);
const store = (name) => jest('test/offline/entity-store.test.ts', name);

export const slips = [
  {
    name: 'OV01',
    file: 'lib/offline/overlay/queries.ts',
    why: 'an answer whose fetch began before the ack counts as one that has the change',
    find: ': begin > acked;',
    replace: ': begin > 0;',
    tests: [queries('a fetch that began before the ack')],
  },
  {
    name: 'OV02',
    file: 'lib/offline/overlay/queries.ts',
    why: 'positions say nothing: a node that lags shows the old value',
    find: 'return position !== undefined && item.position !== undefined ? reaches(position, item.position) : begin > acked;',
    replace: 'return begin > acked;',
    tests: [queries('a node that lags')],
  },
  {
    name: 'OV03',
    file: 'lib/offline/overlay/queries.ts',
    why: 'what a cancelled fetch puts back is shown as it was when the fetch began',
    find: 'const given = !one.own && (next.data !== one.state.data || next.dataUpdateCount !== one.state.dataUpdateCount);',
    replace: 'const given = !one.own && next.dataUpdateCount > one.state.dataUpdateCount;',
    tests: [queries('cancelQueries puts back')],
  },
  {
    name: 'OV04',
    file: 'lib/offline/overlay/queries.ts',
    why: 'what was done since is not in what an undo puts back',
    find: 'one.base = since(undone.reduceRight(',
    replace: 'one.base = (undone.reduceRight(',
    tests: [queries('with a change that is done since')],
  },
  {
    name: 'OV05',
    file: 'lib/offline/overlay/queries.ts',
    why: 'what a store held with the change keeps it when it is discarded',
    find: 'if (isMixed(query, one)) one.base = without(query, one, one.base, item);',
    replace: '',
    tests: [queries('out of a store after a reload')],
  },
  {
    name: 'OV06',
    file: 'lib/offline/overlay/overlay.ts',
    why: 'nothing ends what no answer contains',
    find: 'each((holder) => holder.expired(item, again));',
    replace: '',
    tests: [queries('10 s after its ack')],
  },
  {
    name: 'OV07',
    file: 'lib/offline/overlay/overlay.ts',
    why: 'a done change goes at once, whatever lacks it',
    find: 'if (!item.acked || item.released || [...holders].some((holder) => holder.needs(item))) continue;',
    replace: 'if (!item.acked || item.released) continue;',
    tests: [queries('a fetch that began before the ack'), link('an answer has what is kept laid over it')],
  },
  {
    name: 'OV08',
    file: 'lib/offline/overlay/lay.ts',
    why: 'a text takes the place of a date',
    find: '(shown instanceof Date && isScalar(value) ? new Date(value as string) : value)',
    replace: '(shown === undefined ? value : value)',
    tests: [lay('a date stays a date')],
  },
  {
    name: 'OV09',
    file: 'lib/offline/link/offline-link.ts',
    why: 'a call forgets what was done when it began',
    find: 'const place = done.has(item) ? undefined : placeOf',
    replace: 'const place = item.acked || done.has(item) ? undefined : placeOf',
    tests: [link('an answer has what is kept laid over it')],
  },
  {
    name: 'OV10',
    file: 'lib/offline/store/entity-store.ts',
    why: 'a load that began before the answer counts as one that has it',
    find: 'const isLaid = ({ done = Infinity }: Operation): boolean => shown <= done;',
    replace: 'const isLaid = ({ done }: Operation): boolean => done === undefined;',
    tests: [store('what is done is shown at once')],
  },
  {
    name: 'OV11',
    file: 'lib/offline/overlay/queries.ts',
    why: 'what the library keeps of an undo for a cancelled fetch counts as written by hand',
    find: 'if (shown && isObject(next.data) && !bases.has(next.data)) bases.set(next.data, shown);',
    replace: '',
    tests: [queries('a cancelled fetch puts an undo back as it was shown')],
  },
  {
    name: 'OV12',
    file: 'lib/offline/overlay/queries.ts',
    why: 'an older change whose place nobody knows is laid over an answer that has a newer one',
    find: 'later.entry.lane === lane && later.entry.seq >= seq && has(later)',
    replace: 'later.entry.seq === seq && has(later)',
    tests: [queries('of two changes of a row that are done')],
  },
  {
    name: 'OV13',
    file: 'lib/offline/overlay/queries.ts',
    why: 'what is done is laid for a moment over an answer that has it',
    find: 'return fetched ? reads.coming(query, next.dataUpdatedAt) : undefined;',
    replace: 'return undefined;',
    tests: [queries('not for one observer either')],
  },
  {
    name: 'OV14',
    file: 'lib/offline/overlay/queries.ts',
    why: 'what another tab has done long ago hides what somebody else has made of it since',
    find: 'ackedAt < opened ? 0 : (told.get(`tx:${id}`) ?? reads.tick())',
    replace: 'ackedAt < -opened ? 0 : reads.tick()',
    tests: [queries('a change that another tab has done, and this one finds late')],
  },
];
