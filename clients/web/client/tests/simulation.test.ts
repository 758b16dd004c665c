import assert from "node:assert/strict";
import { test } from "node:test";
import { ErrorCode } from "../src/protocol/ErrorCode.js";
import { CloseCode } from "../src/protocol/CloseCode.js";
import { FrameType } from "../src/protocol/FrameType.js";
import { join, type Frame } from "../src/protocol/FrameReader.js";
import { readU32, writeU32, writeU64 } from "../src/protocol/encoding/Numbers.js";
import { crc32c } from "../src/protocol/encoding/Crc32C.js";
import { writeFrame } from "../src/protocol/FrameWriter.js";
import { fromHex, readId, writeHex, type ConversationId } from "../src/protocol/primitives/Ids.js";
import type { Publishing } from "../src/client/Publishing.js";
import { ADA, failure, FakeBroker, type FakeConnection, published, ROOM, subscribed, welcomeMap } from "./support/FakeBroker.js";
import { settle } from "./support/FakeClock.js";

const ROOMS: readonly ConversationId[] = [ROOM, "d0".repeat(16) as ConversationId];

function randomFrom(seed: number): (below: number) => number {
  let state = (seed * 2_654_435_761) >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 0x1_0000_0000) * below);
  };
}

interface Stored {
  readonly id: string;
  readonly text: string;
}

/**
 * A broker as protocol.md has it, as far as publishing and delivering go: logs, duplicates by id, refusals in order, and a transport that breaks anywhere, loses what is on its way in either direction, and cuts frames wherever it
 * likes. What it does is decided by a seed.
 */
class World {
  readonly broker = new FakeBroker();
  readonly logs = new Map<ConversationId, Stored[]>(ROOMS.map((room) => [room, []]));
  readonly #random: (below: number) => number;

  /** Of the present connection. */
  #connection: FakeConnection | undefined;
  #seen = 0;
  #subscriptions = new Map<ConversationId, number>();
  #refusing: { readonly request: number; readonly code: number } | undefined;

  /** Frames on their way to the client. */
  #way: Uint8Array[] = [];

  constructor(seed: number) {
    this.#random = randomFrom(seed);
  }

  chance(percent: number): boolean {
    return this.#random(100) < percent;
  }

  pick(below: number): number {
    return this.#random(below);
  }

  /** One thing happens. */
  async step(isCalm: boolean): Promise<void> {
    const connection = this.broker.connections.at(-1);
    if (connection !== undefined && connection !== this.#connection && connection.readyState === 0) {
      this.#connection = connection;
      this.#seen = 0;
      this.#subscriptions.clear();
      this.#refusing = undefined;
      this.#way = [];
      await connection.open();
    }

    const here = this.#connection;
    if (here === undefined || here.readyState !== 1) {
      await this.broker.clock.advance(this.pick(400));
      return;
    }

    if (!isCalm && this.chance(4)) {
      // What was on its way to the client is lost, and maybe what the client sent was not even read.
      if (this.chance(50)) {
        this.#read(here, this.pick(5));
      }

      await here.break(this.chance(30) ? CloseCode.Draining : undefined);
      return;
    }

    this.#read(here, isCalm ? 1000 : this.pick(12));
    if (isCalm || this.chance(70)) {
      await this.#give(here);
    }

    if (this.chance(30)) {
      await this.broker.clock.advance(this.pick(50));
    }
  }

  /** Takes some of the frames that the client sent. */
  #read(connection: FakeConnection, count: number): void {
    for (const frame of connection.frames.slice(this.#seen, this.#seen + count)) {
      this.#seen++;
      this.#handle(frame);
    }
  }

  #handle(frame: Frame): void {
    switch (frame.type) {
      case FrameType.Hello:
        this.#way.push(welcomeFrame());
        break;
      case FrameType.Subscribe: {
        const room = readId<ConversationId>(frame.body, 0);
        const after = readU32(frame.body, 24);
        const head = this.logs.get(room)!.length;
        assert.ok(after <= head, "a position that was never given out");
        assert.ok(!this.#subscriptions.has(room), "subscribed twice");
        this.#subscriptions.set(room, after);
        this.#way.push(subscribed(frame.request, after + 1, head));
        this.#deliver(room);
        break;
      }
      case FrameType.Unsubscribe: {
        const room = readId<ConversationId>(frame.body, 0);
        this.#subscriptions.delete(room);
        this.#way.push(writeFrame(FrameType.Unsubscribed, frame.request, fromHex(room)));
        break;
      }
      case FrameType.Publish:
        this.#publish(frame);
        break;
      case FrameType.Ping:
        this.#way.push(writeFrame(FrameType.Pong, frame.request, frame.body));
        break;
    }
  }

  #publish(frame: Frame): void {
    const room = readId<ConversationId>(frame.body, 0);
    const id = readId(frame.body, 16);
    const log = this.logs.get(room)!;
    if (this.#refusing !== undefined && this.#refusing.request !== frame.request) {
      this.#way.push(failure(FrameType.Error, frame.request, this.#refusing.code, 40, true));
      return;
    }

