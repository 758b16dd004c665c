import assert from "node:assert/strict";
import { test } from "node:test";
import { ControlMap } from "../src/protocol/control/ControlMap.js";
import { CloseCode } from "../src/protocol/CloseCode.js";
import { ErrorCode } from "../src/protocol/ErrorCode.js";
import { FrameType } from "../src/protocol/FrameType.js";
import { MemoryTokenStore, type DeviceTokens, type TokenLease, type TokenStore } from "../src/client/TokenStore.js";
import { ADA, failure, FakeBroker } from "./support/FakeBroker.js";
import { settle } from "./support/FakeClock.js";

const DEVICE = 0xd0d1d2d3d4d5d6d7n;

/** A store that remembers what was done to it, in order. */
class LoggingStore implements TokenStore {
  readonly log: string[] = [];
  readonly #inner = new MemoryTokenStore();
  /** A save waits for this. */
  gate: Promise<void> = Promise.resolve();

  static async with(tokens: Partial<DeviceTokens>): Promise<LoggingStore> {
    const store = new LoggingStore();
    const lease = await store.#inner.take();
    await lease.save({ token: "t1", refresh: "r1", holdsUntil: undefined, user: ADA, name: "ada", device: DEVICE, ...tokens });
    lease.release();
    return store;
  }

  async take(signal?: AbortSignal): Promise<TokenLease> {
    const lease = await this.#inner.take(signal);
    this.log.push("take");
    let isOver = false;
    return {
      tokens: lease.tokens,
      save: async (tokens) => {
        await this.gate;
        this.log.push(`save ${tokens.token}`);
        await lease.save(tokens);
      },
      release: () => {
        if (!isOver) {
          isOver = true;
          this.log.push("release");
          lease.release();
        }
      },
    };
  }

  peek(): Promise<DeviceTokens | undefined> {
    return this.#inner.peek();
  }

  clear(): Promise<void> {
    return this.#inner.clear();
  }
}

const pair = (token: string, refresh: string, seconds = 900) => new ControlMap().set("token", token).set("refresh", refresh).set("token_seconds", seconds);

test("a password is shown once, the pair it brings is stored, and later connections use the token", async () => {
  const broker = new FakeBroker();
  const tokenStore = new MemoryTokenStore();
  broker.start({ name: "ada", password: "correct horse", register: true, tokenStore });
  await settle();
  await broker.now.open();
  const hello = broker.now.hello;
  assert.deepEqual([hello.text("name"), hello.text("password"), hello.flag("register"), hello.flag("renews")], ["ada", "correct horse", true, true]);
  await broker.now.welcome({ token: "t1", refresh: "r1", token_seconds: 900 });
  const stored = await tokenStore.peek();
  assert.deepEqual([stored?.token, stored?.refresh, stored?.user, stored?.name, stored?.device], ["t1", "r1", ADA, "ada", DEVICE]);
  assert.equal(stored?.holdsUntil, broker.clock.date() + 900_000);
  await broker.now.break();
  await broker.clock.advance(1000);
  await broker.now.open();
  assert.deepEqual([broker.now.hello.text("token"), broker.now.hello.get("password"), broker.now.hello.get("renews")], ["t1", undefined, undefined]);
});

test("a password without a store brings one token, which is the application's to keep", async () => {
  const broker = new FakeBroker();
  const client = broker.start({ name: "ada", password: "correct horse" });
  await settle();
  await broker.now.open();
  assert.equal(broker.now.hello.get("renews"), undefined);
  await broker.now.welcome({ token: "forever" });
  assert.equal(client.token, "forever");
});

test("renewal on the living connection: send, store durably, and only then use", async () => {
  const broker = new FakeBroker();
  const store = await LoggingStore.with({ token: "t0", refresh: "r0" });
  const client = broker.start({ tokenStore: store });
  await settle();
  await broker.now.welcome({ token_seconds: 100 });
  store.log.length = 0;
  await broker.clock.advance(74_000);
  assert.equal(broker.now.of(FrameType.Reauthenticate).length, 0);
  let stored: () => void = () => undefined;
  store.gate = new Promise((resolve) => (stored = resolve));
  await broker.clock.advance(2000);
  const first = broker.now.last(FrameType.Reauthenticate);
  assert.equal(ControlMap.parse(first.body).text("refresh"), "r0");
  await broker.now.reply(first.request, pair("t1", "r1", 100));
  assert.equal(broker.now.of(FrameType.Reauthenticate).length, 1, "it is not used before it is stored");
  stored();
  await settle();
  const second = broker.now.last(FrameType.Reauthenticate);
  assert.equal(ControlMap.parse(second.body).text("token"), "t1");
  assert.deepEqual(store.log, ["take", "save t1", "release"]);
  await broker.now.reply(second.request, new ControlMap().set("token_seconds", 100));
  assert.equal(client.state.phase, "connected");
  await broker.clock.advance(76_000);
  assert.equal(broker.now.of(FrameType.Reauthenticate).length, 3);
});

