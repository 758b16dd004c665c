// For everybody: keyboard only, screen readers, contrast in both themes, and layouts that nothing breaks.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { judge } from "../support/axe.mjs";
import { Broker, PASSWORD } from "../support/broker.mjs";
import { DESKTOP, field, openRoom, PHONE, row, say, shot, skip, stored, until, Windows } from "../support/windows.mjs";

let broker, windows, host, page, conversation;

before(async () => {
  if (skip) return;
  broker = await Broker.start();
  windows = await Windows.open();
  host = await broker.client("host");
  ({ conversation } = await host.createConversation({ kind: "public", name: "harbour", topic: "Boats and tides" }));
  page = await windows.newcomer(broker, "ada");
  await openRoom(page, "harbour");
  await page.getByRole("button", { name: "Join", exact: true }).click();
  await page.getByRole("navigation").getByText("harbour").waitFor();
});

after(async () => {
  await host?.close();
  await windows?.close();
  await broker?.stop();
});

test("a whole chat by keyboard alone", { skip, timeout: 90_000 }, async () => {
  const keys = await windows.blank(broker);
  const press = (key) => keys.keyboard.press(key);
  const type = (text) => keys.keyboard.type(text);
  // The name has the focus; Tab leads through the form.
  await press("Tab");
  await press("Tab");
  await press("Tab");
  await until("the other form", async () => {
    if ((await keys.evaluate(() => document.activeElement.textContent)) === "Create an account") return true;
    await press("Tab");
    return false;
  });
  await press("Enter");
  await keys.getByRole("heading", { name: "Create an account" }).waitFor();
  await type("keys");
  await press("Tab");
  await type(PASSWORD);
  await press("Enter");
  await keys.getByRole("heading", { name: "You are in" }).waitFor();

  await press("Control+k");
  await keys.getByRole("dialog").waitFor();
  await type("harbour");
  await keys.getByRole("option", { name: "Open room #harbour" }).waitFor();
  await press("Enter");
  await keys.getByRole("heading", { level: 1, name: "harbour" }).waitFor();
  await until("the field has the focus", () => keys.evaluate(() => document.activeElement.id === "composer"));
  await type("By keyboard");
  await press("Enter");
  await stored(keys, "By keyboard").waitFor();

  // To the messages, and up to one's own; reply, react, edit, delete.
  await until("the messages have the focus", async () => {
    await press("Shift+Tab");
    return keys.evaluate(() => document.activeElement.closest(".log") !== null);
  });
  await press("ArrowUp");
  await until("a message is picked", () => keys.evaluate(() => document.activeElement.matches(".row") && document.activeElement.textContent.includes("By keyboard")));
  await press("r");
  await keys.locator(".composer-intent").waitFor();
  await type("An answer");
  await press("Enter");
  await row(keys, "An answer").locator(".quote", { hasText: "By keyboard" }).waitFor();
  await stored(keys, "An answer").waitFor();

  await until("the messages have the focus again", async () => {
    await press("Shift+Tab");
    return keys.evaluate(() => document.activeElement.closest(".log") !== null);
  });
  if (!(await keys.evaluate(() => document.activeElement.matches(".row")))) await press("ArrowUp");
  await until("the answer is picked", () => keys.evaluate(() => document.activeElement.matches(".row") && document.activeElement.textContent.includes("An answer")));
  await press("+");
  await keys.getByRole("dialog", { name: "Choose a picture" }).waitFor();
  await type("rocket");
  await press("Enter");
  await row(keys, "An answer").getByRole("button", { name: "🚀, 1, yours too" }).waitFor();
  await until("the focus is back", () => keys.evaluate(() => document.activeElement.matches(".row")));
  await press("e");
  await keys.locator(".composer-intent", { hasText: "Editing" }).waitFor();
  await press("Control+a");
  await type("A better answer");
  await press("Enter");
  await row(keys, "A better answer").getByText("(edited)").waitFor();

  await until("once more", async () => {
    await press("Shift+Tab");
    return keys.evaluate(() => document.activeElement.closest(".log") !== null);
  });
  if (!(await keys.evaluate(() => document.activeElement.matches(".row")))) await press("ArrowUp");
  await press("d");
  await keys.getByRole("dialog", { name: "Delete this message?" }).waitFor();
  await press("Enter");
  await row(keys, "Message deleted").waitFor();

  await press("Escape");
  await keys.evaluate(() => document.activeElement.blur());
  await press("?");
  await keys.getByRole("dialog", { name: "What the keyboard can do" }).waitFor();
  await shot(keys, "shortcuts");
  await press("Escape");
  await until("it is closed", async () => (await keys.getByRole("dialog").count()) === 0);
  await keys.context().close();
});

