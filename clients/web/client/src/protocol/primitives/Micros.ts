/**
 * Times. On the wire they are µs since 1970-01-01 UTC; in the application milliseconds since then, as `Date.now()` gives them, with the µs behind the point: `new Date(message.sentAt)`.
 */

/** The time of a field; undefined for 0, which says that there is none. */
export function toTime(micros: number): number | undefined {
  return micros === 0 ? undefined : micros / 1000;
}

/** The field of a time. */
export function toMicros(time: number): number {
  return Math.round(time * 1000);
}
