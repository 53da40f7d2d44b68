/** The app's router: ten modules and the stream. */
import type { Hub } from '../../server/hub.js';
import type { Module } from '../announcer.js';
import { router } from '../trpc.js';
import { budgetRouter } from './budget.js';
import { clientsRouter } from './clients.js';
import { eventsRouter } from './events.js';
import { floorPlansRouter } from './floor-plans.js';
import { giftsRouter } from './gifts.js';
import { guestTransportRouter } from './guest-transport.js';
import { guestsRouter } from './guests.js';
import { hotelsRouter } from './hotels.js';
import { createSyncRouter } from './sync.js';
import { timelineRouter } from './timeline.js';
import { vendorsRouter } from './vendors.js';

export function createAppRouter(hub: Hub<Module>, heartbeatMs: number) {
  return router({
    clients: clientsRouter,
    guests: guestsRouter,
    budget: budgetRouter,
    events: eventsRouter,
    timeline: timelineRouter,
    vendors: vendorsRouter,
    hotels: hotelsRouter,
    guestTransport: guestTransportRouter,
    gifts: giftsRouter,
    floorPlans: floorPlansRouter,
    sync: createSyncRouter(hub, heartbeatMs),
  });
}

export type AppRouter = ReturnType<typeof createAppRouter>;
