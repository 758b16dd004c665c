// A long log, up and down: without holes, without jumps, and fast while much arrives.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Broker } from "../support/broker.mjs";
import { artefacts, openRoom, row, say, shot, skip, until, Windows } from "../support/windows.mjs";

const MESSAGES = 10_000;
const WORDS = "the tide is at six and the wind is from the south west so we take the long way round the pier and come back before dark".split(" ");

let broker, windows, host, conversation, page;

before(async () => {
  if (skip) return;
  broker = await Broker.start();
  windows = await Windows.open();
  host = await broker.client("host");
  ({ conversation } = await host.createConversation({ kind: "public", name: "long" }));
  // Of different lengths, so that rows have different heights; a few with lines, so that some are tall.
  for (let number = 1; number <= MESSAGES; number++) {
    const text = `message ${number} ${WORDS.slice(0, (number * 7) % WORDS.length).join(number % 37 === 0 ? "\n" : " ")}${number % 91 === 0 ? ` ${WORDS.join(" ").repeat(4)}` : ""}`;
    host.publishText(conversation, text);
    if (number % 500 === 0) await host.flush();
  }

  await host.flush();
  page = await windows.newcomer(broker, "reader");
  await openRoom(page, "long");
  await row(page, `message ${MESSAGES} `).waitFor();
});

after(async () => {
  await host?.close();
  await windows?.close();
  await broker?.stop();
});

/** What is in view: the sequences of the rows, and where each is. Rows that a reader sees have no gap between them. */
function view() {
  const log = document.querySelector(".log");
  const box = log.getBoundingClientRect();
  return [...log.querySelectorAll(".row")].map((element) => ({ sequence: Number(element.dataset.sequence), top: element.getBoundingClientRect().top - box.top, height: element.getBoundingClientRect().height }))
    .filter((one) => one.top + one.height > 0 && one.top < box.height);
}

