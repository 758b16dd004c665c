import assert from "node:assert/strict";
import { test } from "node:test";
import { CloseCode } from "../src/protocol/CloseCode.js";
import { FrameType } from "../src/protocol/FrameType.js";
import { readId } from "../src/protocol/primitives/Ids.js";
import { FastChatClient } from "../src/client/FastChatClient.js";
import { ConnectionError } from "../src/client/ClientError.js";
import { CloseReason } from "../src/client/ConnectionState.js";
import { DEFAULT_RECONNECT, delayBefore } from "../src/client/ReconnectPolicy.js";
import { FakeBroker, FakeConnection } from "./support/FakeBroker.js";
import { settle } from "./support/FakeClock.js";

const half = () => 0.5;

test("pauses go by the hundred of the close code", () => {
  const pause = (attempt: number, code: number, retryAfter = 0) => delayBefore(DEFAULT_RECONNECT, attempt, new CloseReason(code, "", retryAfter), half);
  assert.equal(pause(0, CloseCode.Draining), 500, "40xx: a random moment within a second");
  assert.equal(pause(1, CloseCode.Draining), 100 * 0.875, "and with growing pauses when that does not help");
  assert.equal(pause(0, CloseCode.None), 50 * 0.875);
  assert.equal(pause(3, CloseCode.None), 400 * 0.875);
  assert.equal(pause(0, CloseCode.Overloaded), 500 * 0.875);
  assert.equal(pause(99, CloseCode.Overloaded), 30_000 * 0.875);
  assert.equal(pause(5, CloseCode.RateLimited, 4000), 4500, "the broker's own time is only lengthened");
  assert.equal(pause(0, 4199), 500 * 0.875, "an unknown code goes by its hundred");
});

test("a connection that breaks is taken up again with the session and a greater attempt", async () => {
  const broker = new FakeBroker();
  const client = await broker.connected();
  assert.equal(broker.now.hello.number("attempt"), 1);
  assert.equal(broker.now.hello.get("session"), undefined);
  await broker.now.break();
  assert.equal(client.state.phase, "waiting");
  await broker.clock.advance(100);
  assert.equal(broker.connections.length, 2);
  await broker.now.open();
  assert.equal(broker.now.hello.number("attempt"), 2);
  assert.equal(readId(broker.now.hello.bytes("session")!, 0), "50".repeat(16));
  await broker.now.welcome();
  assert.equal(client.state.phase, "connected");
});

for (const code of [4200, 4201, 4205, 4207, 4209, 4210, 4300, 4302, 4299, 4999]) {
  test(`close ${code} is the end`, async () => {
    const broker = new FakeBroker();
    const client = await broker.connected();
    await broker.now.break(code);
    const state = await client.closed;
    assert.equal(state.phase, "closed");
    assert.equal(state.lastClose?.code, code);
    await broker.clock.advance(600_000);
    assert.equal(broker.connections.length, 1);
    await assert.rejects(client.ping(), (error) => error instanceof ConnectionError && error.isFinal && error.code === code);
  });
}

for (const code of [4000, 4001, 4002, 4004, 4100, 4101, 4102, 4106, 4150]) {
  test(`close ${code} is followed by another attempt`, async () => {
    const broker = new FakeBroker();
    const client = await broker.connected();
    await broker.now.break(code);
    assert.equal(client.state.phase, "waiting");
    await broker.clock.advance(1000);
    assert.equal(broker.connections.length, 2);
  });
}

test("a Close right behind Welcome is heard, with its time, also when the transport ends at once", async () => {
  const broker = new FakeBroker();
  const client = broker.start();
  await settle();
  const connection = broker.now;
  await connection.open();
  const welcoming = connection.welcome();
  void connection.break(CloseCode.Overloaded, 7000);
  await welcoming;
  await settle();
  assert.equal(client.state.phase, "waiting");
  assert.deepEqual([client.state.lastClose?.code, client.state.lastClose?.retryAfter], [CloseCode.Overloaded, 7000]);
  assert.equal(broker.clock.pending, 1, "the pause, and nothing of the connection");
});

test("the close status says the same where the frame is lost", async () => {
  const broker = new FakeBroker();
  const client = await broker.connected();
  broker.now.onclose?.({ code: 4209, reason: "suspended" } as never);
  assert.equal((await client.closed).lastClose?.code, CloseCode.Suspended);
});

test("the time that the broker names is kept, and no wake shortens it", async () => {
  const broker = new FakeBroker();
  let wake: () => void = () => undefined;
  await broker.connected({ wake: { onWake: (handler) => ((wake = handler), () => undefined) } });
  await broker.now.break(CloseCode.RateLimited, 8000);
  wake();
  await broker.clock.advance(8900);
  assert.equal(broker.connections.length, 1);
  await broker.clock.advance(200);
  assert.equal(broker.connections.length, 2);
});

test("a page that becomes visible ends the pause at once", async () => {
  const broker = new FakeBroker();
  let wake: () => void = () => undefined;
  const client = broker.start({ wake: { onWake: (handler) => ((wake = handler), () => undefined) } });
  await settle();
  for (let i = 0; i < 12; i++) {
    await broker.now.break();
    await broker.clock.advance(broker.clock.nextIn);
  }

  const before = broker.connections.length;
  await broker.now.break();
  assert.equal(client.state.phase, "waiting");
  assert.ok(broker.clock.nextIn > 20_000);
  wake();
  await settle();
  assert.equal(broker.connections.length, before + 1);
});

