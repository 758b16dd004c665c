import type { JSX } from "preact";
import { Icon } from "../ui/icons.tsx";
import { Chart } from "./Chart.tsx";
import { concernsOf } from "./health.ts";
import { Busiest, ByReason, Load, Refusals } from "./Lists.tsx";
import { bytes, bytesPerSecond, count, duration, percent, perSecond, processors, queued } from "./units.ts";
import { of, type Watch } from "./Watch.ts";

/** How the broker does, at a glance and for the last ten minutes. */
export function Overview({ watch }: { watch: Watch }): JSX.Element {
  return (
    <>
      <Concerns watch={watch} />
      <Tiles watch={watch} />
      <section aria-labelledby="charts-title">
        <h2 id="charts-title" class="visually-hidden">The last ten minutes</h2>
        <div class="charts">
          <Chart watch={watch} title="Messages in" format={perSecond} floor={5} lines={[{ name: "messagesIn", label: "acknowledged", tone: 1 }, { name: "refused", label: "refused", tone: 3 }]} />
          <Chart watch={watch} title="Messages out" format={perSecond} floor={5} lines={[{ name: "messagesOut", label: "delivered", tone: 1 }]} />
          <Chart watch={watch} title="Acknowledgement" format={duration} floor={1000} lines={[{ name: "ack50", label: "p50", tone: 1 }, { name: "ack99", label: "p99", tone: 2 }]} />
          <Chart watch={watch} title="Commit to disk" format={duration} floor={1000} lines={[{ name: "commit50", label: "p50", tone: 1 }, { name: "commit99", label: "p99", tone: 2 }]} />
          <Chart watch={watch} title="Network" isBinary format={bytesPerSecond} floor={1024} lines={[{ name: "bytesIn", label: "in", tone: 1 }, { name: "bytesOut", label: "out", tone: 2 }]} />
          <Chart watch={watch} title="Clients" format={count} floor={5} lines={[{ name: "connections", label: "connections", tone: 1 }, { name: "sessions", label: "sessions", tone: 2 }]} />
          <Chart watch={watch} title="Processors used" format={processors} floor={watch.stats.value === undefined ? 1 : of(watch.stats.value, "process.processors")} lines={[{ name: "processors", label: "in use", tone: 1 }]} />
          <Chart watch={watch} title="Memory" isBinary format={bytes} floor={1024 ** 2} lines={[{ name: "memory", label: "resident", tone: 1 }, { name: "heap", label: "managed", tone: 2 }]} />
          <Chart watch={watch} title="Collector's pauses" format={percent} floor={0.01} lines={[{ name: "paused", label: "of the time", tone: 1 }]} />
        </div>
      </section>
      <div class="columns">
        <Busiest watch={watch} />
        <Refusals watch={watch} />
        <ByReason watch={watch} />
        <Load watch={watch} />
      </div>
    </>
  );
}

function Concerns({ watch }: { watch: Watch }): JSX.Element {
  // Not read out by itself: its numbers change every second. The word in the header is, when it changes.
  return (
    <ul class="concerns" aria-label="What needs attention">
      {concernsOf(watch).map((concern) => (
        <li key={concern.text.replaceAll(/[\d.,]+/g, "")} class="concern" data-grave={concern.isGrave}><Icon name="warn" small /><span>{concern.text}</span></li>
      ))}
    </ul>
  );
}

function Tiles({ watch }: { watch: Watch }): JSX.Element {
  const [stats, sample] = [watch.stats.value, watch.sample.value];
  const known = (name: string): number | undefined => (stats === undefined ? undefined : of(stats, name));
  const web = known("connections.websocket");
  const local = known("connections.local");
  const tcp = stats === undefined ? undefined : of(stats, "connections") - (web ?? 0) - (local ?? 0);
  return (
    <dl class="tiles">
      <Tile name="Connections" value={count(sample?.connections)} more={`${count(web)} WebSocket · ${count(tcp)} TCP · ${count(local)} Unix`} />
      <Tile name="Messages in" value={perSecond(sample?.messagesIn)} more={`${count(known("published"))} since the start`} />
      <Tile name="Messages out" value={perSecond(sample?.messagesOut)} more={`${count(known("subscriptions"))} subscriptions`} />
      <Tile name="Acknowledged" value={duration(sample?.ack99)} more={`p99; half within ${duration(sample?.ack50)}`} />
      <Tile name="Commit" value={duration(sample?.commit99)} more={`p99; half within ${duration(sample?.commit50)}`} />
      <Tile name="Lagging" value={count(sample?.lagging)} more={`subscriptions · ${queued(sample?.queued)}`} isWarning={(sample?.lagging ?? 0) > 0} />
      <Tile name="Processors" value={processors(sample?.processors)} more={`of ${count(known("process.processors"))}`} />
      <Tile name="Memory" value={bytes(sample?.memory)} more={`${bytes(sample?.heap)} managed`} />
      <Tile name="Store" value={bytes(known("disk.used"))} more={`${bytes(known("disk.free"))} free`} />
    </dl>
  );
}

function Tile({ name, value, more, isWarning = false }: { name: string; value: string; more: string; isWarning?: boolean }): JSX.Element {
  return (
    <div class="tile" data-warning={isWarning}>
      <dt>{name}</dt>
      <dd><span class="tile-value">{value}</span><span class="tile-more">{more}</span></dd>
    </div>
  );
}
