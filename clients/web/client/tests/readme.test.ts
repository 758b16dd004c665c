import "fake-indexeddb/auto";
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Broker, noBroker, webSocket } from "./support/Broker.js";
import { BLOCKS, run } from "./generated/readme.js";

suite("README.md", { skip: noBroker ?? false, timeout: 60_000 }, () => {
  test("its examples, one after the other, against a broker", async () => {
    assert.ok(BLOCKS >= 8);
    const broker = await Broker.start();
    (globalThis as { WebSocket?: unknown }).WebSocket = webSocket;
    try {
      const said: unknown[] = [];
      const client = await run(broker.url, { log: (...values) => said.push(values.join(" ")) });
      await client.close();
      assert.ok(said.includes("signed in as ada"));
      assert.ok(said.some((line) => /^durable at 1:\d+$/.test(String(line))));
      assert.ok(said.includes("tides"));
      assert.ok(said.some((line) => /^1 of 1$/.test(String(line))));
    } finally {
      await broker.stop();
    }
  });
});
