// npm run demo:offline: Ada is on a train and Bilal in the office, a Chromium each, on the reference server and a PostgreSQL. Three edits in a tunnel, one conflict,
// one merge; it prints what happened, and its exit code is not 0 where something else did. `-- --screenshots FOLDER` keeps pictures.
// `--built` leaves out the set-up (for a caller that has done it).
import { demo } from './demo.mjs';

demo('offline');
