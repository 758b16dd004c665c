import assert from "node:assert/strict";
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { createServer, type Server } from "node:http";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { Broker, freshName, noBroker } from "./support/Broker.js";

const CHROMIUM = ["chromium", "chromium-browser", "google-chrome"].find((name) => spawnSync(name, ["--version"]).status === 0);

/** The library as it is compiled for these tests: the same modules that a page imports. */
const MODULES = join(import.meta.dirname, "..", "src");

/** What the page does: first with an account made there, then, after a reload, as a page that finds what the first one left. */
const PAGE = `<!doctype html><body><script type="module">
import { FastChatClient, IndexedDbOutbox, IndexedDbTokenStore, START } from "/src/index.js";
const query = new URLSearchParams(location.search);
const url = query.get("url"), name = query.get("name"), step = query.get("step");
const tell = (what) => fetch("/told", { method: "POST", body: JSON.stringify({ step, ...what }) });
const stores = () => ({ tokenStore: new IndexedDbTokenStore(), outbox: new IndexedDbOutbox() });
try {
  if (step === "1") {
    const client = await FastChatClient.connect({ url, name, password: "correct horse", register: true, ...stores() });
    const { conversation } = await client.createConversation({ kind: "group" });
    const read = [];
    let calls = 0;
    client.subscribe(conversation, START, { onMessages: (messages) => { calls++; read.push(...messages.map((message) => message.text)); } });
    const texts = Array.from({ length: 2000 }, (_, i) => "message " + i + " 🧭");
    const started = performance.now();
    for (const text of texts) {
      await client.waitForRoom();
      client.publishText(conversation, text);
    }

    await client.flush();
    while (read.length < texts.length) await new Promise((resolve) => setTimeout(resolve, 10));
    const milliseconds = performance.now() - started;
    const file = new File([new Uint8Array(200_000).map((_, i) => i)], "a file.bin");
    const upload = await client.upload(file);
    const { sequence } = await client.publishText(conversation, "file", { attributes: { attachments: [upload.attachment] } });
    const blob = await client.download(conversation, sequence, upload.attachment);
    const isOrdered = read.slice(0, 2000).every((text, i) => text === texts[i]);
    await client.close();
    const offline = FastChatClient.start({ url: "ws://127.0.0.1:9/ws", ...stores() });
    ["one", "two", "three"].forEach((text) => offline.publishText(conversation, text));
    while ((await offline.outbox?.list())?.length !== 3) await new Promise((resolve) => setTimeout(resolve, 10));
    await tell({ isOrdered, calls, milliseconds, size: blob.size, user: offline.identity.name });
    query.set("step", "2");
    query.set("conversation", conversation);
    location.search = query;
  } else if (step === "frame") {
    // A tab that cannot reach the broker, and is closed with something unsent.
    const client = FastChatClient.start({ url: "ws://127.0.0.1:9/ws", ...stores() });
    client.publishText(query.get("conversation"), "left behind");
    while ((await client.outbox?.list())?.length !== 1) await new Promise((resolve) => setTimeout(resolve, 10));
    parent.postMessage("stored", "*");
  } else if (step === "3") {
    const client = FastChatClient.start({ url, ...stores() });
    await client.whenReady();
    const frame = document.body.appendChild(document.createElement("iframe"));
    const stored = new Promise((resolve) => addEventListener("message", resolve, { once: true }));
    query.set("step", "frame");
    frame.src = "/?" + query;
    await stored;
    await new Promise((resolve) => setTimeout(resolve, 1500));
    const whileAlive = [client.unanswered.length, (await client.outbox.list()).length];
    frame.remove();
    const last = async () => (await client.fetch(query.get("conversation"), { limit: 1 })).messages[0].text;
    while ((await last()) !== "left behind" || (await client.outbox.list()).length > 0) await new Promise((resolve) => setTimeout(resolve, 50));
    await tell({ whileAlive });
  } else {
    const client = FastChatClient.start({ url, ...stores() });
    await client.whenReady();
    await client.flush();
    const page = await client.fetch(query.get("conversation"), { limit: 4 });
    await tell({ texts: page.messages.map((message) => message.text), user: client.userName, left: (await client.outbox.list()).length, hasLocks: navigator.locks !== undefined });
    query.set("step", "3");
    location.search = query;
  }
} catch (error) {
  await tell({ error: String(error?.stack ?? error) });
}
</script>`;

suite("in a browser", { skip: noBroker ?? (CHROMIUM === undefined ? "no Chromium is installed" : false), timeout: 120_000 }, () => {
  let broker: Broker;
  let server: Server;
  let browser: ChildProcess;
  const profile = mkdtempSync(join(tmpdir(), "fastchat-chromium-"));
  const told: Record<string, unknown>[] = [];
  const waiting: (() => void)[] = [];
  let origin = "";

  before(async () => {
    server = createServer((request, response) => {
      const path = new URL(request.url!, "http://x").pathname;
      if (path === "/told") {
        let body = "";
        request.on("data", (data) => (body += String(data)));
        request.on("end", () => {
          told.push(JSON.parse(body));
          response.end();
          waiting.splice(0).forEach((wake) => wake());
        });
      } else if (path.startsWith("/src/") && path.endsWith(".js") && !path.includes("..")) {
        response.setHeader("content-type", "text/javascript").end(readFileSync(join(MODULES, path.slice(5))));
      } else {
        response.setHeader("content-type", "text/html; charset=utf-8").end(PAGE);
      }
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    broker = await Broker.start({ allowed_origins: [origin] });
  });

  after(async () => {
    if (browser.exitCode === null) {
      browser.kill("SIGKILL");
      await new Promise((resolve) => browser.once("exit", resolve));
    }

    server.closeAllConnections();
    server.close();
    await broker.stop();
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  });

  const step = async (number: string): Promise<Record<string, unknown>> => {
    for (;;) {
      const found = told.find((one) => one["step"] === number);
      if (found !== undefined) {
        assert.equal(found["error"], undefined);
        return found;
      }

      await new Promise<void>((resolve) => waiting.push(resolve));
    }
  };

  test("a page signs up, talks, keeps its tokens and what it wrote offline; a reload sends it, and what a tab leaves behind is sent by another", async () => {
    const name = freshName("page");
    const query = new URLSearchParams({ url: broker.url, name, step: "1" });
    browser = spawn(CHROMIUM!, ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", `--user-data-dir=${profile}`, `${origin}/?${query}`], { stdio: "ignore" });
    const first = await step("1");
    assert.equal(first["isOrdered"], true);
    assert.equal(first["size"], 200_000);
    assert.equal(first["user"], name, "known without a connection");
    assert.ok((first["calls"] as number) < 1000, `2,000 messages in ${String(first["calls"])} calls: batches for frames of the screen`);
    const second = await step("2");
    assert.deepEqual(second["texts"], ["file", "one", "two", "three"]);
    assert.equal(second["user"], name);
    assert.equal(second["left"], 0);
    assert.equal(second["hasLocks"], true);
    const third = await step("3");
    assert.deepEqual(third["whileAlive"], [0, 1], "what another tab is to send is seen, and left to it while it is there");
  });
});