/** Looks at every frame: which messages are in view, and is there a hole among them? */
function watchFrames() {
  const log = document.querySelector(".log");
  const state = { frames: 0, holes: 0, blank: 0, seen: new Set(), stop: false };
  const frame = () => {
    const box = log.getBoundingClientRect();
    const rows = [...log.querySelectorAll(".row")].map((element) => ({ sequence: Number(element.dataset.sequence), top: element.getBoundingClientRect().top - box.top, bottom: element.getBoundingClientRect().bottom - box.top }));
    const visible = rows.filter((one) => one.bottom > 0 && one.top < box.height);
    state.frames++;
    if (visible.length === 0) state.blank++;
    visible.forEach((one, index) => {
      state.seen.add(one.sequence);
      if (index > 0 && (one.sequence !== visible[index - 1].sequence + 1 || Math.abs(one.top - visible[index - 1].bottom) > 1)) state.holes++;
    });
    if (!state.stop) requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
  window.watched = state;
}

test("the end is in view, and nothing below it", { skip }, async () => {
  const rows = await page.evaluate(view);
  assert.equal(rows.at(-1).sequence, MESSAGES);
  assert.ok(rows.length > 5);
});

test("scrolling to the beginning with the wheel shows every message, without a hole or a blank screen", { skip, timeout: 600_000 }, async () => {
  await page.evaluate(watchFrames);
  await page.mouse.move(700, 400);
  const step = 600;
  let lowest = Infinity;
  await until("the beginning", async () => {
    for (let turn = 0; turn < 8; turn++) {
      const before = await page.evaluate(view);
      await page.mouse.wheel(0, -step);
      await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
      const now = await page.evaluate(view);
      // What was in view and still is has moved down by what the wheel turned, and by nothing else: less at the very beginning.
      const moves = now.flatMap((one) => before.filter((was) => was.sequence === one.sequence).map((was) => one.top - was.top));
      for (const move of moves) assert.ok(move >= -1 && move <= step + 1, `a row moved by ${move} while the wheel turned ${step}`);
      lowest = Math.min(lowest, now[0]?.sequence ?? Infinity);
    }

    return lowest === 1;
  }, 580_000);
  const watched = await page.evaluate(() => ({ ...window.watched, stop: (window.watched.stop = true), seen: [...window.watched.seen] }));
  assert.equal(watched.holes, 0, "rows in view follow one another");
  const seen = new Set(watched.seen);
  const missing = Array.from({ length: MESSAGES }, (_, index) => index + 1).filter((sequence) => !seen.has(sequence));
  assert.equal(missing.length, 0, `never in view: ${missing.slice(0, 10)} … (${missing.length})`);
  assert.ok(watched.blank <= watched.frames * 0.02, `${watched.blank} of ${watched.frames} frames had nothing to show`);
  await page.locator(".beginning").waitFor();
  await shot(page, "beginning");
});

test("few rows exist, however much was scrolled", { skip }, async () => {
  assert.ok((await page.locator(".log .row").count()) < 400);
});

test("older messages that are loaded above do not move what is read", { skip }, async () => {
  await page.evaluate(() => (location.hash = `${location.hash.split("/").slice(0, 3).join("/")}/5000`));
  await row(page, "message 5000 ").waitFor();
  await page.waitForTimeout(600);
  const before = await page.evaluate(view);
  // New messages come at the other end meanwhile.
  for (let number = 0; number < 20; number++) host.publishText(conversation, `fresh ${number}`);
  await host.flush();
  await page.waitForTimeout(800);
  const now = await page.evaluate(view);
  assert.deepEqual(now.map((one) => one.sequence), before.map((one) => one.sequence));
  now.forEach((one, index) => assert.ok(Math.abs(one.top - before[index].top) < 1, `${one.sequence} moved from ${before[index].top} to ${one.top}`));
});

test("the scroll bar leads anywhere, and the button to the newest", { skip }, async () => {
  for (const share of [0.1, 0.9, 0.35, 0.0]) {
    await page.evaluate((part) => {
      const log = document.querySelector(".log");
      log.scrollTop = (log.scrollHeight - log.clientHeight) * part;
    }, share);
    const wanted = share * MESSAGES;
    await until(`rows near ${wanted}`, async () => {
      const rows = await page.evaluate(view);
      return rows.length > 3 && Math.abs(rows[0].sequence - wanted) < MESSAGES * 0.12;
    });
  }

  await page.getByRole("button", { name: /To the newest message/ }).click();
  await row(page, "fresh 19").waitFor();
  await until("the end is followed", async () => (await page.getByRole("button", { name: /To the newest message/ }).count()) === 0);
});

test("sent from far above, the own message is in view", { skip }, async () => {
  await page.evaluate(() => (location.hash = `${location.hash.split("/").slice(0, 3).join("/")}/2000`));
  await row(page, "message 2000 ").waitFor();
  await say(page, "I am at the end");
  await row(page, "I am at the end").waitFor();
});

test("200 messages a second are drawn at the screen's rate", { skip, timeout: 60_000 }, async () => {
  await page.evaluate(() => {
    const state = (window.rate = { times: [], longest: 0 });
    new PerformanceObserver((list) => list.getEntries().forEach((entry) => (state.longest = Math.max(state.longest, entry.duration)))).observe({ type: "longtask" });
    let last = performance.now();
    const frame = (now) => {
      state.times.push(now - last);
      last = now;
      if (!state.stop) requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  });
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable");
  const metric = async (name) => (await session.send("Performance.getMetrics")).metrics.find((one) => one.name === name).value;
  const work = async () => [await metric("ScriptDuration"), await metric("LayoutDuration"), await metric("RecalcStyleDuration")];
  const workBefore = await work();
  const seconds = 8;
  const start = performance.now();
  for (let number = 0; number < seconds * 200; number++) {
    host.publishText(conversation, `burst ${number} ${WORDS.slice(0, number % WORDS.length).join(" ")}`);
    const ahead = start + (number + 1) * 5 - performance.now();
    if (ahead > 4) await new Promise((done) => setTimeout(done, ahead));
  }

  await row(page, `burst ${seconds * 200 - 1} `).waitFor();
  const elapsed = (performance.now() - start) / 1000;
  const [script, layout, style] = (await work()).map((after, index) => after - workBefore[index]);
  const { times, longest } = await page.evaluate(() => ({ times: window.rate.times.slice(5), longest: window.rate.longest, stop: (window.rate.stop = true) }));
  const sorted = [...times].sort((a, b) => a - b);
  const figures = {
    messages: seconds * 200, seconds: Number(elapsed.toFixed(2)), frames_per_second: Number((times.length / elapsed).toFixed(1)), frame_p50_ms: Number(sorted[Math.floor(sorted.length / 2)].toFixed(1)),
    frame_p95_ms: Number(sorted[Math.floor(sorted.length * 0.95)].toFixed(1)), longest_task_ms: Math.round(longest),
    script_ms_per_frame: Number(((script * 1000) / times.length).toFixed(2)), layout_ms_per_frame: Number(((layout * 1000) / times.length).toFixed(2)), style_ms_per_frame: Number(((style * 1000) / times.length).toFixed(2)),
  };
  writeFileSync(join(artefacts, "rate.json"), `${JSON.stringify(figures)}\n`);
  console.log(JSON.stringify(figures));
  // What the page itself takes of a frame, which does not depend on what else the machine does as the frame rate does.
  assert.ok(figures.script_ms_per_frame + figures.layout_ms_per_frame + figures.style_ms_per_frame < 16.7, JSON.stringify(figures));
  const rows = await page.evaluate(view);
  assert.ok((await page.locator(".log .row").count()) < 400);
  assert.equal(rows.at(-1).sequence, await page.evaluate(() => Math.max(...[...document.querySelectorAll(".row")].map((one) => Number(one.dataset.sequence)))));
});

test("no page had an error", { skip }, () => assert.deepEqual(windows.complaints, []));
