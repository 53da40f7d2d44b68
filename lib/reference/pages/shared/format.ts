/** Numbers and moments as people read them. */

const money = new Intl.NumberFormat('en', { style: 'currency', currency: 'EUR', maximumFractionDigits: 0 });
const whole = new Intl.NumberFormat('en');
const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });

export const euros = (cents: number): string => money.format(cents / 100);
export const number = (value: number): string => whole.format(value);
export const short = (value: number): string => compact.format(value);

/** `1 guest`, `2 guests` */
export const plural = (count: number, one: string): string => `${number(count)} ${one}${count === 1 ? '' : 's'}`;

export function milliseconds(ms: number): string {
  if (ms < 1) return `${(ms * 1000).toFixed(0)} µs`;
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  return ms < 1000 ? `${ms.toFixed(0)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** `40 s`, `12 min`, `3 h`, `2 days` */
export function span(seconds: number): string {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3_600)} h` : plural(Math.round(seconds / 86_400), 'day');
}

export function bytes(count: number): string {
  if (count < 1023.5) return `${Math.round(count)} B`;
  if (count < 1048576) return `${(count / 1024).toFixed(1)} KiB`;
  return count < 1073741824 ? `${(count / 1048576).toFixed(1)} MiB` : `${(count / 1073741824).toFixed(1)} GiB`;
}

const dayAndHour = new Intl.DateTimeFormat('en', { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', hour12: false, timeZone: 'UTC' });
export const moment = (at: number | null): string => (at === null ? '—' : dayAndHour.format(at));

const clock = new Intl.DateTimeFormat('en', { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false });
export const timeOfDay = (at: number): string => clock.format(at);

const date = new Intl.DateTimeFormat('en', { day: 'numeric', month: 'short', year: 'numeric' });
/** `at 22:53:35`; of another day, `on Nov 28, 2026 at 22:53:35` */
export const when = (at: number, now = Date.now()): string => `${date.format(at) === date.format(now) ? '' : `on ${date.format(at)} `}at ${timeOfDay(at)}`;
