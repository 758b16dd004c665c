import assert from "node:assert/strict";
import { test } from "node:test";
import { ControlMap } from "../src/protocol/control/ControlMap.js";
import { CloseCode } from "../src/protocol/CloseCode.js";
import { ErrorCode } from "../src/protocol/ErrorCode.js";
import { readU32, writeU64 } from "../src/protocol/encoding/Numbers.js";
import { FrameType } from "../src/protocol/FrameType.js";
import { beginFrame, writeFrame } from "../src/protocol/FrameWriter.js";
import { fromHex, writeHex, type ConversationId } from "../src/protocol/primitives/Ids.js";
import { LATEST, START } from "../src/protocol/primitives/LogPosition.js";
import type { ChatMessage } from "../src/client/ChatMessage.js";
import { ConnectionError, EpochChangedError, HistoryTruncatedError, PositionAheadError, RequestError } from "../src/client/ClientError.js";
import type { FastChatClient } from "../src/client/FastChatClient.js";
import type { SubscriptionEnd } from "../src/client/Reading.js";
import { ADA, afterOf, BEN, deliver, failure, FakeBroker, fetchEnd, memberRemoved, ROOM, subscribed } from "./support/FakeBroker.js";
import { settle } from "./support/FakeClock.js";

/** A subscription that remembers what it was given. */
function watch(client: FastChatClient, after = START) {
  const batches: string[][] = [];
  const ends: SubscriptionEnd[] = [];
  const subscription = client.subscribe(ROOM, after, {
    onMessages: (messages) => void batches.push(messages.map((message) => `${message.sequence}:${message.text}`)),
    onEnd: (end) => ends.push(end),
  });
  return { batches, ends, subscription, all: () => batches.flat() };
}

async function take(broker: FakeBroker, first: number, head: number, status = 0, epoch = 1): Promise<void> {
  await settle();
  await broker.now.give(subscribed(broker.now.last(FrameType.Subscribe).request, first, head, status, epoch));
}

test("records come in order, and a reconnect goes on behind the last one, without a gap or a duplicate", async () => {
  const broker = new FakeBroker();
  const client = await broker.connected();
  const { all, subscription } = watch(client);
  await take(broker, 1, 2);
  await broker.now.give(deliver(1, ["a", "b"]));
  await broker.now.break();
  await broker.clock.advance(1000);
  await broker.now.welcome();
  assert.equal(afterOf(broker.now.last(FrameType.Subscribe)), 2);
  assert.equal(readU32(broker.now.last(FrameType.Subscribe).body, 16), 1, "the epoch is named");
  await take(broker, 3, 4);
  await broker.now.give(deliver(3, ["c"]), deliver(4, ["d"]));
  assert.deepEqual(all(), ["1:a", "2:b", "3:c", "4:d"]);
  assert.deepEqual(subscription.position, { epoch: 1, sequence: 4 });
});

test("what comes at once is handed over at once", async () => {
  const broker = new FakeBroker();
  const client = await broker.connected();
  const { batches } = watch(client);
  await take(broker, 1, 0);
  await broker.now.give(deliver(1, ["a", "b"]), deliver(3, ["c"]));
  assert.deepEqual(batches, [["1:a", "2:b", "3:c"]]);
});

for (const [title, frame] of [
  ["a gap", deliver(3, ["x"])],
  ["a duplicate", deliver(1, ["x"])],
  ["another epoch", deliver(2, ["x"], ROOM, FrameType.Deliver, 0, 2)],
] as const) {
  test(`${title} is never processed: the connection is closed with BAD_FRAME and taken up behind the last record`, async () => {
    const broker = new FakeBroker();
    const client = await broker.connected();
    const { all } = watch(client);
    await take(broker, 1, 1);
    await broker.now.give(deliver(1, ["a"]));
    await broker.now.give(frame);
    assert.equal(client.state.lastClose?.code, CloseCode.BadFrame);
    assert.deepEqual(all(), ["1:a"]);
    await broker.clock.advance(1000);
    await broker.now.welcome();
    assert.equal(afterOf(broker.now.last(FrameType.Subscribe)), 1);
  });
}