test("the focus stays in a dialog, and goes back where it was", { skip }, async () => {
  const opener = page.getByRole("button", { name: "Make or join a room" });
  await opener.focus();
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor();
  for (let turn = 0; turn < 12; turn++) {
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement === document.body || document.activeElement.closest("dialog") !== null), true);
  }

  await page.keyboard.press("Escape");
  await until("the focus is back", () => opener.evaluate((element) => element === document.activeElement));
});

test("new messages are read out: one as it is, many as a number", { skip }, async () => {
  const region = page.locator('.room [aria-live="polite"]').last();
  await host.publishText(conversation, "one message alone");
  await until("it is read out", async () => (await region.innerText()).includes("host: one message alone"));
  for (let number = 0; number < 30; number++) host.publishText(conversation, `many ${number}`);
  await host.flush();
  await until("a number is read out", async () => /\d+ new messages/.test(await region.innerText()));
});

test("hostile texts and names break nothing", { skip }, async () => {
  const zalgo = "Z" + "\u0300\u0301\u0302\u0303\u0304\u0305\u0306\u0307\u0308\u0309\u030a\u030b\u030c\u0330\u0331\u0332\u0333".repeat(12) + "algo";
  const hostile = [zalgo, "w".repeat(3000), "\u202Eexe.gpj\u202C \u2066nested\u2069", "<img src=x onerror=alert(1)><script>alert(1)</script>", "a\u0000b\u001b[31mc\u0007", "https://example.org/" + "long/".repeat(300), "\n".repeat(200) + "far below", "שלום hello مرحبا", "javascript:alert(1) data:text/html,x https://user:pw@example.org/ http://exa\u202Emple.org/"];
  for (const text of hostile) await host.publishText(conversation, text);
  await host.setProfile({ displayName: "N".repeat(40) + zalgo.slice(0, 30) });
  await row(page, "javascript:alert(1)").waitFor();
  const state = await page.evaluate(() => {
    const log = document.querySelector(".log");
    return {
      isWide: log.scrollWidth > log.clientWidth || document.documentElement.scrollWidth > innerWidth,
      pictures: document.querySelectorAll('.text img, .text script').length,
      links: [...document.querySelectorAll(".text a")].map((link) => link.href),
      controls: /[\u0000-\u0008\u000b-\u001f\u202a-\u202e\u2066-\u2069]/.test(document.querySelector(".log").textContent),
    };
  });
  assert.equal(state.isWide, false, "nothing makes the page wider");
  assert.equal(state.pictures, 0, "text stays text");
  assert.equal(state.controls, false, "what turns or controls is shown as a sign");
  for (const link of state.links) assert.match(link, /^https?:\/\/(?!user)/);
  const overlap = await page.evaluate(() => {
    const rows = [...document.querySelectorAll(".log .row")];
    return rows.some((one, index) => index > 0 && one.getBoundingClientRect().top < rows[index - 1].getBoundingClientRect().bottom - 1);
  });
  assert.equal(overlap, false);
  await shot(page, "hostile");
  await host.setProfile({ displayName: "" });
});

