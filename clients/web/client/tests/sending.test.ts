import assert from "node:assert/strict";
import { test } from "node:test";
import { ErrorCode } from "../src/protocol/ErrorCode.js";
import { FrameType } from "../src/protocol/FrameType.js";
import { ConnectionError, QueueFullError, RateLimitedError, RequestError } from "../src/client/ClientError.js";
import type { FastChatClient } from "../src/client/FastChatClient.js";
import type { Publishing } from "../src/client/Publishing.js";
import { MessageKind } from "../src/protocol/primitives/MessageKind.js";
import type { ClientMessageId } from "../src/protocol/primitives/Ids.js";
import { FakeBroker, failure, idOf, published, ROOM } from "./support/FakeBroker.js";
import { settle } from "./support/FakeClock.js";

function states(client: FastChatClient): string[] {
  const seen: string[] = [];
  client.on("publishing", (publishing) => seen.push(`${new TextDecoder().decode(publishing.body)} ${publishing.state}`));
  return seen;
}

test("a publish goes queued, sent, durable", async () => {
  const broker = new FakeBroker();
  const client = await broker.connected();
  const seen: string[] = [];
  const publishing = client.publishText(ROOM, "hello");
  publishing.onState((state) => seen.push(state));
  assert.equal(publishing.state, "queued");
  await settle();
  assert.equal(publishing.state, "sent");
  const frame = broker.now.last(FrameType.Publish);
  assert.equal(idOf(frame), publishing.id);
  await broker.now.give(published(frame.request, 7));
  const receipt = await publishing;
  assert.equal(receipt.sequence, 7);
  assert.deepEqual(seen, ["sent", "durable"]);
  assert.equal(client.sendQueueBytes, 0);
});

test("what is published in one turn goes out in one message", async () => {
  const broker = new FakeBroker();
  const client = await broker.connected();
  const before = broker.now.messages;
  for (let i = 0; i < 500; i++) {
    client.publishText(ROOM, `m${i}`);
  }

  void client.getConversation(ROOM).catch(() => undefined);
  await settle();
  assert.equal(broker.now.messages, before + 1);
  assert.equal(broker.now.of(FrameType.Publish).length, 500);
});

test("what a broken connection left unanswered is sent again, in order and with the same ids, before anything newer", async () => {
  const broker = new FakeBroker();
  const client = await broker.connected();
  const all = ["a", "b", "c", "d"].map((text) => client.publishText(ROOM, text));
  await settle();
  const first = broker.now;
  const sent = first.of(FrameType.Publish);

  // The second is answered before the connection breaks; the others are not.
  await first.give(published(sent[1]!.request, 2));
  await first.break();
  assert.deepEqual(all.map((one) => one.state), ["queued", "durable", "queued", "queued"]);
  const newer = client.publishText(ROOM, "e");
  await broker.clock.advance(1000);
  await broker.now.welcome();
  const again = broker.now.of(FrameType.Publish);
  assert.deepEqual(again.map(idOf), [all[0]!.id, all[2]!.id, all[3]!.id, newer.id]);
  await broker.now.give(...again.map((frame, i) => published(frame.request, i + 3, i === 0)));
  assert.equal((await all[0]!).isDuplicate, true);
  assert.equal(newer.state, "durable");
});

test("what was published before there was a connection waits for it", async () => {
  const broker = new FakeBroker();
  const client = broker.start();
  const early = client.publishText(ROOM, "early");
  await settle();
  assert.equal(early.state, "queued");
  await broker.now.welcome();
  assert.equal(early.state, "sent");
});

test("a refusal is the answer to one message, and typed", async () => {
  const broker = new FakeBroker();
  const client = await broker.connected();
  const [a, b, c] = ["a", "b", "c"].map((text) => client.publishText(ROOM, text)) as [Publishing, Publishing, Publishing];
  await settle();
  const [fa, fb, fc] = broker.now.of(FrameType.Publish);
  await broker.now.give(failure(FrameType.Error, fa!.request, ErrorCode.Forbidden), failure(FrameType.Error, fb!.request, ErrorCode.RateLimited, 3000), published(fc!.request, 1));
  await assert.rejects(Promise.resolve(a), (error) => error instanceof RequestError && error.code === ErrorCode.Forbidden && !error.isRetryable);
  await assert.rejects(Promise.resolve(b), (error) => error instanceof RateLimitedError && error.retryAfter === 3000 && error.isRetryable);
  assert.equal((await c).sequence, 1);
});

