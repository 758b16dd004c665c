import "fake-indexeddb/auto";
import assert from "node:assert/strict";
import { test } from "node:test";
import { ErrorCode } from "../src/protocol/ErrorCode.js";
import { FrameType } from "../src/protocol/FrameType.js";
import { DiscardedError, QueueFullError } from "../src/client/ClientError.js";
import type { ClientOptions } from "../src/client/ClientOptions.js";
import type { OutboxEntry, OutboxStore } from "../src/client/Outbox.js";
import type { Publishing } from "../src/client/Publishing.js";
import type { DeviceTokens, TokenStore } from "../src/client/TokenStore.js";
import { IndexedDbOutbox } from "../src/stores/IndexedDbOutbox.js";
import { IndexedDbTokenStore } from "../src/stores/IndexedDbTokenStore.js";
import { MemoryOutbox } from "../src/stores/MemoryOutbox.js";
import { lock, tryLock } from "../src/stores/Locks.js";
import { until } from "./support/Broker.js";
import { ADA, BEN, failure, FakeBroker, idOf, published, ROOM } from "./support/FakeBroker.js";
import { settle } from "./support/FakeClock.js";

let databases = 0;

function freshDatabase(): string {
  return `outbox-${++databases}`;
}

const TOKENS: DeviceTokens = { token: "t1", refresh: undefined, holdsUntil: undefined, user: ADA, name: "ada", device: 0xd0d1d2d3d4d5d6d7n };

/** Tokens of a device that is signed in already: who it is, is known before there is a connection. */
function tokens(changes: Partial<DeviceTokens> = {}): TokenStore {
  const held = { ...TOKENS, ...changes };
  return { take: () => Promise.resolve({ tokens: held, save: () => Promise.resolve(), release: () => undefined }), peek: () => Promise.resolve(held), clear: () => Promise.resolve() };
}

/** A client with an outbox, as after a (re)load of the page. */
function load(broker: FakeBroker, outbox: OutboxStore, more: Partial<ClientOptions> = {}) {
  return broker.start({ tokenStore: tokens(), outbox, ...more });
}

const sent = (broker: FakeBroker) => broker.now.of(FrameType.Publish).map(idOf);

async function stored(name: string, count: number): Promise<OutboxEntry[]> {
  let entries: OutboxEntry[] = [];
  const reader = new IndexedDbOutbox(name);
  for (let i = 0; i < 500; i++) {
    entries = await reader.load(ADA);
    if (entries.length === count) {
      break;
    }

    await new Promise((resolve) => setTimeout(resolve, 5));
  }

  reader.close();
  assert.equal(entries.length, count);
  return entries;
}

test("what is published offline is there after a reload, and goes first, in order, with the same ids", async () => {
  const name = freshDatabase();
  const offline = new FakeBroker();
  const first = load(offline, new IndexedDbOutbox(name));
  const waiting = ["a", "b", "c"].map((text) => first.publishText(ROOM, text));
  await stored(name, 3);
  await first.close();

  const broker = new FakeBroker();
  const second = load(broker, new IndexedDbOutbox(name));
  const newer = second.publishText(ROOM, "d");
  await until(() => second.unanswered.length === 4 && broker.connections.length === 1);
  await broker.now.welcome();
  await until(() => sent(broker).length === 4);
  assert.deepEqual(sent(broker), [...waiting, newer].map((one) => one.id));
  await broker.now.give(...broker.now.of(FrameType.Publish).map((frame, i) => published(frame.request, i + 1)));
  assert.equal(newer.state, "durable");
  await stored(name, 0);
  await second.close();
});

test("nothing is sent before it is stored", async () => {
  const broker = new FakeBroker();
  const inner = new MemoryOutbox();
  let release: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => (release = resolve));
  const outbox: OutboxStore = {
    owner: "x", load: (user) => inner.load(user), remove: (entries) => inner.remove(entries), adopt: (user) => inner.adopt(user), onChange: () => () => undefined, close: () => undefined,
    put: async (entries) => {
      await gate;
      await inner.put(entries);
    },
  };
  const client = load(broker, outbox);
  await until(() => broker.connections.length === 1);
  await broker.now.welcome();
  client.publishText(ROOM, "a");
  await broker.clock.advance(100);
  assert.equal(sent(broker).length, 0);
  release();
  await until(() => sent(broker).length === 1);
});

test("what was sent and not answered when the page died is sent again with its id: a duplicate, and no second message", async () => {
  const name = freshDatabase();
  const broker = new FakeBroker();
  const first = load(broker, new IndexedDbOutbox(name));
  await until(() => broker.connections.length === 1);
  await broker.now.welcome();
  const publishing = first.publishText(ROOM, "a");
  await until(() => publishing.state === "sent");
  await first.close();
  assert.equal(publishing.state, "failed");
  const second = load(broker, new IndexedDbOutbox(name));
  await until(() => broker.connections.length === 2);
  await broker.now.welcome();
  await until(() => sent(broker).length === 1);
  assert.deepEqual(sent(broker), [publishing.id]);
  await broker.now.give(published(broker.now.last(FrameType.Publish).request, 7, true));
  await stored(name, 0);
  await second.close();
});