test("a refresh whose answer was lost is sent again with the same token", async () => {
  const broker = new FakeBroker();
  const store = await LoggingStore.with({ refresh: "r1", holdsUntil: broker.clock.date() - 1 });
  broker.start({ tokenStore: store });
  await settle();
  await broker.now.open();
  assert.equal(broker.now.hello.text("refresh"), "r1");
  await broker.now.break();
  await broker.clock.advance(1000);
  await broker.now.open();
  assert.equal(broker.now.hello.text("refresh"), "r1");
  await broker.now.welcome({ token: "t2", refresh: "r2", token_seconds: 900 });
  const used = broker.now.of(FrameType.Reauthenticate);
  assert.equal(ControlMap.parse(used[0]!.body).text("token"), "t2", "it is used at once, so that the one before is worth nothing");
  assert.deepEqual(broker.now.frames.map((frame) => frame.type).slice(0, 2), [FrameType.Hello, FrameType.Reauthenticate], "before anything else");
  assert.deepEqual(store.log.slice(-2), ["save t2", "release"]);
});

test("TOKEN_EXPIRED is answered by the refresh token, at once; refused as well it is the end", async () => {
  const broker = new FakeBroker();
  const store = await LoggingStore.with({ token: "t1", refresh: "r1" });
  const client = broker.start({ tokenStore: store });
  await settle();
  await broker.now.welcome();
  await broker.now.break(CloseCode.TokenExpired);
  assert.equal(broker.connections.length, 2);
  await broker.now.open();
  assert.equal(broker.now.hello.text("refresh"), "r1");
  await broker.now.break(CloseCode.TokenInvalid);
  assert.equal((await client.closed).lastClose?.code, CloseCode.TokenInvalid);
});

test("a token that another tab has renewed is used instead of a refresh", async () => {
  const broker = new FakeBroker();
  const store = await LoggingStore.with({ token: "t1", refresh: "r1" });
  broker.start({ tokenStore: store });
  await settle();
  await broker.now.welcome();
  const lease = await store.take();
  await lease.save({ ...lease.tokens!, token: "t9", refresh: "r9" });
  lease.release();
  await broker.now.break(CloseCode.TokenExpired);
  await broker.now.open();
  assert.deepEqual([broker.now.hello.text("token"), broker.now.hello.get("refresh")], ["t9", undefined]);
});

test("two clients of one store: one refreshes, the other finds what it got", async () => {
  const broker = new FakeBroker();
  const store = await LoggingStore.with({ refresh: "r1", holdsUntil: broker.clock.date() - 1 });
  broker.start({ tokenStore: store });
  broker.start({ tokenStore: store });
  await settle();
  assert.equal(broker.connections.length, 1, "the second waits for the lease");
  await broker.now.open();
  assert.equal(broker.now.hello.text("refresh"), "r1");
  await broker.now.welcome({ token: "t2", refresh: "r2", token_seconds: 900 });
  await settle();
  assert.equal(broker.connections.length, 2);
  await broker.now.open();
  assert.equal(broker.now.hello.text("token"), "t2");
});

