import { toTime } from "../primitives/Micros.js";
import type { ConversationId, UserId } from "../primitives/Ids.js";
import type { ConversationKind } from "../primitives/Words.js";
import type { ControlMap } from "./ControlMap.js";

/** What a shard has done since the broker was started, and what it has to do. */
export interface ShardActivity {
  readonly shard: number;
  /** The loop that runs it. */
  readonly loop: number;
  /** Bytes that wait for it. */
  readonly queuedBytes: number;
  /** Messages and other records that it has stored, and their bytes. */
  readonly messages: number;
  readonly bytes: number;
  /** Live records that it has handed to those who listen, once for each. */
  readonly delivered: number;
  readonly subscriptions: number;
  /** Subscriptions that lag. */
  readonly lagging: number;
  /** Conversations in memory. */
  readonly conversations: number;
}

/** A conversation that much was written in during the last minute. */
export interface ConversationActivity {
  readonly conversation: ConversationId;
  /** Undefined when whoever asks may not see it; then it has neither name nor title. */
  readonly kind: ConversationKind | undefined;
  readonly name: string | undefined;
  readonly title: string | undefined;
  /** So many at the least. */
  readonly messages: number;
  readonly bytes: number;
}

/** Something that was refused, once or often. */
export interface RefusalActivity {
  /** What, as the audit log names it. */
  readonly act: string;
  /** Why, or what of it. */
  readonly detail: string | undefined;
  /** The address that it came from, without the port. */
  readonly remote: string | undefined;
  /** Undefined when nobody was signed in. */
  readonly user: UserId | undefined;
  readonly count: number;
  /** When the last time. */
  readonly at: number | undefined;
}

/** What a broker has been busy with of late. */
export interface BrokerActivity {
  /** The broker's clock when it answered. */
  readonly time: number | undefined;
  /** Loops that run the shards, and how many of them answered in time: what the others do is not told. */
  readonly loops: number;
  readonly loopsAnswered: number;
  readonly shards: readonly ShardActivity[];
  /** Most messages first. */
  readonly conversations: readonly ConversationActivity[];
  /** The latest first. */
  readonly refusals: readonly RefusalActivity[];
}

export function parseBrokerActivity(map: ControlMap): BrokerActivity {
  return {
    time: toTime(map.number("time_us")),
    loops: map.number("loops"),
    loopsAnswered: map.number("answered"),
    shards: map.maps("shards", (shard) => ({
      shard: shard.number("shard"),
      loop: shard.number("loop"),
      queuedBytes: shard.number("queued"),
      messages: shard.number("messages"),
      bytes: shard.number("bytes"),
      delivered: shard.number("delivered"),
      subscriptions: shard.number("subscriptions"),
      lagging: shard.number("lagging"),
      conversations: shard.number("conversations"),
    })),
    conversations: map.maps("conversations", (conversation) => ({
      conversation: conversation.id("conversation"),
      kind: conversation.text("kind") as ConversationKind | undefined,
      name: conversation.text("name"),
      title: conversation.text("title"),
      messages: conversation.number("messages"),
      bytes: conversation.number("bytes"),
    })),
    refusals: map.maps("refusals", (refusal) => ({
      act: refusal.text("act") ?? "",
      detail: refusal.text("detail"),
      remote: refusal.text("remote"),
      user: refusal.optionalId("user"),
      count: refusal.number("count"),
      at: toTime(refusal.number("at")),
    })),
  };
}