for (const [theme, scheme] of [["light", "light"], ["dark", "dark"]]) {
  test(`axe finds nothing serious on any page, ${theme}`, { skip, timeout: 300_000 }, async () => {
    const stranger = await windows.blank(broker, { ...DESKTOP, colorScheme: scheme });
    await judge(stranger, "sign-in");
    await stranger.getByRole("button", { name: "Create an account" }).click();
    await judge(stranger, "registration");
    await shot(stranger, `registration-${theme}`);
    await stranger.context().close();

    const seen = await windows.newcomer(broker, `axe-${theme}`, { ...DESKTOP, colorScheme: scheme });
    await seen.getByRole("heading", { name: "You are in" }).waitFor();
    await judge(seen, "first run");
    await shot(seen, `first-run-${theme}`);
    await openRoom(seen, "harbour");
    await seen.getByRole("button", { name: "Join", exact: true }).click();
    await seen.getByRole("navigation").getByText("harbour").waitFor();
    await say(seen, `Look at \`this\`, @ada: https://example.org/ (${theme})`);
    const sent = row(seen, `(${theme})`);
    await stored(seen, `(${theme})`).waitFor();
    await sent.hover();
    await sent.getByRole("button", { name: "React with 👍" }).click();
    await sent.getByRole("button", { name: "👍, 1, yours too" }).waitFor();
    await judge(seen, "conversation");
    await shot(seen, `conversation-${theme}`);
    await sent.getByRole("button", { name: "More" }).click();
    await seen.getByRole("menu").waitFor();
    await judge(seen, "menu");
    await seen.keyboard.press("Escape");
    await sent.locator(".said").hover();
    await sent.getByRole("button", { name: "Reply" }).click();
    await field(seen).pressSequentially("@a");
    await seen.getByRole("option").first().waitFor();
    await judge(seen, "answering, with completion");
    await seen.keyboard.press("Escape");
    await seen.keyboard.press("Escape");
    await sent.locator(".said").hover();
    await sent.getByRole("button", { name: "Open its thread" }).click();
    await seen.locator("#thread-composer").waitFor();
    await judge(seen, "thread");
    await seen.getByRole("button", { name: "Members and settings" }).click();
    await seen.locator(".member").first().waitFor();
    await judge(seen, "members");
    await seen.getByRole("button", { name: "Pinned messages" }).click();
    await judge(seen, "pins");
    await seen.getByRole("button", { name: "Close", exact: true }).click();
    await seen.keyboard.press("Control+k");
    await seen.getByRole("dialog").waitFor();
    await judge(seen, "switcher");
    await seen.keyboard.press("Escape");
    await seen.getByRole("button", { name: "Make or join a room" }).click();
    for (const tab of ["Join", "New group", "New public room", "New channel"]) {
      await seen.getByRole("dialog").getByRole("button", { name: tab, exact: true }).first().click();
      await judge(seen, tab);
    }

    await seen.keyboard.press("Escape");
    await seen.getByRole("button", { name: "Write to somebody" }).click();
    await judge(seen, "write to somebody");
    await seen.keyboard.press("Escape");
    await seen.getByRole("button", { name: /your profile and settings/ }).click();
    for (const tab of ["Profile", "Devices", "This browser"]) {
      await seen.getByRole("tab", { name: tab }).click();
      await judge(seen, tab);
      await shot(seen, `${tab.toLowerCase().replace(" ", "-")}-${theme}`);
    }

    await seen.getByRole("button", { name: "What the keyboard can do" }).click();
    await judge(seen, "shortcuts");
    await seen.context().close();

    const phone = await windows.guest(broker, `axe-${theme}`, { ...PHONE, colorScheme: scheme });
    await judge(phone, "phone, list");
    await phone.locator(".room-row", { hasText: "harbour" }).tap();
    await row(phone, `(${theme})`).waitFor();
    await judge(phone, "phone, conversation");
    await shot(phone, `phone-${theme}`);
    await phone.context().close();
  });
}

test("the switch of the theme holds over a reload", { skip }, async () => {
  await page.getByRole("button", { name: /your profile and settings/ }).click();
  await page.getByRole("tab", { name: "This browser" }).click();
  await page.getByRole("button", { name: "Dark", exact: true }).click();
  await page.keyboard.press("Escape");
  await page.reload();
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark");
});

test("no page had an error", { skip }, () => assert.deepEqual(windows.complaints, []));
