/** Why something was refused or closed: how often since the broker was started, and in the last minute. */
export interface Reason {
  /** The metric: errors, closed, limited. */
  readonly of: string;
  readonly word: string;
  readonly total: number;
  readonly lastMinute: number;
}

type Parts = ReadonlyMap<string, ReadonlyMap<string, number>>;

const MINUTE = 60_000;

/** Makes a last minute of counts since the start: it keeps what they were for so long. */
export class Reasons {
  readonly #past: { readonly uptime: number; readonly parts: Parts }[] = [];

  /** @param uptime ms since the broker was started: its own clock, which goes back only when it begins anew. */
  take(uptime: number, parts: Parts): Reason[] {
    if (this.#past.length > 0 && uptime < this.#past.at(-1)!.uptime) this.#past.length = 0;
    this.#past.push({ uptime, parts });
    while (this.#past[0]!.uptime < uptime - MINUTE) this.#past.shift();
    const before = this.#past[0]!.parts;
    const reasons: Reason[] = [];
    for (const [of, counts] of parts) {
      for (const [word, total] of counts) if (total > 0) reasons.push({ of, word, total, lastMinute: total - (before.get(of)?.get(word) ?? 0) });
    }

    return reasons.sort((one, other) => other.lastMinute - one.lastMinute || other.total - one.total);
  }
}