for (const kind of ["locks within the program", "the Web Locks API"]) {
  test(`two tabs (${kind}): each sends its own; when one is gone the other takes over what it left, once`, async () => {
    const platform = globalThis as { navigator?: unknown };
    const before = Object.getOwnPropertyDescriptor(globalThis, "navigator");
    if (kind === "the Web Locks API") {
      Object.defineProperty(platform, "navigator", { value: { locks: fakeLocks() }, configurable: true });
    }

    try {
      const name = freshDatabase();
      const [one, two] = [new FakeBroker(), new FakeBroker()];
      const first = load(one, new IndexedDbOutbox(name));
      const mine = first.publishText(ROOM, "of the first");
      await stored(name, 1);
      const second = load(two, new IndexedDbOutbox(name));
      const its = second.publishText(ROOM, "of the second");
      await stored(name, 2);
      await until(() => two.connections.length === 1);
      await two.now.welcome();
      await until(() => sent(two).length === 1);
      await settle();
      assert.deepEqual(sent(two), [its.id], "the first is alive");
      assert.deepEqual((await second.outbox!.list()).map((item) => item.id).sort(), [mine.id, its.id].sort(), "but seen");
      await first.close();

      // The first is gone; the second looks when it is connected again.
      await two.now.break();
      await two.clock.advance(1000);
      await two.now.welcome();
      await until(() => sent(two).length === 2);
      assert.deepEqual(new Set(sent(two)), new Set([its.id, mine.id]));
      const third = load(new FakeBroker(), new IndexedDbOutbox(name));
      await new Promise((resolve) => setTimeout(resolve, 50));
      assert.equal(third.unanswered.length, 0, "the second has it");
      await second.close();
      await third.close();
    } finally {
      if (before === undefined) {
        delete platform.navigator;
      } else {
        Object.defineProperty(globalThis, "navigator", before);
      }
    }
  });
}

test("a refusal is kept for the user to see, over reloads, until it is retried or discarded", async () => {
  const name = freshDatabase();
  const broker = new FakeBroker();
  const first = load(broker, new IndexedDbOutbox(name));
  await until(() => broker.connections.length === 1);
  await broker.now.welcome();
  const [a, b] = ["a", "b"].map((text) => first.publishText(ROOM, text)) as [Publishing, Publishing];
  await until(() => sent(broker).length === 2);
  await broker.now.give(...broker.now.of(FrameType.Publish).map((frame) => failure(FrameType.Error, frame.request, ErrorCode.Forbidden)));
  await until(() => b.state === "refused");
  await first.close();

  const second = load(broker, new IndexedDbOutbox(name));
  await until(() => broker.connections.length === 2);
  await broker.now.welcome();
  const items = await second.outbox!.list();
  assert.deepEqual(items.map((item) => [item.id, item.state, item.refused?.code]), [a, b].map((one) => [one.id, "refused", ErrorCode.Forbidden]));
  assert.equal(sent(broker).length, 0);
  await second.outbox!.discard(a.id);
  await second.outbox!.retry(b.id);
  await until(() => sent(broker).length === 1);
  assert.deepEqual(sent(broker), [b.id]);
  await broker.now.give(published(broker.now.last(FrameType.Publish).request, 1));
  await stored(name, 0);
  await second.close();
});

test("what waits can be discarded: it is never sent", async () => {
  const broker = new FakeBroker();
  const client = load(broker, new MemoryOutbox());
  await settle();
  const publishing = client.publishText(ROOM, "a");
  await settle();
  await client.outbox!.discard(publishing.id);
  await assert.rejects(Promise.resolve(publishing), DiscardedError);
  await broker.now.welcome();
  await broker.clock.advance(100);
  assert.equal(sent(broker).length, 0);
  assert.equal(client.sendQueueBytes, 0);
  assert.deepEqual(await client.outbox!.list(), []);
});

test("what another device may have sent is not repeated unasked", async () => {
  const outbox = new MemoryOutbox();
  const first = load(new FakeBroker(), outbox);
  await settle();
  const publishing = first.publishText(ROOM, "a");
  await settle();
  await first.close();
  const broker = new FakeBroker();
  const second = load(broker, outbox, { tokenStore: tokens({ device: 9n }) });
  await settle();
  await broker.now.welcome({ device: 9 });
  await broker.clock.advance(100);
  assert.equal(sent(broker).length, 0);
  assert.deepEqual((await second.outbox!.list()).map((item) => item.state), ["unknown"]);
  await second.outbox!.retry(publishing.id);
  await settle();
  assert.deepEqual(sent(broker), [publishing.id]);
});

