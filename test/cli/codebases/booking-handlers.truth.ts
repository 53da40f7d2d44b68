import { quiet, told, type Truth } from './truth.js';

/** A handler file for each procedure, imported when it is called; routers three deep; `paths` inherited by `extends`. */
export const truth: Truth = {
  root: 'server/routers/_app.ts#appRouter',
  queries: 3,
  mutations: {
    'viewer.bookings.add': told(['booking', 'attendees|attendee'], 'viewer.bookings.list', 'viewer.slots.getSchedule'),
    'viewer.bookings.cancel': {
      broadcast: 'yes',
      paths: { 'viewer.bookings': 'prefix' },
      tables: ['attendee', 'booking'],
      transaction: 'inside',
    },
    'viewer.bookings.confirm': {
      broadcast: 'yes',
      paths: { 'bookings.list': 'phantom', 'bookings.get': 'phantom' },
      tables: ['booking'],
    },
    'viewer.bookings.markSeen': quiet('booking'),
    'viewer.slots.removeSelectedSlotMark': quiet('selectedSlots'),
  },
  findings: [
    'broadcast-in-transaction viewer.bookings.cancel',
    'phantom viewer.bookings.confirm',
    'silent viewer.bookings.markSeen',
    'silent viewer.slots.removeSelectedSlotMark',
  ],
  nearest: { 'bookings.list': 'viewer.bookings.list', 'bookings.get': 'viewer.bookings.get' },
};