    if (this.chance(3)) {
      this.#refusing = { request: frame.request, code: this.chance(50) ? ErrorCode.StoreFull : ErrorCode.RateLimited };
      this.#way.push(failure(FrameType.Error, frame.request, this.#refusing.code, 40, true));
      return;
    }

    this.#refusing = undefined;
    const earlier = log.findIndex((stored) => stored.id === id);
    if (earlier >= 0) {
      this.#way.push(published(frame.request, earlier + 1, true));
      return;
    }

    log.push({ id, text: new TextDecoder().decode(frame.body.subarray(36)) });
    const answer = published(frame.request, log.length);
    if (this.chance(50)) {
      this.#way.push(answer);
      this.#deliver(room);
    } else {
      // The Deliver of a message and its Published may come in either order.
      this.#deliver(room);
      this.#way.push(answer);
    }
  }

  #deliver(room: ConversationId): void {
    const log = this.logs.get(room)!;
    for (let after = this.#subscriptions.get(room) ?? Infinity; after < log.length; ) {
      const count = Math.min(log.length - after, 1 + this.pick(5));
      this.#way.push(deliverFrame(room, after + 1, log.slice(after, after + count)));
      after += count;
      this.#subscriptions.set(room, after);
    }
  }

  /** Some of what is on its way arrives, cut wherever the transport likes. */
  async #give(connection: FakeConnection): Promise<void> {
    const bytes = join(this.#way);
    this.#way = [];
    for (let at = 0; at < bytes.length && connection.readyState === 1; ) {
      const size = this.chance(60) ? bytes.length - at : 1 + this.pick(40);
      await connection.give(bytes.slice(at, at + size));
      at += size;
    }
  }
}

/** How many worlds; a failure names its seed, and SIMULATION_FROM runs it again. */
const FROM = Number(process.env["SIMULATION_FROM"] ?? 1);
const COUNT = Number(process.env["SIMULATION_SEEDS"] ?? 120);

test(`whatever happens (${COUNT} seeds from ${FROM}): each publish is there once, in its order, and each reader gets everything once, in order`, async () => {
  for (let seed = FROM; seed < FROM + COUNT; seed++) {
    await run(seed);
  }
});

async function run(seed: number): Promise<void> {
  const world = new World(seed);
  const client = world.broker.start({ window: 65_536 });
  const read = new Map<ConversationId, string[]>(ROOMS.map((room) => [room, []]));
  const said = new Map<ConversationId, Publishing[]>(ROOMS.map((room) => [room, []]));
  const subscribe = (room: ConversationId) => {
    const texts = read.get(room)!;
    return client.subscribe(room, { epoch: texts.length === 0 ? 0 : 1, sequence: texts.length }, { onMessages: (messages) => void texts.push(...messages.map((message) => message.text!)) });
  };
  const subscriptions = ROOMS.map(subscribe);
  await settle();
  for (let step = 0; step < 150; step++) {
    for (let count = world.pick(4); count > 0; count--) {
      const room = ROOMS[world.pick(2)]!;
      const all = said.get(room)!;
      all.push(client.publishText(room, `${ROOMS.indexOf(room)}/${all.length}`));
    }

    if (world.chance(3)) {
      // The application stops reading, and goes on from where it was.
      const which = world.pick(2);
      subscriptions[which]!.close();
      subscriptions[which] = subscribe(ROOMS[which]!);
    }

    await world.step(false);
  }

  for (let step = 0; step < 400 && client.unanswered.length > 0; step++) {
    await world.step(true);
  }

  for (let step = 0; step < 20; step++) {
    await world.step(true);
  }

  for (const room of ROOMS) {
    const expected = said.get(room)!.map((_, i) => `${ROOMS.indexOf(room)}/${i}`);
    assert.deepEqual(world.logs.get(room)!.map((stored) => stored.text), expected, `seed ${seed}: the log`);
    assert.deepEqual(said.get(room)!.map((publishing) => publishing.receipt?.sequence), expected.map((_, i) => i + 1), `seed ${seed}: receipts`);
    assert.deepEqual(read.get(room), expected, `seed ${seed}: what was read`);
  }

  await client.close();
  assert.equal(world.broker.clock.pending, 0, `seed ${seed}: timers`);
}

/** The answer to Hello. */
function welcomeFrame(): Uint8Array {
  return writeFrame(FrameType.Welcome, 0, welcomeMap({ in_flight_max: 20 }).toBytes());
}

function deliverFrame(room: ConversationId, first: number, stored: readonly Stored[]): Uint8Array {
  const head = new Uint8Array(24);
  writeHex(head, 0, room);
  writeU32(head, 16, 1);
  writeU32(head, 20, stored.length);
  const records = stored.map(({ id, text }, i) => {
    const body = new TextEncoder().encode(text);
    const bytes = new Uint8Array(68 + body.length);
    writeU32(bytes, 0, bytes.length);
    writeU64(bytes, 8, first + i);
    writeHex(bytes, 24, ADA);
    writeHex(bytes, 40, id);
    bytes[64] = 1;
    bytes.set(body, 68);
    writeU32(bytes, 4, crc32c(bytes, 8));
    return bytes;
  });
  return writeFrame(FrameType.Deliver, 0, join([head, ...records]));
}