test("refused in order (§7.4): nothing fails, and all come again in their order, with the same request numbers, when the time is over", async () => {
  const broker = new FakeBroker();
  const client = await broker.connected();
  const all = ["a", "b", "c", "d"].map((text) => client.publishText(ROOM, text));
  await settle();
  const sent = broker.now.of(FrameType.Publish);
  await broker.now.give(published(sent[0]!.request, 1), failure(FrameType.Error, sent[1]!.request, ErrorCode.StoreFull, 700, true), failure(FrameType.Error, sent[2]!.request, ErrorCode.StoreFull, 700, true));
  const later = client.publishText(ROOM, "e");
  await broker.clock.advance(5000);
  assert.equal(broker.now.of(FrameType.Publish).length, 4, "one is under way still: nothing may be sent");
  await broker.now.give(failure(FrameType.Error, sent[3]!.request, ErrorCode.StoreFull, 700, true));
  await broker.clock.advance(699);
  assert.equal(broker.now.of(FrameType.Publish).length, 4);
  await broker.clock.advance(2);
  const again = broker.now.of(FrameType.Publish).slice(4);
  assert.deepEqual(again.map(idOf), [all[1]!.id, all[2]!.id, all[3]!.id, later.id]);
  assert.deepEqual(again.slice(0, 3).map((frame) => frame.request), sent.slice(1).map((frame) => frame.request));
  await broker.now.give(...again.map((frame, i) => published(frame.request, i + 2)));
  assert.equal(later.receipt?.sequence, 5);
});

test("refused for its rate, a sender has fewer under way", async () => {
  const broker = new FakeBroker();
  const client = await broker.connected();
  for (let i = 0; i < 200; i++) {
    client.publishText(ROOM, `m${i}`);
  }

  await settle();
  const sent = broker.now.of(FrameType.Publish);
  await broker.now.give(...sent.map((frame, i) => (i < 100 ? published(frame.request, i + 1) : failure(FrameType.Error, frame.request, ErrorCode.RateLimited, 100, true))));
  await broker.clock.advance(101);
  const again = broker.now.of(FrameType.Publish).slice(200);
  assert.equal(again.length, 50, "half of what was under way when the first was refused");
  await broker.now.give(...again.map((frame, i) => published(frame.request, 101 + i)));
  await broker.clock.advance(1);
  assert.equal(broker.now.of(FrameType.Publish).length, 300);
});

test("no more publishes are under way than the broker allows", async () => {
  const broker = new FakeBroker();
  const client = await broker.connected({}, { in_flight_max: 10 });
  for (let i = 0; i < 25; i++) {
    client.publishText(ROOM, `m${i}`);
  }

  await settle();
  assert.equal(broker.now.of(FrameType.Publish).length, 10);
  await broker.now.give(published(broker.now.of(FrameType.Publish)[4]!.request, 1));
  assert.equal(broker.now.of(FrameType.Publish).length, 11);
});

test("the queue is bounded: a publish too many is refused, and waitForRoom waits", async () => {
  const broker = new FakeBroker();
  const client = await broker.connected({ sendQueueBytesMax: 1024 });
  const first = client.publish(ROOM, MessageKind.Opaque, new Uint8Array(900));
  const second = client.publish(ROOM, MessageKind.Opaque, new Uint8Array(900));
  await assert.rejects(Promise.resolve(second), QueueFullError);
  let hasRoom = false;
  client.publish(ROOM, MessageKind.Opaque, new Uint8Array(36));
  const waiting = client.waitForRoom().then(() => (hasRoom = true));
  await settle();
  assert.equal(hasRoom, false);
  await broker.now.give(published(broker.now.of(FrameType.Publish)[0]!.request, 1));
  await waiting;
  assert.equal(first.state, "durable");
});

