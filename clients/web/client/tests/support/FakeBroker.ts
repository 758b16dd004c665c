import { ControlMap } from "../../src/protocol/control/ControlMap.js";
import { crc32c } from "../../src/protocol/encoding/Crc32C.js";
import { writeU16, writeU32, writeU64 } from "../../src/protocol/encoding/Numbers.js";
import { FrameReader, join, type Frame } from "../../src/protocol/FrameReader.js";
import { FrameType } from "../../src/protocol/FrameType.js";
import { beginFrame, writeFrame } from "../../src/protocol/FrameWriter.js";
import { fromHex, readId, writeHex, type ConversationId, type UserId } from "../../src/protocol/primitives/Ids.js";
import { START } from "../../src/protocol/primitives/LogPosition.js";
import { FastChatClient } from "../../src/client/FastChatClient.js";
import type { ClientOptions } from "../../src/client/ClientOptions.js";
import type { WebSocketLike } from "../../src/client/connections/Transport.js";
import { FakeClock, settle } from "./FakeClock.js";

export const ROOM = "c0c1c2c3c4c5c6c7c8c9cacbcccdcecf" as ConversationId;
export const ADA = "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf" as UserId;
export const BEN = "b0b1b2b3b4b5b6b7b8b9babbbcbdbebf" as UserId;

/** One connection, as the test sees it: what the client sent, and what the test answers. */
export class FakeConnection implements WebSocketLike {
  binaryType = "";
  readyState = 0;
  bufferedAmount = 0;
  onopen: ((event: never) => void) | null = null;
  onmessage: ((event: never) => void) | null = null;
  onclose: ((event: never) => void) | null = null;
  onerror: ((event: never) => void) | null = null;

  /** Every frame that the client sent. */
  readonly frames: Frame[] = [];

  /** How many messages that took. */
  messages = 0;
  readonly #reader = new FrameReader(66_560);

  send(data: Uint8Array): void {
    this.messages++;
    this.frames.push(...this.#reader.push(data.slice()));
  }

  close(): void {
    this.readyState = 3;
  }

  /** The frames of a type. */
  of(type: number): Frame[] {
    return this.frames.filter((frame) => frame.type === type);
  }

  /** The last frame of a type. */
  last(type: number): Frame {
    const frame = this.of(type).at(-1);
    if (frame === undefined) {
      throw new Error(`the client sent no frame 0x${type.toString(16)}`);
    }

    return frame;
  }

  get hello(): ControlMap {
    return ControlMap.parse(this.last(FrameType.Hello).body);
  }

  /** The transport is open. */
  async open(): Promise<void> {
    if (this.readyState === 0) {
      this.readyState = 1;
      this.onopen?.({} as never);
    }

    await settle();
  }

  /** The broker sends bytes. */
  async give(...frames: Uint8Array[]): Promise<void> {
    this.onmessage?.({ data: join(frames).buffer } as never);
    await settle();
  }

  async welcome(more: Record<string, string | number | boolean> = {}): Promise<void> {
    await this.open();
    await this.give(writeFrame(FrameType.Welcome, 0, welcomeMap(more).toBytes()));
  }

  async reply(request: number, map: ControlMap): Promise<void> {
    await this.give(writeFrame(FrameType.Reply, request, map.toBytes()));
  }

  /** The connection breaks, with a Close or without. */
  async break(code?: number, retryAfter = 0): Promise<void> {
    this.readyState = 3;
    if (code !== undefined) {
      await this.give(failure(FrameType.Close, 0, code, retryAfter));
    }

    this.onclose?.({ code: code ?? 1006, reason: "" } as never);
    await settle();
  }
}

/** A broker whose every word the test says. */
export class FakeBroker {
  readonly clock = new FakeClock();
  readonly connections: FakeConnection[] = [];

  /** A client of it; randomness is always a half. */
  start(options: Partial<ClientOptions> = {}): FastChatClient {
    const connections = this.connections;
    return FastChatClient.start({
      url: "ws://fake/ws",
      clock: this.clock,
      random: () => 0.5,
      webSocket: class extends FakeConnection {
        constructor() {
          super();
          connections.push(this);
        }
      },
      passwordMechanism: "plain",
      ...(options.tokenStore || options.name || options.assertion ? {} : { token: "fct_token" }),
      ...options,
    });
  }

  /** The connection that the client made last. */
  get now(): FakeConnection {
    const connection = this.connections.at(-1);
    if (connection === undefined) {
      throw new Error("the client made no connection");
    }

    return connection;
  }

