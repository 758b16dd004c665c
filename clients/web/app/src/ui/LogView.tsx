import { Component, type ComponentChild, type JSX, createRef } from "preact";
import { LogWindow, type Stretch } from "./LogWindow.ts";

/** A log as LogView needs it: entries by sequence, of which some are there. */
export interface LogSource<Entry extends LogEntry> {
  /** The first sequence that may be read, and the last one that exists; first − 1 when the log is empty. */
  readonly first: number;
  readonly head: number;
  /** What stands at a sequence: null when nothing is to be drawn there, undefined when it is not loaded. */
  at(sequence: number): Entry | null | undefined;
  /** Entries behind the head: what is on its way. */
  readonly pending: readonly Entry[];
  /** Asks for what is around a sequence. The view is told by `changed()` when something has come. */
  request(sequence: number, direction: "older" | "newer" | "around"): void;
  /** What is far from the stretch that is drawn may be forgotten. */
  keep(from: number, to: number): void;
}

export interface LogEntry {
  /** Stays the same from the moment of writing to the end of time. */
  readonly key: string;
  /** 0 while it has none. */
  readonly sequence: number;
}

interface Props<Entry extends LogEntry> {
  /** Where the view puts itself while it is there, for whoever scrolls it. */
  view: { current: LogView<Entry> | null };
  log: LogSource<Entry>;
  label: string;
  /** Draws an entry. `before` is the one that is drawn above it. */
  draw: (entry: Entry, before: Entry | undefined) => JSX.Element;
  /** Where to begin: a sequence, or the end. */
  start: number | "end";
  /** Told after each frame in which something moved: what is in view, and whether the end is followed. */
  onView?: (view: LogViewport) => void;
  /** Shown above the first row of all. */
  beginning?: ComponentChild;
  onKeyDown?: (event: KeyboardEvent) => void;
}

export interface LogViewport {
  readonly first: number;
  readonly last: number;
  readonly isFollowing: boolean;
}

/** Rows that are added at once, and screens of rows that are kept around the view. */
const ROWS_STEP = 40;
const SCREENS_AHEAD = 1.5;
const SCREENS_KEPT = 3.5;
/** So far from the end the view still follows it. */
const FOLLOW_PIXELS = 48;
/** A stretch without anything to draw is not looked through further than this in one step. */
const SEQUENCES_STEP_MAX = 1000;

/** What the next drawing puts where: pixels below the top of the view, its middle, or wherever the view is now. */
interface Placement {
  readonly sequence: number;
  readonly at: number | "center" | "stay";
  readonly flash: boolean;
}

type Anchor = { element: HTMLElement; top: number } | null;

/**
 * Draws a stretch of a log and moves it as somebody scrolls; LogWindow says where. All work is done at most once a frame: what arrives between two frames is drawn together.
 */
export class LogView<Entry extends LogEntry> extends Component<Props<Entry>> {
  readonly #scroller = createRef<HTMLDivElement>();
  readonly #rows = createRef<HTMLDivElement>();
  readonly #window = new LogWindow();
  #stretch: Stretch = { from: 1, to: 0 };
  #isFollowing = true;
  #frame = 0;
  #idle = 0;
  #lastTop = 0;
  #isPointerDown = false;
  #align: Placement | null = null;
  /** A place that is waited for: it is not loaded yet. */
  #wanted: Placement | null = null;
  #observer: ResizeObserver | null = null;
  #lastRowsHeight = 0;
  /** The spacer that the elements have, while `#window.above` is what they shall have. */
  #appliedAbove = 0;
  #held: Anchor = null;

