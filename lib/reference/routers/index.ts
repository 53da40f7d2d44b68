/** The app's router: ten modules and the stream. */
import type { Hub } from '../../server/hub.js';
import type { Module } from '../modules.js';
import type { Kit } from '../trpc.js';
import { createBudgetRouter } from './budget.js';
import { createClientsRouter } from './clients.js';
import { createEventsRouter } from './events.js';
import { createFloorPlansRouter } from './floor-plans.js';
import { createGiftsRouter } from './gifts.js';
import { createGuestTransportRouter } from './guest-transport.js';
import { createGuestsRouter } from './guests.js';
import { createHotelsRouter } from './hotels.js';
import { createSyncRouter, type StatusFacts } from './sync.js';
import { createTimelineRouter } from './timeline.js';
import { createVendorsRouter } from './vendors.js';

export function createAppRouter(kit: Kit, hub: Hub<Module>, status: StatusFacts) {
  return kit.router({
    clients: createClientsRouter(kit),
    guests: createGuestsRouter(kit),
    budget: createBudgetRouter(kit),
    events: createEventsRouter(kit),
    timeline: createTimelineRouter(kit),
    vendors: createVendorsRouter(kit),
    hotels: createHotelsRouter(kit),
    guestTransport: createGuestTransportRouter(kit),
    gifts: createGiftsRouter(kit),
    floorPlans: createFloorPlansRouter(kit),
    sync: createSyncRouter(kit, hub, status),
  });
}

/** An interface, so that what is inferred from it names it: written out it is longer than the compiler allows. */
// eslint-disable-next-line @typescript-eslint/no-empty-object-type -- as above
export interface AppRouter extends ReturnType<typeof createAppRouter> {}