  /** A client that is signed in. */
  async connected(options: Partial<ClientOptions> = {}, welcome: Record<string, string | number | boolean> = {}): Promise<FastChatClient> {
    const client = this.start(options);
    await settle();
    await this.now.welcome(welcome);
    return client;
  }
}

/** The answer to Hello. */
export function welcomeMap(more: Record<string, string | number | boolean> = {}): ControlMap {
  const map = new ControlMap()
    .set("version", 1)
    .set("server", "fake/1")
    .set("session", fromHex("50".repeat(16)))
    .set("resumed", false)
    .set("user", fromHex(ADA))
    .set("name", "ada")
    .set("device", 0xd0d1d2d3d4d5d6d7n)
    .set("heartbeat_ms", 60_000)
    .set("body_size_max", 65_536)
    .set("in_flight_max", 4096)
    .set("signals", true);
  Object.entries(more).forEach(([key, value]) => map.set(key, value));
  return map;
}

/** An Error or a Close. */
export function failure(type: number, request: number, code: number, retryAfter = 0, isInOrder = false): Uint8Array {
  const frame = beginFrame(type, request, 8);
  writeU16(frame, 8, code);
  writeU16(frame, 10, isInOrder ? 1 : 0);
  writeU32(frame, 12, retryAfter);
  return frame;
}

export function published(request: number, sequence: number, isDuplicate = false): Uint8Array {
  const frame = beginFrame(FrameType.Published, request, 24);
  writeU32(frame, 8, 1);
  frame[12] = 1;
  frame[13] = isDuplicate ? 1 : 0;
  writeU64(frame, 16, sequence);
  return frame;
}

export function subscribed(request: number, first: number, head: number, status = 0, epoch = 1): Uint8Array {
  const frame = beginFrame(FrameType.Subscribed, request, 24);
  frame[8] = status;
  writeU32(frame, 12, epoch);
  writeU64(frame, 16, first);
  writeU64(frame, 24, head);
  return frame;
}

/** A record of a text. */
export function record(sequence: number, text: string, sender: UserId = BEN): Uint8Array {
  return recordOf(sequence, 1, new TextEncoder().encode(text), sender);
}

/** A Deliver of the record that says that somebody is no member any more. */
export function memberRemoved(sequence: number, user: UserId): Uint8Array {
  const body = new Uint8Array(24);
  writeHex(body, 0, user);
  return deliverOf([recordOf(sequence, 129, body, BEN)], ROOM, FrameType.Deliver, 0, 1);
}

function recordOf(sequence: number, kind: number, body: Uint8Array, sender: UserId): Uint8Array {
  const bytes = new Uint8Array(68 + body.length);
  writeU32(bytes, 0, bytes.length);
  writeU64(bytes, 8, sequence);
  writeU64(bytes, 16, 1_700_000_000_000_000 + sequence);
  writeHex(bytes, 24, sender);
  writeU64(bytes, 40, sequence);
  bytes[64] = kind;
  bytes.set(body, 68);
  writeU32(bytes, 4, crc32c(bytes, 8));
  return bytes;
}

/** A Deliver or Chunk of texts from a sequence on. */
export function deliver(first: number, texts: readonly string[], conversation = ROOM, type: number = FrameType.Deliver, request = 0, epoch = 1): Uint8Array {
  return deliverOf(texts.map((text, i) => record(first + i, text)), conversation, type, request, epoch);
}

function deliverOf(records: readonly Uint8Array[], conversation: ConversationId, type: number, request: number, epoch: number): Uint8Array {
  const head = new Uint8Array(24);
  writeHex(head, 0, conversation);
  writeU32(head, 16, epoch);
  writeU32(head, 20, records.length);
  return writeFrame(type, request, join([head, ...records]));
}

export function fetchEnd(request: number, first: number, last: number, isComplete = true, head = last): Uint8Array {
  const frame = beginFrame(FrameType.FetchEnd, request, 40);
  frame[8] = isComplete ? 1 : 0;
  writeU32(frame, 12, 1);
  writeU32(frame, 16, last === 0 ? 0 : last - first + 1);
  writeU64(frame, 24, first);
  writeU64(frame, 32, last);
  writeU64(frame, 40, head);
  return frame;
}

/** Where a Subscribe begins. */
export function afterOf(subscribe: Frame): number {
  return new DataView(subscribe.body.buffer, subscribe.body.byteOffset).getUint32(24, true);
}

/** The client message id of a Publish. */
export function idOf(publish: Frame): string {
  return readId(publish.body, 16);
}

export { START };
