/** Times as people read them, in the language of their browser. The formats are made once: making one takes a thousand times as long as using it. */
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "short" });
const day = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
const dayOfYear = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long", year: "numeric" });
const short = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const shortOfYear = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "2-digit" });
const weekday = new Intl.DateTimeFormat(undefined, { weekday: "short" });

const DAY = 86_400_000;

export function clockTime(time: number): string {
  return clock.format(time);
}

/** Without AM and PM, for where there is little room and the whole time stands nearby. */
export function shortClockTime(time: number): string {
  return clock.formatToParts(time).filter((part) => part.type !== "dayPeriod").map((part) => part.value).join("").trim();
}

export function fullTime(time: number): string {
  return full.format(time);
}

/** A number that is the same for all moments of a day here. */
export function dayNumber(time: number): number {
  const date = new Date(time);
  return date.getFullYear() * 10_000 + date.getMonth() * 100 + date.getDate();
}

export function dayName(time: number, now = Date.now()): string {
  const number = dayNumber(time);
  if (number === dayNumber(now)) return "Today";
  if (number === dayNumber(now - DAY)) return "Yesterday";
  return (new Date(time).getFullYear() === new Date(now).getFullYear() ? day : dayOfYear).format(time);
}

/** As short as it can be, for the list of rooms. */
export function listTime(time: number, now = Date.now()): string {
  if (dayNumber(time) === dayNumber(now)) return clock.format(time);
  if (now - time < 6 * DAY) return weekday.format(time);
  return (new Date(time).getFullYear() === new Date(now).getFullYear() ? short : shortOfYear).format(time);
}

/** How long ago, roughly. */
export function ago(time: number, now = Date.now()): string {
  const minutes = Math.round((now - time) / 60_000);
  if (minutes < 2) return "just now";
  if (minutes < 60) return `${minutes} minutes ago`;
  const hours = Math.round(minutes / 60);
  if (hours < 24) return hours === 1 ? "an hour ago" : `${hours} hours ago`;
  return listTime(time, now);
}

export function fileSize(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 1_000_000) return `${Math.round(bytes / 1000)} KB`;
  return `${(bytes / 1_000_000).toFixed(bytes < 10_000_000 ? 1 : 0)} MB`;
}