test("what the broker would refuse is refused here", async () => {
  const broker = new FakeBroker();
  const client = await broker.connected();
  const code = (publishing: Publishing) => (publishing.error as RequestError).code;
  assert.equal(code(client.publish(ROOM, MessageKind.Opaque, new Uint8Array(65_537))), ErrorCode.BodyTooLarge);
  assert.equal(code(client.publishText(ROOM, "lone \ud800 surrogate")), ErrorCode.InvalidText);
  const attachments = [{ id: "0".repeat(64) as never, size: 1, name: "a\nb", mediaType: "" }];
  assert.equal(code(client.publishText(ROOM, "x", { attributes: { attachments } })), ErrorCode.BadRequest);
  assert.equal(code(client.react(ROOM, 1, "")), ErrorCode.BadRequest);
  assert.equal(code(client.react(ROOM, 1, "x".repeat(65))), ErrorCode.BadRequest);
  assert.equal(code(client.delete(ROOM, -1)), ErrorCode.BadRequest);
  assert.equal(code(client.pin(ROOM, NaN)), ErrorCode.BadRequest);
  assert.equal(code(client.edit(ROOM, 1, "\ud800")), ErrorCode.InvalidText);
  assert.equal(code(client.edit(ROOM, 1, "x", { attributes: { thread: 0.5 } })), ErrorCode.BadRequest);
  assert.equal(code(client.publishText(ROOM, "x", { ifHead: -1 })), ErrorCode.BadRequest);
  assert.equal(code(client.publishText("lobby" as never, "x")), ErrorCode.BadRequest);
  await settle();
  assert.equal(broker.now.of(FrameType.Publish).length, 0);
});

test("a message with attributes is a rich one", async () => {
  const broker = new FakeBroker();
  const client = await broker.connected();
  client.publishText(ROOM, "hi", { attributes: { replyTo: 5, mentions: ["b0b1b2b3b4b5b6b7b8b9babbbcbdbebf" as never], thread: 3, mentionsAll: true, expires: 1_800_000_000_000 } });
  await settle();
  const frame = broker.now.last(FrameType.Publish);
  assert.equal(frame.body[32], MessageKind.Rich);
});

test("flush waits for what was published before it, and no more", async () => {
  const broker = new FakeBroker();
  const client = await broker.connected();
  client.publishText(ROOM, "a");
  let isFlushed = false;
  const flushing = client.flush().then(() => (isFlushed = true));
  await settle();
  client.publishText(ROOM, "b");
  await settle();
  assert.equal(isFlushed, false);
  await broker.now.give(published(broker.now.of(FrameType.Publish)[0]!.request, 1));
  await flushing;
  assert.equal(client.unanswered.length, 1);
});

test("the end of the client fails what is unanswered, its outcome unknown", async () => {
  const broker = new FakeBroker();
  const client = await broker.connected();
  const seen = states(client);
  const publishing = client.publishText(ROOM, "a");
  await settle();
  await client.close();
  await assert.rejects(Promise.resolve(publishing), (error) => error instanceof ConnectionError && error.isFinal);
  assert.deepEqual(seen, ["a sent", "a queued", "a failed"]);
  assert.equal(client.publishText(ROOM, "b").state, "failed");
  await assert.rejects(client.flush(), ConnectionError);
});

test("an answer that nobody waits for is the broker's mistake", async () => {
  const broker = new FakeBroker();
  const client = await broker.connected();
  await broker.now.give(published(0x4000_0000, 1));
  assert.equal(client.state.phase, "waiting");
});

test("a transport that has not sent its bytes yet gets no more of what can wait", async () => {
  const broker = new FakeBroker();
  const client = await broker.connected();
  broker.now.bufferedAmount = 1024 * 1024;
  client.publishText(ROOM, "a");
  void client.getConversation(ROOM).catch(() => undefined);
  await settle();
  assert.equal(broker.now.of(FrameType.Publish).length, 0);
  assert.equal(broker.now.of(FrameType.ResolveConversation).length, 1);
  broker.now.bufferedAmount = 0;
  await broker.clock.advance(20);
  assert.equal(broker.now.of(FrameType.Publish).length, 1);
});

test("an id of the application's own is used", async () => {
  const broker = new FakeBroker();
  const client = await broker.connected();
  const id = "101112131415161718191a1b1c1d1e1f" as ClientMessageId;
  client.publishText(ROOM, "a", { clientMessageId: id });
  await settle();
  assert.equal(idOf(broker.now.last(FrameType.Publish)), id);
});