test("another user's entries are not touched", async () => {
  const outbox = new MemoryOutbox();
  const first = load(new FakeBroker(), outbox);
  await settle();
  first.publishText(ROOM, "ada's");
  await settle();
  await first.close();
  const broker = new FakeBroker();
  const second = load(broker, outbox, { tokenStore: tokens({ user: BEN }) });
  await settle();
  assert.deepEqual(await second.outbox!.list(), []);
  assert.equal(second.unanswered.length, 0);
});

test("the outbox is bounded", async () => {
  const client = load(new FakeBroker(), new MemoryOutbox(), { outboxEntriesMax: 3 });
  await settle();
  const all = Array.from({ length: 4 }, (_, i) => client.publishText(ROOM, `m${i}`));
  assert.deepEqual(all.map((one) => one.state), ["queued", "queued", "queued", "refused"]);
  assert.ok(all[3]!.error instanceof QueueFullError);
});

test("what was refused counts until somebody decides about it", async () => {
  const broker = new FakeBroker();
  const client = load(broker, new MemoryOutbox(), { outboxEntriesMax: 2 });
  await settle();
  await broker.now.welcome();
  const refused = ["a", "b"].map((text) => client.publishText(ROOM, text));
  await settle();
  await broker.now.give(...broker.now.of(FrameType.Publish).map((frame) => failure(FrameType.Error, frame.request, ErrorCode.Forbidden)));
  await settle();
  assert.ok(client.publishText(ROOM, "c").error instanceof QueueFullError);
  await client.outbox!.discard(refused[0]!.id);
  assert.equal(client.publishText(ROOM, "d").state, "queued");
});

test("a store that takes nothing refuses, and says why", async () => {
  const broker = new FakeBroker();
  const outbox: OutboxStore = {
    owner: "x", load: () => Promise.resolve([]), remove: () => Promise.resolve(), adopt: () => Promise.reject(new Error("denied")), onChange: () => () => undefined, close: () => undefined,
    put: () => Promise.reject(new Error("the disk is full")),
  };
  const client = load(broker, outbox);
  await settle();
  await broker.now.welcome();
  await assert.rejects(Promise.resolve(client.publishText(ROOM, "a")), (error) => error instanceof QueueFullError && /the disk is full/.test(error.message));
});

test("what is published before anybody is known to be signed in waits for that, and is stored then", async () => {
  const name = freshDatabase();
  const broker = new FakeBroker();
  const client = broker.start({ name: "ada", password: "correct horse", outbox: new IndexedDbOutbox(name) });
  const publishing = client.publishText(ROOM, "a");
  await until(() => broker.connections.length === 1);
  await broker.now.welcome({ token: "t" });
  await until(() => publishing.state === "sent");
  assert.equal((await stored(name, 1))[0]!.user, ADA);
  await client.close();
});

test("everything that a message may have is kept", async () => {
  const name = freshDatabase();
  const client = load(new FakeBroker(), new IndexedDbOutbox(name));
  client.publish(ROOM, 2, new Uint8Array([0, 255]), { onBehalfOf: BEN, ifHead: 7 });
  const [entry] = await stored(name, 1);
  assert.deepEqual([entry!.kind, [...entry!.body], entry!.onBehalfOf, entry!.ifHead, entry!.conversation], [2, [0, 255], BEN, 7, ROOM]);
  await client.close();
});

test("tokens in IndexedDB: they stay, one at a time has them, and clearing forgets them", async () => {
  const name = freshDatabase();
  const first = new IndexedDbTokenStore(name);
  const lease = await first.take();
  assert.equal(lease.tokens, undefined);
  await lease.save(TOKENS);
  const second = new IndexedDbTokenStore(name);
  let isTaken = false;
  const taking = second.take().then((other) => ((isTaken = true), other));
  await new Promise((resolve) => setTimeout(resolve, 30));
  assert.equal(isTaken, false);
  assert.deepEqual(await second.peek(), TOKENS);
  lease.release();
  const other = await taking;
  assert.deepEqual(other.tokens, TOKENS);
  other.release();
  await first.clear();
  assert.equal(await second.peek(), undefined);
});

test("a lock that is waited for can be given up", async () => {
  const release = await lock("l");
  assert.equal(await tryLock("l"), undefined);
  const abort = new AbortController();
  const waiting = assert.rejects(lock("l", abort.signal), (error) => (error as Error).name === "AbortError");
  abort.abort();
  release();
  await waiting;
  (await tryLock("l"))!();
});

/** The Web Locks API, as far as it is used. */
function fakeLocks() {
  const held = new Map<string, Promise<unknown>>();
  return {
    async request(name: string, options: { ifAvailable?: boolean; signal?: AbortSignal }, callback: (held: object | null) => unknown) {
      if (options.ifAvailable && held.has(name)) {
        return callback(null);
      }

      while (held.has(name)) {
        await held.get(name);
        options.signal?.throwIfAborted();
      }

      const using = Promise.resolve(callback({ name }));
      held.set(name, using);
      try {
        return await using;
      } finally {
        held.delete(name);
      }
    },
  };
}
