import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import { isSystemDark, theme } from "../model/Settings.ts";
import { HISTORY_SECONDS, type SeriesName } from "./History.ts";
import { time as showTime, type Format } from "./units.ts";
import type { Watch } from "./Watch.ts";

export interface ChartLine {
  readonly name: SeriesName;
  readonly label: string;
  /** One of the page's colours of lines, from 1. */
  readonly tone: 1 | 2 | 3;
}

export interface ChartProps {
  readonly watch: Watch;
  readonly title: string;
  readonly lines: readonly ChartLine[];
  readonly format: Format;
  /** The axis reaches at least this high, so that noise about nothing looks like nothing. */
  readonly floor?: number;
  /** The axis goes by powers of two. */
  readonly isBinary?: boolean;
}

const HEIGHT = 148;
const NARROW_AXIS = 62;
const WINDOW_MIN = 120;
const POWERS_OF_TWO = Array.from({ length: 50 }, (_, power) => 2 ** power);

/**
 * A few lines over the last ten minutes. The latest values stand above it as text, which is what a screen reader is told; under the pointer, and that is so in all charts at once, the values of that moment.
 */
export function Chart({ watch, title, lines, format, floor = 1, isBinary = false }: ChartProps): JSX.Element {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const [pointed, setPointed] = useState<number | undefined>(undefined);
  const look = `${theme.value} ${isSystemDark.value}`;
  const tick = watch.tick.value;

  useEffect(() => {
    const element = place.current!;
    const chart = new uPlot(optionsFor(element, watch, lines, format, floor, isBinary, setPointed), dataOf(watch, lines), element);
    plot.current = chart;
    const observer = new ResizeObserver(() => chart.setSize({ width: element.clientWidth, height: HEIGHT }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      chart.destroy();
      plot.current = undefined;
    };
    // The colours are the page's, and a canvas does not follow them by itself.
  }, [look, watch, floor]);

  useEffect(() => {
    plot.current?.setData(dataOf(watch, lines));
  }, [tick, look]);

  const at = pointed !== undefined && pointed < watch.history.times.length ? pointed : watch.history.times.length - 1;
  const highest = Math.max(...lines.map((line) => watch.history.highest(line.name) ?? Number.NEGATIVE_INFINITY));
  return (
    <figure class="chart" aria-label={title}>
      <figcaption class="chart-head">
        <h3>{title}</h3>
        <dl class="chart-values">
          {lines.map((line) => (
            <div key={line.name}>
              <dt><span class="swatch" data-tone={line.tone} aria-hidden="true" />{line.label}</dt>
              <dd>{format(watch.history.values(line.name)[at])}</dd>
            </div>
          ))}
        </dl>
      </figcaption>
      <span class="chart-when" aria-hidden="true">{pointed === undefined ? `highest ${format(highest)}` : showTime((watch.history.times[at] ?? 0) * 1000)}</span>
      <div ref={place} class="chart-place" aria-hidden="true" />
    </figure>
  );
}

function dataOf(watch: Watch, lines: readonly ChartLine[]): uPlot.AlignedData {
  return [watch.history.times, ...lines.map((line) => watch.history.values(line.name))];
}

function optionsFor(element: HTMLElement, watch: Watch, lines: readonly ChartLine[], format: Format, floor: number, isBinary: boolean, point: (index: number | undefined) => void): uPlot.Options {
  const style = getComputedStyle(element);
  const colour = (name: string): string => style.getPropertyValue(name).trim();
  const font = `11px ${colour("--font")}`;
  const axis: uPlot.Axis = { stroke: colour("--text-faint"), font, ticks: { show: false }, grid: { stroke: colour("--line"), width: 1 } };
  return {
    width: element.clientWidth,
    height: HEIGHT,
    padding: [8, 22, 0, 0],
    legend: { show: false },
    cursor: { sync: { key: "operator", setSeries: false }, y: false, drag: { setScale: false, x: false, y: false }, points: { size: 6 } },
    scales: {
      x: { time: true, range: () => windowOf(watch) },
      // Never an axis of nothing: a line at 0 lies at the bottom.
      y: { range: (_, __, most) => [0, Math.max(floor, (most ?? 0) * 1.1)] },
    },
    axes: [
      { ...axis, size: 24, space: 56, incrs: [60, 120, 300], values: (_, splits) => splits.map((split) => clockOf(split)) },
      { ...axis, size: NARROW_AXIS, space: 34, ...(isBinary ? { incrs: POWERS_OF_TWO } : {}), values: (_, splits) => splits.map((split) => format(split)) },
    ],
    series: [
      {},
      ...lines.map((line): uPlot.Series => ({
        label: line.label,
        stroke: colour(`--line-${line.tone}`),
        width: 1.5,
        points: { show: false },
        ...(lines.length === 1 ? { fill: colour(`--fill-${line.tone}`) } : {}),
      })),
    ],
    hooks: { setCursor: [(plot) => point(plot.cursor.left !== undefined && plot.cursor.left >= 0 ? (plot.cursor.idx ?? undefined) : undefined)] },
  };
}

/** What is known, and no empty minutes before it: but never so little that a second is a leap. */
function windowOf(watch: Watch): [number, number] {
  const now = watch.history.times.at(-1) ?? Date.now() / 1000;
  const known = now - (watch.history.times[0] ?? now);
  return [now - Math.min(HISTORY_SECONDS, Math.max(WINDOW_MIN, known)), now];
}

const clockFormat = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });

function clockOf(seconds: number): string {
  return clockFormat.format(seconds * 1000);
}
