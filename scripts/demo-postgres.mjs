// npm run demo:postgres: two nodes of the reference server on one PostgreSQL and one Redis, a Chromium at each. The app, psql, Drizzle, Prisma and a trigger
// write; it prints how long each took from its commit to each screen, and from the commit to a bare reader of the WAL. `-- --rounds 20`; default 200 of each.
// `--built` leaves out the set-up (for a caller that has done it).
import { demo } from './demo.mjs';

demo('postgres');
