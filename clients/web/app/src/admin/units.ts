/** Numbers as people read them: three digits that mean something, and a unit. The formats are made once: making one takes a thousand times as long as using it. */
const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const three = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const moment = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

/** What stands where nobody knows. */
export const UNKNOWN = "–";

export type Format = (value: number | undefined | null) => string;

function made(format: (value: number) => string): Format {
  return (value) => (value === undefined || value === null || !Number.isFinite(value) ? UNKNOWN : format(value));
}

export const count: Format = made((value) => (Math.abs(value) < 100_000 ? whole.format(value) : scaled(value, 1000, ["", "k", "M", "G"])));
export const perSecond: Format = made((value) => `${value < 10 ? three.format(Math.round(value * 10) / 10) : count(value)}/s`);
export const bytes: Format = made((value) => scaled(value, 1024, [" B", " KiB", " MiB", " GiB", " TiB"]));
export const bytesPerSecond: Format = made((value) => `${bytes(value)}/s`);
/** What waits for the shards. A command or two is what always does: the one that asks is among them. */
export const queued: Format = made((value) => (value < 1024 ? "nothing queued" : `${bytes(value)} queued`));
export const percent: Format = made((value) => `${three.format(Math.round(value * 1000) / 10)} %`);
export const processors: Format = made((value) => three.format(Math.round(value * 100) / 100));

/** Of µs. */
export const duration: Format = made((value) => (value < 1000 ? `${whole.format(value)} µs` : value < 1_000_000 ? `${three.format(value / 1000)} ms` : `${three.format(value / 1_000_000)} s`));

/** Of ms, roughly, as two units at the most. */
export const age: Format = made((value) => {
  const seconds = Math.floor(value / 1000);
  const [days, hours, minutes] = [Math.floor(seconds / 86_400), Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60];
  return days > 0 ? `${days} d ${hours} h` : hours > 0 ? `${hours} h ${minutes} min` : minutes > 0 ? `${minutes} min` : `${seconds} s`;
});

/** A moment, of ms. */
export const time: Format = made((value) => clock.format(value));
export const date: Format = made((value) => moment.format(value));

function scaled(value: number, base: number, units: readonly string[]): string {
  let step = 0;
  while (Math.abs(value) >= base && step < units.length - 1) {
    value /= base;
    step++;
  }

  return `${step === 0 ? whole.format(value) : three.format(value)}${units[step]}`;
}
