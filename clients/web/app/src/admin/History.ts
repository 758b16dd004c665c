/** What is drawn: each a line over the last minutes. */
export const SERIES = [
  "messagesIn", "messagesOut", "refused", "bytesIn", "bytesOut", "ack50", "ack99", "commit50", "commit99", "connections", "sessions", "lagging", "queued", "memory", "heap", "processors", "paused",
] as const;

export type SeriesName = (typeof SERIES)[number];

/** What was at one moment; undefined where nobody knows. */
export type Sample = Readonly<Record<SeriesName, number | undefined>>;

/** How far back it goes, in seconds. */
export const HISTORY_SECONDS = 600;

/** The last minutes of every series, for charts: times in seconds and values side by side, the oldest first. What is older goes; a time in which nothing was learnt is a gap. */
export class History {
  readonly times: number[] = [];
  readonly #values = new Map<SeriesName, (number | null)[]>(SERIES.map((name) => [name, []]));

  values(name: SeriesName): (number | null)[] {
    return this.#values.get(name)!;
  }

  add(time: number, sample: Sample | undefined): void {
    // A clock that was set back would draw lines across all that is there.
    if (this.times.length > 0 && time <= this.times.at(-1)!) this.clear();
    this.times.push(time);
    for (const [name, values] of this.#values) values.push(sample?.[name] ?? null);
    let old = 0;
    while (this.times[old]! < time - HISTORY_SECONDS) old++;
    if (old === 0) return;
    this.times.splice(0, old);
    for (const values of this.#values.values()) values.splice(0, old);
  }

  clear(): void {
    this.times.length = 0;
    for (const values of this.#values.values()) values.length = 0;
  }

  /** The highest value that is there. */
  highest(name: SeriesName): number | undefined {
    let highest: number | undefined;
    for (const value of this.values(name)) if (value !== null && (highest === undefined || value > highest)) highest = value;
    return highest;
  }

  /** True when a series was above 0 at every moment of so many seconds. */
  isAboveZeroFor(name: SeriesName, seconds: number): boolean {
    const values = this.values(name);
    const begin = this.times.at(-1)! - seconds;
    if (this.times.length === 0 || this.times[0]! > begin) return false;
    for (let at = values.length - 1; at >= 0 && this.times[at]! >= begin; at--) if (!(values[at]! > 0)) return false;
    return true;
  }
}
