// What happens when the network goes, and when the broker dies.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Broker } from "../support/broker.mjs";
import { field, openRoom, row, say, shot, skip, stored, until, Windows } from "../support/windows.mjs";

let broker, windows, ada, ben, host;

before(async () => {
  if (skip) return;
  broker = await Broker.start();
  windows = await Windows.open();
  host = await broker.client("host");
  await host.createConversation({ kind: "public", name: "harbour" });
  [ada, ben] = await Promise.all([windows.newcomer(broker, "ada"), windows.newcomer(broker, "ben")]);
  for (const page of [ada, ben]) {
    await openRoom(page, "harbour");
    await page.getByRole("button", { name: "Join", exact: true }).click();
    await page.getByRole("navigation").getByText("harbour").waitFor();
  }
});

after(async () => {
  await host?.close();
  await windows?.close();
  await broker?.stop();
});

/** The messages that a window shows, in order. */
const texts = (page) => page.locator(".log .row .said").allInnerTexts();

test("who is offline goes on writing, and misses nothing", { skip, timeout: 90_000 }, async () => {
  await say(ada, "before");
  await row(ben, "before").waitFor();
  await ben.context().setOffline(true);
  // The browser cuts no connection that is open; the other end does.
  await ben.evaluate(() => dispatchEvent(new Event("offline")));
  await broker.kill();
  await broker.restart();
  await row(ada, "before").waitFor();
  await until("ada is back", async () => (await ada.locator(".banner").count()) === 0);
  await say(ada, "while ben is away");
  await stored(ada, "while ben is away").waitFor();
  await ben.locator(".banner").waitFor();
  await shot(ben, "offline");
  await say(ben, "written offline");
  await row(ben, "written offline").locator('.tick[data-state="sending"]').waitFor();
  await ben.context().setOffline(false);
  await row(ben, "while ben is away").waitFor();
  await row(ada, "written offline").waitFor();
  await stored(ben, "written offline").waitFor();
  await until("the banner goes", async () => (await ben.locator(".banner").count()) === 0);
});

test("what was written offline survives a reload", { skip, timeout: 90_000 }, async () => {
  await broker.kill();
  await ben.locator(".banner").waitFor();
  await say(ben, "written while the broker is dead");
  await row(ben, "written while the broker is dead").locator('.tick[data-state="sending"]').waitFor();
  await ben.waitForTimeout(300);
  await broker.restart();
  await ben.reload();
  await row(ada, "written while the broker is dead").waitFor();
  await stored(ben, "written while the broker is dead").waitFor();
  assert.equal((await texts(ada)).filter((text) => text === "written while the broker is dead").length, 1);
});

test("the broker is killed in the middle of a conversation, twice: both windows end with the same, each message once", { skip, timeout: 120_000 }, async () => {
  const said = [];
  for (let round = 0; round < 2; round++) {
    for (let number = 0; number < 12; number++) {
      const [page, name] = number % 2 === 0 ? [ada, "ada"] : [ben, "ben"];
      const text = `${name} says ${round}-${number}`;
      said.push(text);
      await say(page, text);
      if (number === 5) await broker.kill();
      if (number === 8) await broker.restart();
    }

    for (const page of [ada, ben]) await until("everything is stored", async () => (await page.locator('.tick[data-state="sending"]').count()) === 0, 30_000);
  }

  for (const text of said) {
    await row(ada, text).first().waitFor();
    await row(ben, text).first().waitFor();
  }

  const [left, right] = [await texts(ada), await texts(ben)];
  const ours = (list) => list.filter((text) => / says \d-\d+$/.test(text));
  assert.deepEqual(ours(left), ours(right), "the same order in both windows");
  assert.deepEqual([...ours(left)].sort(), [...said].sort(), "each message once");
  // What one person said keeps its order.
  assert.deepEqual(ours(left).filter((text) => text.startsWith("ada")), said.filter((text) => text.startsWith("ada")));
  await field(ada).focus();
});

test("no page had an error", { skip }, () => assert.deepEqual(windows.complaints, []));
