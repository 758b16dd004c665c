import { signal } from "@preact/signals";
import { type BrokerActivity, type ConnectionState, type FastChatClient, type Operator, RequestError } from "@fastchat/client";
import { History, type Sample } from "./History.ts";
import { type Reason, Reasons } from "./Reasons.ts";

/** How often the broker is asked. */
const INTERVAL = 1000;

/** A number of the broker's that has been counted up since it was started, to be told as a rate. */
export type Stats = ReadonlyMap<string, number>;

/** A shard's part of what was written since it was last asked. */
export interface ShardLoad {
  readonly shard: number;
  readonly loop: number;
  readonly messagesPerSecond: number;
  readonly bytesPerSecond: number;
  readonly share: number;
  readonly queuedBytes: number;
  readonly subscriptions: number;
  readonly lagging: number;
  readonly conversations: number;
}

export interface Activity {
  readonly latest: BrokerActivity;
  readonly shards: readonly ShardLoad[];
}

/** Asks the broker how it does, every second while there is a connection, and keeps the last ten minutes. Nothing of it is stored. */
export class Watch {
  readonly history = new History();
  readonly stats = signal<Stats | undefined>(undefined);
  readonly sample = signal<Sample | undefined>(undefined);
  readonly activity = signal<Activity | undefined>(undefined);
  /** Why things are refused and closed, those of the last minute first. */
  readonly reasons = signal<readonly Reason[]>([]);
  readonly connection = signal<ConnectionState>({ phase: "connecting", lastClose: undefined, attempts: 0 });
  /** Grows with every point of the history. */
  readonly tick = signal(0);
  /** When the broker last answered. */
  readonly answeredAt = signal<number | undefined>(undefined);

  readonly #client: FastChatClient;
  readonly #operator: Operator;
  readonly #reasons = new Reasons();
  #timer = 0;
  #isStopped = false;
  #isAsking = false;

  constructor(client: FastChatClient, operator: Operator) {
    this.#client = client;
    this.#operator = operator;
  }

  start(failed: (error: unknown) => void): void {
    this.connection.value = this.#client.state;
    this.#client.on("state", (state) => (this.connection.value = state));
    const round = async (): Promise<void> => {
      const begun = Date.now();
      try {
        await this.#ask();
      } catch (error) {
        if (error instanceof RequestError) failed(error);
        this.#forget();
      }

      if (!this.#isStopped) this.#timer = window.setTimeout(() => void round(), Math.max(INTERVAL / 4, begun + INTERVAL - Date.now()));
    };
    void round();
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  async #ask(): Promise<void> {
    if (this.#client.state.phase !== "connected") {
      this.#forget();
      return;
    }

    // Side by side: a loop that waits for the disk keeps the lists waiting, and the numbers must say so meanwhile.
    if (!this.#isAsking) void this.#askActivity();
    const { stats, parts } = await this.#operator.getCounts({ signal: AbortSignal.timeout(INTERVAL * 5) });
    this.reasons.value = this.#reasons.take(of(stats, "process.uptime"), parts);
    this.#take(stats);
  }

  async #askActivity(): Promise<void> {
    this.#isAsking = true;
    try {
      const latest = await this.#operator.getActivity({ signal: AbortSignal.timeout(INTERVAL * 5) });
      this.activity.value = { latest, shards: loadOf(this.activity.peek()?.latest, latest) };
    } catch {
      // Asked again with the next round; what is shown says how old it is.
    } finally {
      this.#isAsking = false;
    }
  }

  #take(stats: Stats): void {
    const before = this.stats.peek();
    const uptime = of(stats, "process.uptime");
    // A broker that was started anew counts from 0.
    const isSame = before !== undefined && uptime > of(before, "process.uptime");
    const seconds = isSame ? (uptime - of(before, "process.uptime")) / 1000 : 0;
    const rate = (name: string): number | undefined => (isSame ? Math.max(0, of(stats, name) - of(before, name)) / seconds : undefined);
    // No commit for a while is no commit of 0 ms.
    const duration = (name: string): number | undefined => of(stats, name) || undefined;
    const sample: Sample = {
      messagesIn: rate("published"),
      messagesOut: rate("delivered"),
      refused: rate("refused"),
      bytesIn: rate("received"),
      bytesOut: rate("sent"),
      ack50: duration("ack.p50"),
      ack99: duration("ack.p99"),
      commit50: duration("commit.p50"),
      commit99: duration("commit.p99"),
      connections: of(stats, "connections"),
      sessions: of(stats, "sessions"),
      lagging: of(stats, "lagging"),
      queued: of(stats, "ring.queued"),
      memory: of(stats, "process.memory"),
      heap: of(stats, "gc.heap"),
      processors: scale(rate("process.cpu"), 1e-6),
      paused: scale(rate("gc.paused"), 1e-6),
    };
    this.stats.value = stats;
    this.sample.value = sample;
    this.answeredAt.value = Date.now();
    this.#draw(sample);
  }

  /** A moment of which nothing is known is a gap, not a line across it. */
  #forget(): void {
    if (this.#isStopped) return;
    this.sample.value = undefined;
    this.#draw(undefined);
  }

  #draw(sample: Sample | undefined): void {
    this.history.add(Date.now() / 1000, sample);
    this.tick.value++;
  }
}

/** A number of the broker's, by its metric's name without what all have in common; 0 when it does not say. */
export function of(stats: Stats, name: string): number {
  return stats.get(`fastchat.${name}`) ?? 0;
}

function scale(value: number | undefined, factor: number): number | undefined {
  return value === undefined ? undefined : value * factor;
}

function loadOf(before: BrokerActivity | undefined, now: BrokerActivity): ShardLoad[] {
  const seconds = before?.time !== undefined && now.time !== undefined ? (now.time - before.time) / 1000 : 0;
  const known = new Map(before?.shards.map((shard) => [shard.shard, shard]));
  const grown = now.shards.map((shard) => {
    const old = known.get(shard.shard);
    return { messages: Math.max(0, shard.messages - (old?.messages ?? shard.messages)), bytes: Math.max(0, shard.bytes - (old?.bytes ?? shard.bytes)) };
  });
  const all = grown.reduce((sum, one) => sum + one.messages, 0);
  return now.shards.map((shard, at) => ({
    shard: shard.shard,
    loop: shard.loop,
    messagesPerSecond: seconds > 0 ? grown[at]!.messages / seconds : 0,
    bytesPerSecond: seconds > 0 ? grown[at]!.bytes / seconds : 0,
    share: all > 0 ? grown[at]!.messages / all : 0,
    queuedBytes: shard.queuedBytes,
    subscriptions: shard.subscriptions,
    lagging: shard.lagging,
    conversations: shard.conversations,
  }));
}
