import { quiet, told, type Truth } from './truth.js';

/** pathcast's own map and middleware, with mistakes in the map and one procedure that the middleware never sees. */
export const truth: Truth = {
  root: 'src/app-router.ts#appRouter',
  queries: 3,
  mutations: {
    'rooms.create': told(['rooms'], 'rooms.list'),
    'rooms.update': { broadcast: 'yes', paths: { rooms: 'prefix', 'rooms.byId': 'exact' }, tables: ['rooms'] },
    'rooms.ping': { broadcast: 'silent' },
    'guests.checkIn': { broadcast: 'yes', paths: { 'guests.list': 'exact', rooms: 'prefix' }, tables: ['guests'] },
    'guests.checkOut': { broadcast: 'yes', paths: { 'guests.lst': 'phantom' }, tables: ['guests'] },
    'guests.audit': quiet('audits'),
    'guests.swap': { ...told(['guests'], 'guests.list'), transaction: 'inside' },
  },
  findings: [
    'invalid-map guests.checkOut',
    'invalid-map guests.checkout',
    'invalid-map check_out',
    'silent guests.audit',
  ],
  debatable: ['phantom guests.checkOut', 'cascade guests.checkOut'],
  nearest: { 'guests.lst': 'guests.list' },
};
