import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import type { FastChatClient } from "../src/client/FastChatClient.js";
import type { Publishing } from "../src/client/Publishing.js";
import { MemoryTokenStore } from "../src/client/TokenStore.js";
import { START } from "../src/protocol/primitives/LogPosition.js";
import { MemoryOutbox } from "../src/stores/MemoryOutbox.js";
import { FastChatClient as Client } from "../src/client/FastChatClient.js";
import { Broker, freshName, noBroker, until, webSocket } from "./support/Broker.js";

suite("a broker that crashes", { skip: noBroker ?? false, timeout: 300_000 }, () => {
  let broker: Broker;
  const clients: FastChatClient[] = [];

  before(async () => {
    broker = await Broker.start({ access_token_seconds: 3 });
  });

  after(async () => {
    await Promise.all(clients.map((client) => client.close()));
    await broker.stop();
  });

  test("whatever was acknowledged is there once, in order; what was not is sent again; who reads misses nothing and gets nothing twice", async () => {
    const ada = await broker.connect();
    const ben = await broker.connect();
    clients.push(ada, ben);
    const { conversation } = await ada.createConversation({ kind: "group", members: [ben.user] });
    const read: string[] = [];
    const sequences: number[] = [];
    ben.subscribe(conversation, START, {
      onMessages(messages) {
        read.push(...messages.map((message) => message.text!));
        sequences.push(...messages.map((message) => message.sequence));
      },
    });

    const published: Publishing[] = [];
    let isOver = false;
    const publishing = (async () => {
      for (let i = 0; !isOver; i++) {
        published.push(ada.publishText(conversation, `message ${i}`));
        await new Promise((resolve) => setTimeout(resolve, i % 3));
      }
    })();
    for (let cycle = 0; cycle < 3; cycle++) {
      const before = read.length;
      await until(() => read.length > before + 50);
      await broker.kill();
      await new Promise((resolve) => setTimeout(resolve, 300));
      await broker.run();
      await until(() => ada.state.phase === "connected" && ben.state.phase === "connected", 40_000);
    }

    isOver = true;
    await publishing;
    await ada.flush();
    const receipts = await Promise.all(published);
    assert.deepEqual(receipts.map((receipt) => receipt.sequence), published.map((_, i) => i + 1), "each has its own place, in the order of publishing");
    await until(() => read.length === published.length);
    assert.deepEqual(read, published.map((_, i) => `message ${i}`));
    assert.deepEqual(sequences, sequences.map((_, i) => i + 1));
  });

  test("what is published while there is no broker waits, and another program of the device sends it once", async () => {
    const tokenStore = new MemoryTokenStore();
    const outbox = new MemoryOutbox();
    const name = freshName("carl");
    const first = await broker.connect({ name, password: "correct horse", register: true, tokenStore, outbox });
    const { conversation } = await first.createConversation({ kind: "group" });
    await first.publishText(conversation, "online");
    await broker.kill();
    const waiting = ["one", "two 🛶", "three"].map((text) => first.publishText(conversation, text));
    await until(() => first.state.phase === "waiting");
    await first.close();
    assert.deepEqual(waiting.map((one) => one.state), ["failed", "failed", "failed"]);

    const second = Client.start({ url: broker.url, webSocket, tokenStore, outbox });
    clients.push(second);
    const newer = second.publishText(conversation, "four");
    await until(() => second.identity !== undefined);
    await until(() => second.unanswered.length === 4);
    assert.deepEqual((await second.outbox!.list()).map((item) => [item.id, item.state]), [...waiting, newer].map((one) => [one.id, "queued"]));
    await broker.run();
    await second.whenReady();
    await second.flush();
    const { messages } = await second.fetch(conversation);
    assert.deepEqual(messages.map((message) => message.text), ["online", "one", "two 🛶", "three", "four"]);
    assert.deepEqual(messages.slice(1).map((message) => message.clientMessageId), [...waiting, newer].map((one) => one.id));
    await until(() => newer.state === "durable");
    assert.deepEqual(await second.outbox!.list(), []);
  });

  test("a sign-in that lasts three seconds is renewed on the living connection, by one of two that share the device", async () => {
    const tokenStore = new MemoryTokenStore();
    const one = await broker.connect({ name: freshName("dora"), password: "correct horse", register: true, tokenStore });
    const two = await broker.connect({ tokenStore });
    clients.push(one, two);
    const phases: string[] = [];
    one.on("state", (state) => phases.push(state.phase));
    two.on("state", (state) => phases.push(state.phase));
    const before = (await tokenStore.peek())!;
    await new Promise((resolve) => setTimeout(resolve, 8000));
    assert.deepEqual(phases, []);
    const now = (await tokenStore.peek())!;
    assert.notEqual(now.token, before.token);
    assert.equal(now.device, before.device);
    await one.ping();
    await two.ping();
    await one.close();
    await two.close();
    await new Promise((resolve) => setTimeout(resolve, 3500));

    // The access token is over: the refresh token signs in.
    const again = await broker.connect({ tokenStore });
    clients.push(again);
    assert.equal(again.device, before.device);
    const twice = await broker.connect({ tokenStore });
    clients.push(twice);
    assert.equal(twice.device, before.device);
  });
});