test("a damaged record is never processed", async () => {
  const broker = new FakeBroker();
  const client = await broker.connected();
  const { all } = watch(client);
  await take(broker, 1, 1);
  const frame = deliver(1, ["a"]);
  frame[frame.length - 1]! ^= 1;
  await broker.now.give(frame);
  assert.equal(client.state.lastClose?.code, CloseCode.BadFrame);
  assert.deepEqual(all(), []);
});

test("ends are typed: EPOCH_CHANGED, TRUNCATED, POSITION_AHEAD, refused, removed, erased, the client's", async () => {
  const broker = new FakeBroker();
  const client = await broker.connected();
  const end = async (give: (request: number) => Uint8Array): Promise<SubscriptionEnd> => {
    const { ends } = watch(client, { epoch: 1, sequence: 57 });
    await settle();
    await broker.now.give(give(broker.now.last(FrameType.Subscribe).request));
    // Where the broker has the subscription, it is told that nobody reads.
    const last = broker.now.frames.at(-1)!;
    if (last.type === FrameType.Unsubscribe) {
      await broker.now.give(writeFrame(FrameType.Unsubscribed, last.request, fromHex(ROOM)));
    }

    assert.equal(ends.length, 1);
    return ends[0]!;
  };

  const changed = await end((request) => subscribed(request, 0, 50, 2, 2));
  assert.ok(changed.reason === "epochChanged" && changed.error instanceof EpochChangedError);
  assert.deepEqual([changed.error.epoch, changed.error.head, changed.error.position.sequence], [2, 50, 57]);
  const truncated = await end((request) => subscribed(request, 90, 100, 1));
  assert.ok(truncated.reason === "truncated" && truncated.error instanceof HistoryTruncatedError);
  assert.deepEqual(truncated.error.resumeAfter, { epoch: 1, sequence: 89 });
  assert.equal(broker.now.of(FrameType.Unsubscribe).length, 1);
  const ahead = await end((request) => failure(FrameType.Error, request, ErrorCode.PositionAhead));
  assert.ok(ahead.reason === "positionAhead" && ahead.error instanceof PositionAheadError && ahead.error.position.sequence === 57);
  const refused = await end((request) => failure(FrameType.Error, request, ErrorCode.NoSuchConversation));
  assert.ok(refused.reason === "refused" && refused.error instanceof RequestError);

  const removed = watch(client, LATEST);
  await take(broker, 101, 100);
  await broker.now.give(deliver(101, ["bye"]), memberRemoved(102, ADA), writeFrame(FrameType.Unsubscribed, 0, fromHex(ROOM)));
  assert.deepEqual(removed.all(), ["101:bye", "102:undefined"]);
  assert.deepEqual(removed.ends, [{ reason: "removed" }]);

  const erased = watch(client, LATEST);
  await take(broker, 103, 102);
  await broker.now.give(memberRemoved(103, BEN), writeFrame(FrameType.Unsubscribed, 0, fromHex(ROOM)));
  assert.deepEqual(erased.ends, [{ reason: "erased" }], "another one was removed, and then the conversation went");

  const ended = watch(client, LATEST);
  await settle();
  await client.close();
  await settle();
  assert.ok(ended.ends[0]?.reason === "clientEnded" && ended.ends[0].error instanceof ConnectionError);
});

test("a subscription that failed for a reason that may pass is asked for again, after the time that the broker named", async () => {
  const broker = new FakeBroker();
  const client = await broker.connected();
  watch(client);
  await settle();
  await broker.now.give(failure(FrameType.Error, broker.now.last(FrameType.Subscribe).request, ErrorCode.Overloaded, 2000));
  await broker.clock.advance(1999);
  assert.equal(broker.now.of(FrameType.Subscribe).length, 1);
  await broker.clock.advance(2);
  assert.equal(broker.now.of(FrameType.Subscribe).length, 2);
});

