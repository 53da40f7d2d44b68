/** When a process wanted to run and could not: the machine's slowness, which no bound on the product's times is about. */

/** Looked at so often; a look that comes so late is one that could not come. ms */
const LOOK_MS = 100;
const LATE_MS = 300;
/** Of the time between two looks: who used more of it worked, and was not kept from it. */
const OWN_SHARE = 0.5;

/** `found(at, until)`: ms of `now`. Returns what ends it. */
export function watchStarvation(now, found) {
  let last = now();
  let before = process.cpuUsage();
  const timer = setInterval(() => {
    const at = now();
    const { user, system } = process.cpuUsage(before);
    before = process.cpuUsage();
    if (at - last > LATE_MS && (user + system) / 1_000 < OWN_SHARE * (at - last)) found(last, at);
    last = at;
  }, LOOK_MS);
  timer.unref();
  return () => clearInterval(timer);
}