  override componentDidMount(): void {
    this.props.view.current = this;
    const scroller = this.#scroller.current!;
    scroller.addEventListener("scroll", this.#onScroll, { passive: true });
    scroller.addEventListener("wheel", this.#onWheel, { passive: true });
    scroller.addEventListener("pointerdown", this.#onPointerDown, { passive: true });
    window.addEventListener("pointerup", this.#onPointerUp, { passive: true });
    this.#observer = new ResizeObserver(this.#onResize);
    this.#observer.observe(scroller);
    this.#observer.observe(this.#rows.current!);
    if (this.props.start === "end") this.toEnd();
    else this.jumpTo(this.props.start);
  }

  /** Whoever draws this again means it: what changed is in the log, and in no property. */
  override shouldComponentUpdate(): boolean {
    return true;
  }

  override componentWillUnmount(): void {
    this.props.view.current = null;
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#idle);
    this.#observer?.disconnect();
    window.removeEventListener("pointerup", this.#onPointerUp);
  }

  /** True while the newest entries are in view and stay there. */
  get isFollowing(): boolean {
    return this.#isFollowing;
  }

  /** Says that the log has changed; it is drawn with the next frame. */
  changed(): void {
    if (this.#frame === 0) this.#frame = requestAnimationFrame(this.#update);
  }

  /** To the newest entry, and with it from then on. */
  toEnd(): void {
    const { log } = this.props;
    this.#wanted = null;
    this.#isFollowing = true;
    if (log.head >= log.first && log.at(log.head) === undefined) log.request(log.head, "older");
    this.changed();
  }

  /** Puts a sequence into the middle of the view; it is loaded first if need be. */
  jumpTo(sequence: number, options: { at?: number | "center"; flash?: boolean } = {}): void {
    const { log } = this.props;
    this.#isFollowing = false;
    this.#wanted = { sequence: Math.min(Math.max(sequence, log.first), Math.max(log.head, log.first)), at: options.at ?? "center", flash: options.flash ?? false };
    this.changed();
  }

  /** Scrolls by a share of the view, as PageUp and PageDown do. */
  scrollByScreens(share: number): void {
    const scroller = this.#scroller.current!;
    if (share < 0) this.#isFollowing = false;
    scroller.scrollTop += share * scroller.clientHeight;
  }

  /** The element of an entry, if it is drawn. */
  rowOf(sequence: number): HTMLElement | null {
    return this.#rows.current?.querySelector<HTMLElement>(`[data-sequence="${sequence}"]`) ?? null;
  }

  /** The element after or before another one. */
  neighbour(row: HTMLElement, direction: 1 | -1): HTMLElement | null {
    return (direction === 1 ? row.nextElementSibling : row.previousElementSibling) as HTMLElement | null;
  }

  /** The lowest row in view. */
  lastRowInView(): HTMLElement | null {
    const rows = this.#rows.current!;
    const scroller = this.#scroller.current!;
    const index = this.#rowAt(scroller.scrollTop + scroller.clientHeight - rows.offsetTop - 1);
    return (rows.children[index] as HTMLElement | undefined) ?? null;
  }

  readonly #onWheel = (event: WheelEvent): void => {
    if (event.deltaY < 0 && this.#scroller.current!.scrollTop > 0) this.#isFollowing = false;
  };

  readonly #onPointerDown = (): void => {
    this.#isPointerDown = true;
  };

  readonly #onPointerUp = (): void => {
    this.#isPointerDown = false;
  };

  readonly #onScroll = (): void => {
    const scroller = this.#scroller.current!;
    const top = scroller.scrollTop;
    const distance = scroller.scrollHeight - top - scroller.clientHeight;
    const isAtEnd = this.#stretch.to >= this.props.log.head;
    if (top < this.#lastTop - 1) this.#isFollowing = isAtEnd && distance < 2;
    else if (isAtEnd && distance < FOLLOW_PIXELS) this.#isFollowing = true;
    this.#lastTop = top;
    this.#held = null;
    this.changed();
    clearTimeout(this.#idle);
    this.#idle = window.setTimeout(this.#settle, 200);
  };

  readonly #onResize = (): void => {
    const scroller = this.#scroller.current!;
    if (this.#isFollowing) {
      this.#scrollTo(scroller.scrollHeight);
    } else {
      // Rows changed their height by themselves: what is read stays where it is.
      const height = this.#rows.current!.offsetHeight;
      if (height !== this.#lastRowsHeight && this.#held !== null && this.#held.element.isConnected) this.#balance(this.#held);
    }

    this.#lastRowsHeight = this.#rows.current!.offsetHeight;
    this.changed();
  };

  /** Nobody scrolls: the spacer above takes the height that the estimate gives it, and the view goes with it, so that the scroll bar tells the truth. */
  readonly #settle = (): void => {
    if (this.#isPointerDown || this.#isFollowing) return;
    const { log } = this.props;
    const estimate = this.#window.estimateAbove(log.first, this.#stretch, log.head);
    const difference = estimate - this.#window.above;
    if (Math.abs(difference) < this.#scroller.current!.clientHeight) return;
    const top = this.#scroller.current!.scrollTop;
    this.#window.above = estimate;
    this.#applySpacers();
    this.#scrollTo(top + difference);
    this.#report();
  };

  #scrollTo(top: number): void {
    const scroller = this.#scroller.current!;
    scroller.scrollTop = top;
    this.#lastTop = scroller.scrollTop;
  }

  /** Where a row is, from the top of everything, when the spacer has no height. */
  #topOf(row: HTMLElement): number {
    // Not offsetTop, which is rounded: what is off by half a pixel each time is off by a line in the end.
    return row.getBoundingClientRect().top - this.#rows.current!.parentElement!.getBoundingClientRect().top - this.#appliedAbove;
  }

  /** The index of the first row whose lower edge is below a position within the rows. */
  #rowAt(top: number): number {
    const children = this.#rows.current!.children;
    let low = 0;
    let high = children.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      const row = children[middle] as HTMLElement;
      if (row.offsetTop + row.offsetHeight > top) high = middle;
      else low = middle + 1;
    }

    return low;
  }

  #anchorNow(): Anchor {
    const rows = this.#rows.current;
    if (rows === null || rows.children.length === 0) return null;
    const element = rows.children[this.#rowAt(this.#scroller.current!.scrollTop - rows.offsetTop)] as HTMLElement;
    return { element, top: this.#topOf(element) };
  }

  #balance(anchor: NonNullable<Anchor>): void {
    const { log } = this.props;
    const top = this.#scroller.current!.scrollTop;
    const after = this.#topOf(anchor.element);
    const correction = this.#window.balance(log.first, this.#stretch, log.head, anchor.top, after);
    this.#applySpacers();
    anchor.top = after;
    if (correction !== 0) this.#scrollTo(top + correction);
  }

  #applySpacers(): void {
    const { log } = this.props;
    const content = this.#rows.current!.parentElement!;
    this.#appliedAbove = this.#window.above;
    content.style.paddingTop = `${this.#window.above}px`;
    content.style.paddingBottom = `${this.#window.estimateBelow(log.first, this.#stretch, log.head)}px`;
  }

  /** Looks at where the view is and what is loaded, and draws another stretch if that is better. */
  readonly #update = (): void => {
    this.#frame = 0;
    const { log } = this.props;
    const scroller = this.#scroller.current;
    const rows = this.#rows.current;
    if (scroller === null || rows === null) return;
    const screen = Math.max(200, scroller.clientHeight);
    const current = this.#stretch;
    let next: Stretch = current;
    // The log was set back behind what is drawn (another epoch): to its end.
    if (current.from > Math.max(log.head, log.first)) this.#isFollowing = true;

    if (this.#wanted !== null) {
      // The log may begin later than was known when it was asked for.
      const sequence = Math.max(this.#wanted.sequence, log.first);
      const around = this.#around(sequence);
      if (around === null) {
        log.request(sequence, "around");
      } else {
        next = around;
        this.#align = this.#wanted;
        this.#wanted = null;
        this.#window.above = this.#window.estimateAbove(log.first, next, log.head);
      }
    } else if (this.#isFollowing) {
      next = this.#endStretch(current);
    } else {
      const top = scroller.scrollTop - rows.offsetTop;
      const height = rows.offsetHeight;
      if (height > 0 && (top > height + screen || top + screen < -screen)) {
        // Somebody dragged the scroll bar to where nothing is drawn.
        const sequence = this.#window.sequenceAt(log.first, log.head, scroller.scrollTop, scroller.scrollHeight - scroller.clientHeight);
        const around = this.#around(sequence);
        if (around === null) {
          log.request(sequence, "around");
        } else {
          next = around;
          this.#align = { sequence, at: "stay", flash: false };
        }
      } else {
        next = this.#extended(current, top, height, screen);
      }
    }

    if (next.from !== current.from || next.to !== current.to || this.#align !== null) this.#stretch = next;
    log.keep(this.#stretch.from, this.#stretch.to);
    this.forceUpdate();
  };

  /** The loaded stretch around a sequence; null when that is not loaded. */
  #around(sequence: number): Stretch | null {
    const { log } = this.props;
    if (log.at(sequence) === undefined) return null;
    return { from: this.#reach(sequence, -1, ROWS_STEP), to: this.#reach(sequence, 1, ROWS_STEP) };
  }

  /** How far one can go from a loaded sequence over so many rows, as far as they are loaded. */
  #reach(sequence: number, direction: 1 | -1, rows: number): number {
    const { log } = this.props;
    let reached = sequence;
    let drawn = 0;
    for (let steps = 0; drawn < rows && steps < SEQUENCES_STEP_MAX; steps++) {
      const candidate = reached + direction;
      if (candidate < log.first || candidate > log.head) break;
      const entry = log.at(candidate);
      if (entry === undefined) break;
      if (entry !== null) drawn++;
      reached = candidate;
    }

    return reached;
  }

  #endStretch(current: Stretch): Stretch {
    const { log } = this.props;
    const { head } = log;
    if (head < log.first) return { from: log.first, to: log.first - 1 };
    if (log.at(head) === undefined) {
      log.request(head, "older");
      return current;
    }

    // As long as few rows are drawn they are only added to; then the oldest go, many at a time, so that not every message moves the spacer.
    const isContinued = current.to >= current.from && current.to <= head && this.#reachesHead(current.to);
    if (isContinued && head - current.from < ROWS_STEP * 4) return { from: this.#enough(current.from, head), to: head };
    return { from: this.#reach(head, -1, ROWS_STEP * 2), to: head };
  }

  /** More rows above when those that are drawn do not fill the screen. */
  #enough(from: number, head: number): number {
    const { log } = this.props;
    const rows = this.#rows.current!;
    if (rows.offsetHeight >= this.#scroller.current!.clientHeight * SCREENS_AHEAD || from <= log.first) return from;
    if (log.at(from - 1) === undefined) {
      log.request(from - 1, "older");
      return from;
    }

    return Math.min(this.#reach(from, -1, ROWS_STEP), head);
  }

  #reachesHead(from: number): boolean {
    const { log } = this.props;
    if (log.head - from > ROWS_STEP * 4) return false;
    for (let sequence = from + 1; sequence <= log.head; sequence++) if (log.at(sequence) === undefined) return false;
    return true;
  }

  #extended(current: Stretch, top: number, height: number, screen: number): Stretch {
    const { log } = this.props;
    let { from, to } = current;
    if (to < from) return log.head >= log.first ? this.#endStretch(current) : current;
    if (top < screen * SCREENS_AHEAD && from > log.first) {
      if (log.at(from - 1) === undefined) log.request(from - 1, "older");
      else from = this.#reach(from, -1, ROWS_STEP);
    }

    if (top + screen > height - screen * SCREENS_AHEAD && to < log.head) {
      if (log.at(to + 1) === undefined) log.request(to + 1, "newer");
      else to = this.#reach(to, 1, ROWS_STEP);
    }

    // What is far above or below is not drawn any more, unless it was just added.
    const children = this.#rows.current!.children;
    if (from === current.from && top > screen * SCREENS_KEPT) {
      const row = children[this.#rowAt(top - screen * (SCREENS_KEPT - 1))] as HTMLElement | undefined;
      from = Math.max(from, Number(row?.dataset["sequence"] ?? from) || from);
    }

    if (to === current.to && height - top - screen > screen * SCREENS_KEPT) {
      const row = children[this.#rowAt(top + screen * SCREENS_KEPT)] as HTMLElement | undefined;
      to = Math.min(to, Number(row?.dataset["sequence"] ?? to) || to);
    }

    return from <= to ? { from, to } : current;
  }

  override getSnapshotBeforeUpdate(): Anchor {
    return this.#anchorNow();
  }

  override componentDidUpdate(_props: unknown, _state: unknown, anchor: Anchor): void {
    const { log } = this.props;
    const scroller = this.#scroller.current!;
    const rows = this.#rows.current!;
    const height = rows.offsetHeight;
    this.#window.learn(this.#stretch, height);
    if (this.#align !== null) {
      this.#place(this.#align);
      this.#align = null;
    } else if (this.#isFollowing) {
      this.#window.above = this.#window.estimateAbove(log.first, this.#stretch, log.head);
      this.#applySpacers();
      this.#scrollTo(scroller.scrollHeight);
    } else if (anchor !== null && anchor.element.isConnected) {
      this.#balance(anchor);
    } else {
      this.#applySpacers();
    }

    this.#lastRowsHeight = height;
    this.#held = this.#isFollowing ? null : this.#anchorNow();
    this.#report();
    this.#continue();
  }

  /** While rows are missing on the screen, the next frame looks again. */
  #continue(): void {
    const { log } = this.props;
    const scroller = this.#scroller.current!;
    const rows = this.#rows.current!;
    const { from, to } = this.#stretch;
    const top = scroller.scrollTop - rows.offsetTop;
    const isShortAbove = top < scroller.clientHeight && from > log.first && log.at(from - 1) !== undefined;
    const isShortBelow = top + scroller.clientHeight * 2 > rows.offsetHeight && to < log.head && log.at(to + 1) !== undefined;
    if (isShortAbove || isShortBelow) this.changed();
  }

  #place(align: Placement): void {
    const { log } = this.props;
    const scroller = this.#scroller.current!;
    const rows = this.#rows.current!;
    const row = this.#rowNear(align.sequence);
    if (row === null) {
      this.#applySpacers();
      return;
    }

    if (align.at === "stay") {
      const top = scroller.scrollTop;
      const above = top - this.#topOf(row);
      const isAtStart = this.#stretch.from <= log.first;
      this.#window.above = isAtStart ? 0 : Math.max(this.#window.unit(log.head - log.first + 1), above);
      this.#applySpacers();
      if (this.#window.above !== above) this.#scrollTo(this.#window.above + this.#topOf(row));
    } else {
      this.#window.above = this.#window.estimateAbove(log.first, this.#stretch, log.head);
      this.#applySpacers();
      const inView = align.at === "center" ? Math.max(0, (scroller.clientHeight - row.offsetHeight) / 2.5) : align.at;
      this.#scrollTo(rows.offsetTop + row.offsetTop - inView);
    }

    if (align.flash) {
      row.classList.remove("flash");
      void row.offsetWidth;
      row.classList.add("flash");
    }
  }

  /** The row of a sequence, or of the next one that is drawn. */
  #rowNear(sequence: number): HTMLElement | null {
    let last: HTMLElement | null = null;
    for (const child of this.#rows.current!.children) {
      last = child as HTMLElement;
      if (Number(last.dataset["sequence"]) >= sequence) return last;
    }

    return last;
  }

  #report(): void {
    const { onView, log } = this.props;
    if (onView === undefined) return;
    const rows = this.#rows.current!;
    const children = rows.children;
    const top = this.#scroller.current!.scrollTop - rows.offsetTop;
    const sequenceOf = (index: number): number => Number((children[index] as HTMLElement | undefined)?.dataset["sequence"] ?? 0);
    const isFollowing = this.#isFollowing && this.#stretch.to >= log.head;
    onView({
      first: sequenceOf(this.#rowAt(top)),
      last: isFollowing ? log.head : sequenceOf(this.#rowAt(top + this.#scroller.current!.clientHeight - 24)),
      isFollowing,
    });
  }

  override render(): JSX.Element {
    const { log, draw, label, beginning } = this.props;
    const { from, to } = this.#stretch;
    const rows: JSX.Element[] = [];
    let before: Entry | undefined;
    for (let sequence = from; sequence <= to; sequence++) {
      const entry = log.at(sequence);
      if (entry === null || entry === undefined) continue;
      rows.push(draw(entry, before));
      before = entry;
    }

    if (to >= log.head) {
      for (const entry of log.pending) {
        rows.push(draw(entry, before));
        before = entry;
      }
    }

    return (
      <div class="log" ref={this.#scroller} tabIndex={0} onKeyDown={this.props.onKeyDown}>
        <div class="log-content">
          {from <= log.first && beginning}
          <div class="log-rows" ref={this.#rows} role="feed" aria-label={label} aria-busy={this.#wanted !== null}>
            {rows}
          </div>
        </div>
      </div>
    );
  }
}