test("a conversation is read once at a time, and again after its Unsubscribed", async () => {
  const broker = new FakeBroker();
  const client = await broker.connected();
  const first = watch(client);
  assert.throws(() => watch(client), /already/);
  await take(broker, 1, 0);
  first.subscription.close();
  const second = watch(client);
  await settle();
  assert.equal(broker.now.of(FrameType.Subscribe).length, 1, "not before the answer to Unsubscribe");
  await broker.now.give(deliver(1, ["late"]), writeFrame(FrameType.Unsubscribed, broker.now.last(FrameType.Unsubscribe).request, fromHex(ROOM)));
  assert.equal(broker.now.of(FrameType.Subscribe).length, 2);
  await take(broker, 1, 1);
  await broker.now.give(deliver(1, ["late"]));
  assert.deepEqual(first.all(), []);
  assert.deepEqual(second.all(), ["1:late"]);
});

test("credit: the window is what Hello says, is given back as messages are processed, and counts over reconnects", async () => {
  const broker = new FakeBroker();
  const client = await broker.connected({ window: 4096 });
  assert.equal(broker.now.hello.number("window"), 4096);
  const waiting: (() => void)[] = [];
  const got: ChatMessage[] = [];
  client.subscribe(ROOM, START, {
    onMessages(messages) {
      got.push(...messages);
      return new Promise<void>((resolve) => waiting.push(resolve));
    },
  });
  await take(broker, 1, 0);
  const large = "x".repeat(1000);
  await broker.now.give(deliver(1, [large, large]));
  await broker.now.give(deliver(3, [large]));
  assert.equal(got.length, 2, "what follows waits until the promise is fulfilled");
  assert.equal(broker.now.of(FrameType.Credit).length, 0);
  await broker.now.break();
  await broker.clock.advance(1000);
  await broker.now.open();
  const held = 2 * 8 + 2 * 24 + 3 * 1068;
  assert.equal(broker.now.hello.number("window"), 4096 - held, "what lies here is not asked for again");
  await broker.now.welcome();
  assert.equal(afterOf(broker.now.last(FrameType.Subscribe)), 3);
  waiting.shift()!();
  await settle();
  assert.equal(got.length, 3);
  assert.equal(readU32(broker.now.last(FrameType.Credit).body, 0), 8 + 24 + 2 * 1068);
});

test("a broker that sends more than its credit is closed", async () => {
  const broker = new FakeBroker();
  const client = await broker.connected({ window: 4096 });
  client.subscribe(ROOM, START, { onMessages: () => new Promise(() => undefined) });
  await take(broker, 1, 0);
  await broker.now.give(deliver(1, ["x".repeat(5000)]));
  assert.equal(client.state.phase, "connected", "one frame may go beyond");
  await broker.now.give(deliver(2, ["y"]));
  assert.equal(client.state.lastClose?.code, CloseCode.BadFrame);
});

test("what the application stopped reading is given back", async () => {
  const broker = new FakeBroker();
  const client = await broker.connected({ window: 4096 });
  const subscription = client.subscribe(ROOM, START, { onMessages: () => new Promise(() => undefined) });
  await take(broker, 1, 0);
  await broker.now.give(deliver(1, ["a"]));
  await broker.now.give(deliver(2, ["x".repeat(2000)]));
  subscription.close();
  await broker.now.give(deliver(3, ["y".repeat(1500)]));
  const credit = broker.now.of(FrameType.Credit).reduce((sum, frame) => sum + readU32(frame.body, 0), 0);
  assert.ok(credit >= 2000 + 1500, String(credit));
});

test("Lag is told and changes nothing", async () => {
  const broker = new FakeBroker();
  const client = await broker.connected();
  const lags: number[] = [];
  client.on("lagged", (lag) => lags.push(lag.next, lag.head));
  const { all } = watch(client);
  await take(broker, 1, 0);
  const lag = beginFrame(FrameType.Lag, 0, 40);
  writeHex(lag, 8, ROOM);
  writeU64(lag, 32, 2);
  writeU64(lag, 40, 9);
  await broker.now.give(deliver(1, ["a"]), lag, deliver(2, ["b"]));
  assert.deepEqual(lags, [2, 9]);
  assert.deepEqual(all(), ["1:a", "2:b"]);
});