test("a page that becomes visible asks a connection for a sign of life, and gives it up when there is none", async () => {
  const broker = new FakeBroker();
  const client = await broker.connected();
  client.wake();
  assert.equal(broker.now.of(FrameType.Ping).length, 1);
  await broker.clock.advance(5001);
  assert.equal(client.state.phase, "waiting");
  assert.equal(client.state.lastClose?.code, CloseCode.HeartbeatTimeout);
});

test("heartbeats: a Ping when nothing else was sent, and the end when nothing is heard for two", async () => {
  const broker = new FakeBroker();
  const client = await broker.connected();
  await broker.clock.advance(59_000);
  assert.ok(broker.now.of(FrameType.Ping).length >= 1);
  await broker.clock.advance(70_000);
  assert.equal(broker.connections[0]!.last(FrameType.Close).body[0], CloseCode.HeartbeatTimeout & 0xff);
  assert.notEqual(client.state.phase, "closed");
});

test("no Welcome in time counts as a failed attempt", async () => {
  const broker = new FakeBroker();
  const client = broker.start();
  await settle();
  await broker.now.open();
  await broker.clock.advance(10_001);
  assert.equal(client.state.phase, "waiting");
  assert.match(client.state.lastClose!.text, /no Welcome/);
});

test("connect makes one attempt and says why it failed", async () => {
  const sockets: FakeConnection[] = [];
  const connecting = FastChatClient.connect({
    url: "ws://fake/ws",
    token: "t",
    webSocket: class extends FakeConnection {
      constructor() {
        super();
        sockets.push(this);
      }
    },
  });
  const failed = assert.rejects(connecting, (error) => error instanceof ConnectionError && error.isFinal && error.isRetryable);
  await settle();
  await sockets[0]!.break();
  await failed;
  assert.equal(sockets.length, 1);
});

test("attempts are bounded when the application says so", async () => {
  const broker = new FakeBroker();
  const client = broker.start({ reconnect: { attemptsMax: 2 } });
  await settle();
  for (let i = 0; i < 3; i++) {
    await broker.now.break();
    await broker.clock.advance(1000);
  }

  assert.equal((await client.closed).phase, "closed");
  assert.equal(broker.connections.length, 3);
});

test("what the broker sends against the protocol closes the connection, and the client comes back", async () => {
  const broker = new FakeBroker();
  const client = await broker.connected();
  await broker.now.give(new Uint8Array([0, 0, 0, 0x55, 0, 0, 0, 0]));
  assert.equal(client.state.phase, "waiting");
  assert.equal(broker.now.of(FrameType.Close).length, 1);
  await broker.clock.advance(1000);
  assert.equal(broker.connections.length, 2);
});

test("frames of optional types that it does not know are ignored", async () => {
  const broker = new FakeBroker();
  const client = await broker.connected();
  await broker.now.give(new Uint8Array([1, 0, 0, 0x90, 0, 0, 0, 0, 7]));
  assert.equal(client.state.phase, "connected");
});

test("a Ping is answered with its body and number", async () => {
  const broker = new FakeBroker();
  await broker.connected();
  await broker.now.give(new Uint8Array([2, 0, 0, FrameType.Ping, 9, 0, 0, 0, 1, 2]));
  const pong = broker.now.last(FrameType.Pong);
  assert.equal(pong.request, 9);
  assert.deepEqual([...pong.body], [1, 2]);
});

test("closing says Close, ends everything, and leaves no timer behind", async () => {
  const broker = new FakeBroker();
  const client = await broker.connected();
  const state = await client.close();
  assert.equal(state.phase, "closed");
  assert.equal(broker.now.of(FrameType.Close).length, 1);
  assert.equal(broker.clock.pending, 0);
});

test("closing while it waits, and while it connects, ends at once", async () => {
  const broker = new FakeBroker();
  const waiting = await broker.connected();
  await broker.now.break();
  assert.equal((await waiting.close()).phase, "closed");
  const connecting = broker.start();
  await settle();
  assert.equal((await connecting.close()).phase, "closed");
  assert.equal(broker.clock.pending, 0);
});

test("options that contradict one another are refused", () => {
  const broker = new FakeBroker();
  assert.throws(() => broker.start({ token: "t", name: "ada", password: "x" }), TypeError);
  assert.throws(() => broker.start({ register: true }), TypeError);
  assert.throws(() => broker.start({ url: "http://x" }), TypeError);
  assert.throws(() => broker.start({ window: 1 }), TypeError);
  assert.throws(() => broker.start({ clientName: "x".repeat(65) }), TypeError);
  assert.throws(() => broker.start({ reconnect: { firstDelay: -1 } }), RangeError);
});

test("what a handler throws is reported to the platform, and is nobody else's business", async () => {
  const broker = new FakeBroker();
  const reported: string[] = [];
  const platform = globalThis as { reportError?: ((error: unknown) => void) | undefined };
  platform.reportError = (error) => reported.push((error as Error).message);
  try {
    const client = broker.start();
    client.on("state", (state) => {
      throw new Error(state.phase);
    });
    const phases: string[] = [];
    client.on("state", (state) => phases.push(state.phase));
    await settle();
    await broker.now.welcome();
    assert.equal(client.state.phase, "connected");
    assert.deepEqual(reported, ["connecting", "connected"]);
    assert.deepEqual(phases, reported);
  } finally {
    delete platform.reportError;
  }
});
