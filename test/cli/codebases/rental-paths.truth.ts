import { told, type Truth } from './truth.js';

/** Query paths in an enum, `as const` maps, helpers with a switch, templates, spreads, `push`, `concat`. */
export const truth: Truth = {
  root: 'src/server/index.ts#appRouter',
  queries: 7,
  mutations: {
    'cars.create': told(['cars'], 'cars.getAll', 'cars.getById'),
    'cars.update': {
      broadcast: 'yes',
      paths: { 'cars.getAll': 'exact', 'bookings.overview': 'phantom', 'cars.update': 'phantom' },
      tables: ['cars'],
    },
    'cars.delete': { ...told(['cars'], 'cars.getAll', 'bookings.getAll'), hard: true },
    'bookings.create': {
      broadcast: 'yes',
      paths: {
        'bookings.getAll': 'exact',
        'bookings.getSummary': 'exact',
        'cars.getAll': 'exact',
        'cars.getAl': 'phantom',
      },
      tables: ['bookings'],
    },
    'bookings.touch': { ...told(['bookings'], 'bookings.getAll', 'bookings.getSummary'), computed: true },
    'drivers.add': {
      broadcast: 'yes',
      paths: { 'drivers.getAll': 'exact', 'drivers.getById': 'exact', 'driver.getStats': 'phantom' },
      tables: ['drivers'],
    },
    'guestTransport.assign': {
      broadcast: 'yes',
      paths: { 'guestTransport.list': 'exact', 'transport.list': 'phantom' },
      tables: ['transports'],
    },
  },
  findings: ['phantom cars.update', 'phantom bookings.create', 'phantom drivers.add', 'phantom guestTransport.assign'],
  nearest: {
    'bookings.overview': 'bookings.getSummary',
    'cars.getAl': 'cars.getAll',
    'transport.list': 'guestTransport.list',
  },
};