test("a Lag that says that the log was cut off ends the subscription: what is missing is told, and nothing is skipped silently", async () => {
  const broker = new FakeBroker();
  const client = await broker.connected();
  const { all, ends } = watch(client);
  await take(broker, 1, 0);
  const cut = beginFrame(FrameType.Lag, 0, 40);
  writeHex(cut, 8, ROOM);
  cut[24] = 1;
  cut[28] = 1;
  writeU64(cut, 32, 180);
  writeU64(cut, 40, 204);
  await broker.now.give(deliver(1, ["a"]), cut, deliver(180, ["never"]));
  assert.deepEqual(all(), ["1:a"]);
  const [end] = ends;
  assert.ok(end?.reason === "truncated" && end.error instanceof HistoryTruncatedError);
  assert.deepEqual([end.error.first, end.error.position.sequence, end.error.resumeAfter], [180, 1, { epoch: 1, sequence: 179 }]);
  assert.equal(broker.now.of(FrameType.Unsubscribe).length, 1);
  assert.equal(client.state.phase, "connected");
});

test("read enumerates, message by message, and ends with the abort signal", async () => {
  const broker = new FakeBroker();
  const client = await broker.connected();
  const abort = new AbortController();
  const got: string[] = [];
  const reading = (async () => {
    for await (const message of client.read(ROOM, START, { signal: abort.signal })) {
      got.push(message.text!);
    }
  })();
  await take(broker, 1, 0);
  await broker.now.give(deliver(1, ["a", "b"]));
  abort.abort();
  await assert.rejects(reading, (error) => (error as Error).name === "AbortError");
  assert.deepEqual(got, ["a", "b"]);
  await settle();
  assert.equal(broker.now.of(FrameType.Unsubscribe).length, 1);
});

test("read in batches, and breaking off unsubscribes", async () => {
  const broker = new FakeBroker();
  const client = await broker.connected();
  const reading = client.read(ROOM);
  const first = (async () => {
    for await (const batch of reading.batches()) {
      return batch.length;
    }

    return 0;
  })();
  await take(broker, 1, 0);
  await broker.now.give(deliver(1, ["a", "b", "c"]));
  assert.equal(await first, 3);
  assert.deepEqual(reading.position, { epoch: 1, sequence: 3 });
  await settle();
  assert.equal(broker.now.of(FrameType.Unsubscribe).length, 1);
});

test("a page of history: chunks are joined, and a break begins it anew", async () => {
  const broker = new FakeBroker();
  const client = await broker.connected();
  const fetching = client.fetch(ROOM, { before: { epoch: 1, sequence: 5 }, limit: 4 });
  await settle();
  let request = broker.now.last(FrameType.Fetch).request;
  await broker.now.give(deliver(1, ["a", "b"], ROOM, FrameType.Chunk, request));
  await broker.now.break();
  await broker.clock.advance(1000);
  await broker.now.welcome();
  request = broker.now.last(FrameType.Fetch).request;
  await broker.now.give(deliver(1, ["a", "b"], ROOM, FrameType.Chunk, request), deliver(3, ["c", "d"], ROOM, FrameType.Chunk, request), fetchEnd(request, 1, 4, true, 9));
  const page = await fetching;
  assert.deepEqual(page.messages.map((message) => message.text), ["a", "b", "c", "d"]);
  assert.deepEqual([page.isComplete, page.head], [true, 9]);
});

