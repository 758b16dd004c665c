/**
 * Which part of a log is drawn, and where, without ever moving what somebody reads.
 *
 * The log has a place for every sequence from 1 to its head, up to millions; only a stretch of rows, a few screens around what is in view, exists as elements. Above and below it stand two empty spacers as high as the rest is
 * estimated to be, so that the ordinary scroll bar spans the whole log and can be dragged anywhere. Rows that are added or taken away above the view, or change their height there, are balanced by the upper spacer, never by moving
 * the scroll position: a finger or a wheel in motion is not disturbed. Only where the estimate runs out (the upper spacer has no more room, or is left over at the very first row) both are set right at once, which nobody sees.
 *
 * This class holds numbers and touches no element: LogView measures and draws. Positions are pixels from the top of the scrolled content.
 */
export interface Stretch {
  /** The first and the last sequence of the rows that are drawn. */
  readonly from: number;
  readonly to: number;
}

/** Elements that high are drawn by every browser; a longer log is compressed into it (a pixel of the scroll bar is then more than a pixel of rows). */
const HEIGHT_MAX = 8_000_000;

/** What a sequence is taken to need before any was measured. */
const HEIGHT_GUESS = 36;

export class LogWindow {
  /** Pixels of the upper spacer. */
  above = 0;

  #perSequence = HEIGHT_GUESS;
  #measured = 0;

  /** Pixels that stand for one sequence outside of the drawn stretch, in a log of `count` sequences. */
  unit(count: number): number {
    return Math.min(this.#perSequence, HEIGHT_MAX / Math.max(1, count));
  }

  /** Learns from a stretch how high sequences are. What was measured first weighs less and less, but a jump to another part does not throw it over. */
  learn(stretch: Stretch, height: number): void {
    const count = stretch.to - stretch.from + 1;
    if (count < 8 || height <= 0) return;
    const weight = this.#measured === 0 ? 1 : 0.1;
    this.#perSequence += (height / count - this.#perSequence) * weight;
    this.#measured++;
  }

  /** Where the upper spacer would be if the stretch began where the estimate says. */
  estimateAbove(first: number, stretch: Stretch, head: number): number {
    return Math.max(0, stretch.from - first) * this.unit(head - first + 1);
  }

  estimateBelow(first: number, stretch: Stretch, head: number): number {
    return Math.max(0, head - stretch.to) * this.unit(head - first + 1);
  }

  /** The sequence at a position outside of the drawn rows. */
  sequenceAt(first: number, head: number, top: number, contentHeight: number): number {
    const share = Math.min(1, Math.max(0, top / Math.max(1, contentHeight)));
    return Math.round(first + share * (head - first));
  }

  /**
   * The correction after rows above the anchor changed: the anchor was at `before` and would now be at `after`. Returns by how much the scroll position has to move because the spacer could not take all of it: 0 nearly always.
   */
  balance(first: number, stretch: Stretch, head: number, before: number, after: number): number {
    const wanted = this.above + before - after;
    const isAtStart = stretch.from <= first;
    if (isAtStart) {
      // Nothing lies above the first row: what is left of the spacer goes, and the view with it.
      this.above = 0;
      return -wanted;
    }

    if (wanted >= this.unit(head - first + 1)) {
      this.above = wanted;
      return 0;
    }

    const estimate = this.estimateAbove(first, stretch, head);
    this.above = estimate;
    return estimate - wanted;
  }
}
