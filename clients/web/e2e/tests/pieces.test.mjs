// The parts of the page that need no browser: what becomes of a text, where a log stands, what a reaction does.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";

const app = fileURLToPath(new URL("../../app/", import.meta.url));
let directory, text, windows, entries;

before(async () => {
  const { build } = await import(pathToFileURL(join(app, "node_modules/vite/dist/node/index.js")));
  directory = mkdtempSync(join(tmpdir(), "fastchat-pieces-"));
  const input = { text: join(app, "src/ui/safeText.ts"), window: join(app, "src/ui/LogWindow.ts"), entry: join(app, "src/model/Entry.ts") };
  await build({
    configFile: false, root: app, logLevel: "error", resolve: { alias: { "@fastchat/client": join(app, "../client/src/index.ts") } },
    build: { outDir: directory, emptyOutDir: true, target: "es2022", minify: false, rollupOptions: { input, preserveEntrySignatures: "strict", output: { entryFileNames: "[name].mjs", format: "es" } }, modulePreload: false },
  });
  const load = (name) => import(pathToFileURL(join(directory, `${name}.mjs`)));
  [text, windows, entries] = await Promise.all(["text", "window", "entry"].map(load));
});

after(() => rmSync(directory, { recursive: true, force: true }));

const links = (said) => text.partsOf(said).filter((part) => part.kind === "link");

test("addresses are found as people write them, and lead to what is shown", () => {
  for (const [said, address] of [
    ["see https://example.org/a.", "https://example.org/a"], ["(https://example.org/a_(b))", "https://example.org/a_(b)"], ["[https://example.org/a]", "https://example.org/a"], ["https://example.org/?q=1&r=2!", "https://example.org/?q=1&r=2"],
    ["http://localhost:7480/#/c/1", "http://localhost:7480/#/c/1"], ["a https://example.org, b", "https://example.org"],
  ]) {
    const [link] = links(said);
    assert.equal(link?.text, address, said);
    assert.equal(link.href, new URL(address).href);
  }
});

test("what is no address of the web, or pretends to be another one, is text", () => {
  for (const said of ["javascript:alert(1)", "data:text/html,x", "https://user:password@example.org/", "https://user@example.org", "http://", "https://[", "ftp://example.org", "xhttps://example.org"]) assert.deepEqual(links(said), [], said);
});

test("nothing of a text is lost by taking it apart, except the backticks", () => {
  for (const said of ["plain", "@ada and @ben, https://example.org/ (x)", "a `b` c", "```\nblock\n```\nafter", "mail@example.org", "@", "``", "`", "```", "@a.b. c", "x".repeat(70_000), "\n\n"]) {
    const joined = text.partsOf(said).map((part) => part.text).join("");
    assert.equal(joined.replaceAll("\n", ""), said.replace(/```\n?([\s\S]+?)```/g, "$1").replace(/`([^`\n]+)`/g, "$1").replaceAll("\n", ""), said.slice(0, 40));
  }
});

test("taking any text apart takes no longer than its length", () => {
  for (const said of ["`".repeat(65_536), "@".repeat(65_536), "https://".repeat(8000), "(".repeat(65_536), "https://example.org/" + "(".repeat(60_000), "```".repeat(20_000), "[[[@a".repeat(12_000)]) {
    const start = performance.now();
    text.partsOf(text.shownText(said));
    assert.ok(performance.now() - start < 1000, `${said.slice(0, 20)}: ${performance.now() - start} ms`);
  }
});

test("signs that control or turn become signs of their own", () => {
  assert.equal(text.shownText("a\u0000b\u001b[0m\u007f"), "a\u2400b\u241b[0m\u2421");
  assert.equal(text.shownText("\u202Egpj.exe\u2066x"), "\u25a1gpj.exe\u25a1x");
  assert.equal(text.shownText("one\r\ntwo\tthree"), "one\ntwo\tthree");
  assert.equal(text.shownLine("one\ntwo"), "one two");
  assert.equal(text.shownText("שלום\u200f مرحبا 👩‍👩‍👧 e\u0301"), "שלום\u200f مرحبا 👩‍👩‍👧 e\u0301", "what people write with stays");
});

test("a few pictures alone are large, and nothing else is", () => {
  for (const said of ["🎉", "👍🏽 ❤️", "👩‍👩‍👧"]) assert.equal(text.isOnlyEmoji(said), true, said);
  for (const said of ["", "a", "🎉 yes", "12", "#"]) assert.equal(text.isOnlyEmoji(said), false, said);
});

test("a reaction is counted once for each person, in any order of what comes", () => {
  const { withReaction } = entries;
  let all = withReaction([], "👍", true, false);
  all = withReaction(all, "👍", true, true);
  assert.deepEqual(all, [{ reaction: "👍", count: 2, isOwn: true }]);
  assert.equal(withReaction(all, "👍", true, true), all, "one's own twice is once");
  all = withReaction(all, "👍", false, true);
  assert.deepEqual(all, [{ reaction: "👍", count: 1, isOwn: false }]);
  assert.equal(withReaction(all, "👍", false, true), all);
  assert.deepEqual(withReaction(all, "👍", false, false), []);
  assert.deepEqual(withReaction([], "👎", false, false), []);
});

test("rows above are balanced by the spacer as long as it has room, and by the view only then", () => {
  const log = new windows.LogWindow();
  log.above = 5000;
  // 40 rows of 30 pixels came above the anchor: it was at 100 of the rows and is at 1,300.
  assert.equal(log.balance(1, { from: 461, to: 600 }, 1000, 100, 1300), 0);
  assert.equal(log.above, 3800);
  // The first row of all: what is left of the spacer goes, and the view with it.
  assert.equal(log.balance(1, { from: 1, to: 600 }, 1000, 100, 1300), -2600);
  assert.equal(log.above, 0);
  // The estimate ran out, although rows are left above.
  log.above = 200;
  const moved = log.balance(1, { from: 101, to: 600 }, 1000, 100, 1300);
  assert.equal(log.above - moved, 200 + 100 - 1300, "the anchor stays where it was in the view");
  assert.ok(log.above > 0);
});

test("a million messages fit into what browsers draw", () => {
  const log = new windows.LogWindow();
  log.learn({ from: 1, to: 100 }, 100 * 60);
  const stretch = { from: 500_000, to: 500_100 };
  const height = log.estimateAbove(1, stretch, 1_000_000) + log.estimateBelow(1, stretch, 1_000_000);
  assert.ok(height > 1_000_000 && height <= 8_000_000, String(height));
  assert.ok(Math.abs(log.sequenceAt(1, 1_000_000, height / 2, height) - 500_000) < 10);
});