test("what is no place in a log is refused before it is asked for", async () => {
  const broker = new FakeBroker();
  const client = await broker.connected();
  for (const position of [{ epoch: 1, sequence: -1 }, { epoch: 1, sequence: NaN }, { epoch: -1, sequence: 0 }, { epoch: 1, sequence: 0.5 }]) {
    await assert.rejects(client.fetch(ROOM, { after: position }), TypeError);
    assert.throws(() => client.subscribe(ROOM, position, { onMessages: () => undefined }), TypeError);
  }

  assert.throws(() => client.subscribe("lobby" as ConversationId, START, { onMessages: () => undefined }), TypeError);
  await assert.rejects(client.hide(ROOM, [-1]), RangeError);
  await settle();
  assert.equal(client.state.phase, "connected");
});

test("a page of another epoch is an EpochChangedError", async () => {
  const broker = new FakeBroker();
  const client = await broker.connected();
  const fetching = assert.rejects(client.fetch(ROOM, { after: { epoch: 7, sequence: 5 } }), EpochChangedError);
  await settle();
  await broker.now.give(fetchEnd(broker.now.last(FrameType.Fetch).request, 0, 0, false, 0));
  await fetching;
});

test("at most 16 fetches are under way, and control requests do not wait for them", async () => {
  const broker = new FakeBroker();
  const client = await broker.connected();
  for (let i = 0; i < 20; i++) {
    client.fetch(ROOM).catch(() => undefined);
  }

  client.getConversation(ROOM).catch(() => undefined);
  await settle();
  assert.equal(broker.now.of(FrameType.Fetch).length, 16);
  assert.equal(broker.now.of(FrameType.ResolveConversation).length, 1);
  await broker.now.give(fetchEnd(broker.now.last(FrameType.Fetch).request, 0, 0));
  assert.equal(broker.now.of(FrameType.Fetch).length, 17);
});

test("a request that may be repeated is asked again after a break, one that may not fails, one that was not sent waits", async () => {
  const broker = new FakeBroker();
  const client = await broker.connected();
  const repeatable = client.getConversation(ROOM);
  const once = client.leave(ROOM);
  await settle();
  const failed = assert.rejects(once, (error) => error instanceof ConnectionError && !error.isFinal);
  await broker.now.break();
  await failed;
  const later = client.leave(ROOM);
  await broker.clock.advance(1000);
  await broker.now.welcome();
  assert.equal(broker.now.of(FrameType.ResolveConversation).length, 1);
  assert.equal(broker.now.of(FrameType.RemoveMember).length, 1);
  await broker.now.reply(broker.now.last(FrameType.ResolveConversation).request, new ControlMap().setId("conversation", ROOM).set("kind", "public").set("role", "owner").set("epoch", 1).set("head", 4));
  await broker.now.reply(broker.now.last(FrameType.RemoveMember).request, new ControlMap().set("sequence", 5));
  assert.equal((await repeatable).role, "owner");
  assert.equal(await later, 5);
});

test("a request that is given up is answered all the same, and nobody minds", async () => {
  const broker = new FakeBroker();
  const client = await broker.connected();
  const abort = new AbortController();
  const asked = assert.rejects(client.getConversation(ROOM, { signal: abort.signal }), (error) => (error as Error).name === "AbortError");
  await settle();
  abort.abort();
  await asked;
  await broker.now.reply(broker.now.last(FrameType.ResolveConversation).request, new ControlMap().setId("conversation", ROOM));
  assert.equal(client.state.phase, "connected");
});

test("a request that is larger than the broker reads is refused here", async () => {
  const broker = new FakeBroker();
  const client = await broker.connected();
  await assert.rejects(client.setProfile({ fields: { x: "y".repeat(70_000) } }), (error) => error instanceof RequestError && error.code === ErrorCode.BadRequest);
  await assert.rejects(client.setProfile({ displayName: "\ud800" }), RequestError);
});