test("an assertion is asked for at each connection, and shown before what signed in is over", async () => {
  const broker = new FakeBroker();
  let given = 0;
  const client = broker.start({ token: undefined as never, assertion: () => Promise.resolve(`jwt${++given}`) });
  await settle();
  await broker.now.open();
  assert.deepEqual([broker.now.hello.text("assertion"), broker.now.hello.get("device")], ["jwt1", undefined]);
  await broker.now.welcome({ token_seconds: 100 });
  await broker.clock.advance(76_000);
  const renewal = broker.now.last(FrameType.Reauthenticate);
  assert.equal(ControlMap.parse(renewal.body).text("assertion"), "jwt2");
  await broker.now.reply(renewal.request, new ControlMap().set("token_seconds", 100));
  await broker.now.break(CloseCode.TokenExpired);
  await settle();
  await broker.now.open();
  assert.deepEqual([broker.now.hello.text("assertion"), broker.now.hello.big("device")], ["jwt3", DEVICE], "as the same device");
  await broker.now.break(CloseCode.AssertionRefused);
  await settle();
  await broker.now.open();
  assert.equal(broker.now.hello.text("assertion"), "jwt4", "one that is refused may be an old one: once");
  await broker.now.break(CloseCode.AssertionRefused);
  assert.equal((await client.closed).lastClose?.code, CloseCode.AssertionRefused);
});

test("an issuer that cannot be asked is a failed attempt", async () => {
  const broker = new FakeBroker();
  const client = broker.start({ token: undefined as never, assertion: () => Promise.reject(new Error("no issuer")) });
  await settle();
  assert.equal(client.state.phase, "waiting");
  assert.match(client.state.lastClose!.text, /no issuer/);
});

test("without a refresh token a sign-in that is over is over", async () => {
  const broker = new FakeBroker();
  const client = await broker.connected();
  await broker.now.break(CloseCode.TokenExpired);
  assert.equal((await client.closed).lastClose?.code, CloseCode.TokenExpired);
});

test("a renewal that the broker refuses for now is tried again before the time is over", async () => {
  const broker = new FakeBroker();
  const store = await LoggingStore.with({ refresh: "r1" });
  broker.start({ tokenStore: store });
  await settle();
  await broker.now.welcome({ token_seconds: 100 });
  await broker.clock.advance(76_000);
  await broker.now.give(failure(FrameType.Error, broker.now.last(FrameType.Reauthenticate).request, ErrorCode.Overloaded));
  await broker.clock.advance(20_000);
  assert.equal(broker.now.of(FrameType.Reauthenticate).length, 2);
});

test("a password that is changed brings new tokens, and nobody refreshes meanwhile", async () => {
  const broker = new FakeBroker();
  const store = await LoggingStore.with({ token: "t1", refresh: "r1" });
  const client = broker.start({ tokenStore: store });
  await settle();
  await broker.now.welcome();
  store.log.length = 0;
  const changing = client.changePassword("old horse", "new horse");
  await settle();
  const request = broker.now.last(FrameType.ChangePassword);
  const body = ControlMap.parse(request.body);
  assert.deepEqual([body.text("password"), body.text("new"), body.flag("renews")], ["old horse", "new horse", true]);
  await broker.now.reply(request.request, pair("t2", "r2").set("ended", 3));
  assert.equal(await changing, 3);
  assert.deepEqual(store.log, ["take", "save t2", "release"]);
});

test("tokens that have become another one's end the client: nothing of the one is sent as the other", async () => {
  const broker = new FakeBroker();
  const store = await LoggingStore.with({});
  const client = broker.start({ tokenStore: store });
  await settle();
  assert.equal(client.identity?.user, ADA, "known before there is a connection");
  const publishing = client.publishText("f".repeat(32) as never, "mine");
  const lease = await store.take();
  await lease.save({ ...lease.tokens!, device: 5n });
  lease.release();
  await broker.now.welcome({ device: 5 });
  const state = await client.closed;
  assert.match(state.lastClose!.text, /another sign-in/);
  assert.equal(publishing.state, "failed");
  assert.equal(broker.now.of(FrameType.Publish).length, 0);
});

test("a store that cannot be read is a failed attempt, and tried again", async () => {
  const broker = new FakeBroker();
  let isBroken = true;
  const inner = await LoggingStore.with({});
  const store: TokenStore = {
    take: (signal) => (isBroken ? Promise.reject(new Error("no disk")) : inner.take(signal)),
    peek: () => (isBroken ? Promise.reject(new Error("no disk")) : inner.peek()),
    clear: () => inner.clear(),
  };
  const client = broker.start({ tokenStore: store });
  await settle();
  assert.equal(client.state.phase, "waiting");
  isBroken = false;
  await broker.clock.advance(1000);
  await broker.now.welcome();
  assert.equal(client.state.phase, "connected");
});