test("who types: told once at the beginning, once at the end, which comes by itself, with a message, or with the connection", async () => {
  const broker = new FakeBroker();
  const client = await broker.connected();
  const seen: string[] = [];
  client.on("typing", ({ kind }) => seen.push(kind));
  watch(client);
  await take(broker, 1, 0);
  const signal = beginFrame(FrameType.Signal, 0, 40);
  writeHex(signal, 8, ROOM);
  writeHex(signal, 24, BEN);
  signal[40] = 1;
  signal[44] = 8000 & 0xff;
  signal[45] = 8000 >> 8;
  await broker.now.give(signal);
  await broker.now.give(signal);
  await broker.clock.advance(8001);
  assert.deepEqual(seen, ["typing", "stopped"]);
  await broker.now.give(signal);
  await broker.now.give(deliver(1, ["here it is"]));
  assert.deepEqual(seen, ["typing", "stopped", "typing", "stopped"]);
  await broker.now.give(signal);
  await broker.now.break();
  assert.deepEqual(seen, ["typing", "stopped", "typing", "stopped", "typing", "stopped"]);
});

test("one's own typing is said at the beginning, every five seconds, and at the end", async () => {
  const broker = new FakeBroker();
  const client = await broker.connected();
  const count = () => broker.now.of(FrameType.Signal).length;
  client.signalTyping(ROOM);
  client.signalTyping(ROOM);
  await settle();
  assert.equal(count(), 1);
  await broker.clock.advance(5001);
  client.signalTyping(ROOM);
  await settle();
  assert.equal(count(), 2);
  client.signalTyping(ROOM, "stopped");
  client.signalTyping(ROOM, "stopped");
  await settle();
  assert.equal(count(), 3);
});

test("presence: everybody, then what changes, merged; everybody again after a reconnect", async () => {
  const broker = new FakeBroker();
  const client = await broker.connected();
  const watching = client.watchPresence(ROOM)[Symbol.asyncIterator]();
  const first = watching.next();
  await settle();
  const snapshot = () =>
    new ControlMap().set("online", 1).set("members", 2).set("entries", [new ControlMap().setId("user", BEN).set("availability", "online")]);
  await broker.now.reply(broker.now.last(FrameType.WatchPresence).request, snapshot());
  assert.deepEqual((await first).value, {
    isRestart: true, online: 1, members: 2, entries: [{ user: BEN, availability: "online", lastSeen: undefined, status: "" }],
  });
  await broker.now.break();
  await broker.clock.advance(1000);
  await broker.now.welcome();
  await broker.now.reply(broker.now.last(FrameType.WatchPresence).request, snapshot());
  assert.equal(((await watching.next()).value as { isRestart: boolean }).isRestart, true);
  await watching.return?.();
  await settle();
  assert.equal(broker.now.of(FrameType.WatchPresence).length, 2, "the watch, and its end");
});

test("notices are told, and those that cannot be read are of a later version", async () => {
  const broker = new FakeBroker();
  const client = await broker.connected();
  const seen: unknown[] = [];
  client.on("notice", (notice) => seen.push(notice.event, notice.version));
  client.on("cursor", (notice) => seen.push(notice.cursor.read));
  await broker.now.give(
    writeFrame(FrameType.Notice, 0, new ControlMap().set("event", "profile").setId("user", BEN).set("version", 3).toBytes()),
    writeFrame(FrameType.Notice, 0, new ControlMap().set("event", "cursor").setId("conversation", ROOM).setId("user", BEN).set("delivered", 9).set("read", 8).toBytes()),
    writeFrame(FrameType.Notice, 0, new Uint8Array([0xc1])),
    writeFrame(FrameType.Notice, 0, new ControlMap().set("event", 5).toBytes()),
  );
  assert.deepEqual(seen, ["profile", 3, 8]);
  assert.equal(client.state.phase, "connected");
});

test("many conversations are subscribed again in the order in which they were begun", async () => {
  const broker = new FakeBroker();
  const client = await broker.connected();
  const rooms = Array.from({ length: 50 }, (_, i) => (i + 1).toString(16).padStart(32, "f") as ConversationId);
  rooms.forEach((room) => client.subscribe(room, START, { onMessages: () => undefined }));
  await settle();
  await broker.now.break();
  await broker.clock.advance(1000);
  await broker.now.welcome();
  assert.deepEqual(broker.now.of(FrameType.Subscribe).map((frame) => Buffer.from(frame.body.subarray(0, 16)).toString("hex")), rooms);
});
