// The operator's page: who gets in, what it shows while the broker works, and that what it does is done.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { CloseCode, ErrorCode, Operator } from "../../client/dist/index.js";
import { judge } from "../support/axe.mjs";
import { Broker } from "../support/broker.mjs";
import { DESKTOP, PHONE, shot, skip, until, Windows } from "../support/windows.mjs";

const PLACES = ["overview", "users", "sessions", "limits", "maintenance"];

let broker, windows, ada, bob, lobby, board;

before(async () => {
  if (skip) return;
  broker = await Broker.start();
  windows = await Windows.open();
  ada = await broker.client("ada");
  bob = await broker.client("bob");
  ({ conversation: lobby } = await ada.createConversation({ kind: "public", name: "lobby" }));
  ({ conversation: board } = await ada.createConversation({ kind: "group", title: "Board", members: [bob.user] }));
  bob.subscribe(lobby, { epoch: 0, sequence: 0 }, { onMessages() {} });
});

after(async () => {
  await ada?.close();
  await bob?.close();
  await windows?.close();
  await broker?.stop();
});

/** The page with nobody signed in. */
async function door(options = DESKTOP) {
  const page = await windows.blank(broker, options, "/admin");
  await page.getByLabel("Operator's token").waitFor();
  return page;
}

async function show(page, token) {
  await page.getByLabel("Operator's token").fill(token);
  await page.keyboard.press("Enter");
}

async function signedIn(options = DESKTOP) {
  const page = await door(options);
  await show(page, broker.operatorToken);
  await page.getByRole("link", { name: "Overview" }).waitFor();
  return page;
}

async function go(page, place) {
  await page.evaluate((hash) => (location.hash = hash), place);
  await page.locator(`.places a[aria-current="page"][href="#${place}"]`).waitFor();
}

/** The figure of a tile. */
const tile = (page, name) => page.locator(".tile", { has: page.locator("dt", { hasText: name }) }).locator(".tile-value");

test("nobody gets in but with an operator's token", { skip, timeout: 60_000 }, async () => {
  const page = await door();
  await show(page, "0123456789abcdef");
  await page.getByRole("alert").getByText(/not valid/).waitFor();

  // Somebody's own token signs in, and the broker shows nothing to it.
  const device = await broker.client("mallory");
  await show(page, device.token);
  await page.getByRole("alert").getByText("mallory is no operator.").waitFor();
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
  await device.close();
  await page.context().close();
});

test("the token stays in its tab", { skip, timeout: 60_000 }, async () => {
  const page = await signedIn();
  await page.reload();
  await page.getByRole("link", { name: "Overview" }).waitFor();
  const left = await page.evaluate(async (token) => ({
    local: JSON.stringify(localStorage).includes(token), cookies: document.cookie, databases: (await indexedDB.databases()).length, address: location.href.includes(token),
  }), broker.operatorToken);
  assert.deepEqual(left, { local: false, cookies: "", databases: 0, address: false });

  const other = await page.context().newPage();
  await other.goto(`${broker.http}/admin`);
  await other.getByLabel("Operator's token").waitFor();

  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByLabel("Operator's token").waitFor();
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
  await page.reload();
  await page.getByLabel("Operator's token").waitFor();
  await page.context().close();
});

test("figures, charts and lists follow what the broker does", { skip, timeout: 90_000 }, async (t) => {
  const page = await signedIn();
  const stop = new AbortController();
  t.after(() => stop.abort());
  const talking = (async () => {
    while (!stop.signal.aborted) {
      for (let i = 0; i < 10; i++) ada.publishText(lobby, "How is the tide?");
      ada.publishText(board, "Nobody hears this");
      // What bob may not do is a refusal.
      await assert.rejects(new Operator(bob).getStats(), (error) => error.code === ErrorCode.Forbidden);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  })();

  await until("messages come in", async () => Number.parseFloat(await tile(page, "Messages in").textContent()) > 10);
  await until("and go out", async () => Number.parseFloat(await tile(page, "Messages out").textContent()) > 10);
  await until("three are connected", async () => (await tile(page, "Connections").textContent()) === "3");
  await until("acknowledgements take time", async () => /\d (µs|ms|s)$/.test(await tile(page, "Acknowledged").textContent()));
  await page.getByRole("status").getByText(/All well|Needs attention/).waitFor();

  // Each chart says in text what it draws.
  for (const title of ["Messages in", "Messages out", "Acknowledgement", "Commit to disk", "Network", "Clients", "Processors used", "Memory", "Collector's pauses"]) {
    const figure = page.getByRole("figure", { name: title, exact: true });
    assert.match(await figure.locator("dd").first().textContent(), /\d/, title);
    assert.ok(await figure.locator("canvas").count(), title);
  }

  const busiest = page.getByRole("region", { name: "Busiest conversations", exact: true });
  await until("the lobby is the busiest", async () => /#lobby/.test(await busiest.locator("tbody tr").first().textContent()));
  await busiest.getByText("Board").waitFor();
  const refusals = page.getByRole("region", { name: "Refusals", exact: true });
  const bobs = refusals.getByRole("row", { name: new RegExp(`Not allowed GetStats .*${bob.user.slice(0, 8)}`) });
  await bobs.waitFor();
  await until("they are counted", async () => Number.parseInt(await bobs.locator("td").last().textContent(), 10) > 2);
  const codes = page.getByRole("region", { name: "Errors, closes and limits", exact: true });
  await codes.getByRole("row", { name: /Error Forbidden/ }).waitFor();

  await page.getByRole("button", { name: "As a table" }).click();
  await page.getByRole("region", { name: "Load by shard, as a table" }).waitFor();
  assert.equal(await page.getByRole("region", { name: "Load by shard, as a table" }).locator("tbody tr").count(), 64);
  await page.waitForTimeout(3000);
  await shot(page, "admin-overview");
  stop.abort();
  await talking;

  // A line is a canvas: something is drawn on it in the colour of lines.
  const isDrawn = await page.locator(".chart canvas").first().evaluate((canvas) => canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.some((value, at) => at % 4 === 3 && value > 0));
  assert.ok(isDrawn);
  await page.context().close();
});

test("a person is suspended and let in again", { skip, timeout: 60_000 }, async () => {
  const carol = await broker.client("carol");
  const page = await signedIn();
  await go(page, "users");
  await page.getByRole("searchbox").fill("carol");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Suspend carol" }).click();
  const question = page.getByRole("dialog");
  await question.getByRole("button", { name: "Cancel" }).click();
  assert.equal(carol.state.phase, "connected");

  await page.getByRole("button", { name: "Suspend carol" }).click();
  await question.getByRole("button", { name: "Suspend" }).click();
  await page.getByRole("button", { name: "Restore carol" }).waitFor();
  assert.equal((await carol.closed).lastClose.code, CloseCode.Suspended);
  await assert.rejects(broker.client("carol"), (error) => error.code === CloseCode.NameTaken);

  await page.getByRole("button", { name: "Restore carol" }).click();
  await question.getByRole("button", { name: "Restore" }).click();
  await page.getByRole("button", { name: "Suspend carol" }).waitFor();

  // By what the name begins with, and by the id.
  await page.getByRole("searchbox").fill("CA");
  await page.keyboard.press("Enter");
  await until("one of them", async () => (await page.locator("tbody tr").count()) === 1);
  await page.getByRole("searchbox").fill(ada.user);
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Suspend ada" }).waitFor();
  await page.getByRole("searchbox").fill("nobody.of.this.name");
  await page.keyboard.press("Enter");
  await page.getByText("There is nobody whose name begins so, or of that id.").waitFor();
  await page.context().close();
});

test("a session is ended", { skip, timeout: 60_000 }, async () => {
  const dave = await broker.client("dave");
  const page = await signedIn();
  await go(page, "sessions");
  await page.getByText("this page").waitFor();
  await page.getByRole("searchbox").fill("dave");
  await page.keyboard.press("Enter");
  await until("only that one is listed", async () => (await page.locator("tbody tr").count()) === 1);
  await page.getByRole("button", { name: "End the session of dave" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "End it" }).click();
  assert.equal((await dave.closed).lastClose.code, CloseCode.SignedOut);
  await page.getByText("Nobody of that name or id is connected.").waitFor();
  await page.context().close();
});

test("limits change, all of them or none", { skip, timeout: 60_000 }, async () => {
  const page = await signedIn();
  await go(page, "limits");
  const perUser = page.getByLabel("Messages per user and second");
  const burst = page.getByLabel("Burst, seconds");
  assert.equal(await perUser.inputValue(), "1000");
  const apply = page.getByRole("button", { name: "Put in force" });
  assert.ok(await apply.isDisabled());
  await perUser.fill("many");
  await page.getByText("One of them is no number.").waitFor();
  assert.ok(await apply.isDisabled());

  await perUser.fill("250.5");
  await burst.fill("0");
  await apply.click();
  await page.getByRole("alert").getByText(/limit_burst_seconds/).waitFor();
  assert.equal(await perUser.inputValue(), "250.5", "what was typed stays");
  await burst.fill("5");
  await page.getByLabel("Trusted networks").fill("127.0.0.0/8, ::1/128 10.0.0.0/8");
  await apply.click();
  await page.getByText("Nothing is changed.").waitFor();

  await page.reload();
  await page.getByLabel("Messages per user and second").waitFor();
  assert.equal(await page.getByLabel("Messages per user and second").inputValue(), "250.5");
  assert.equal(await page.getByLabel("Burst, seconds").inputValue(), "5");
  assert.equal(await page.getByLabel("Trusted networks").inputValue(), "127.0.0.0/8 ::1/128 10.0.0.0/8");
  await page.context().close();
});

test("everybody can read it, in both themes and on a phone", { skip, timeout: 240_000 }, async () => {
  for (const [name, options] of [["light", { ...DESKTOP, colorScheme: "light" }], ["dark", { ...DESKTOP, colorScheme: "dark" }], ["phone", { ...PHONE, colorScheme: "dark" }]]) {
    const page = await door(options);
    await judge(page, `${name} sign-in`);
    await show(page, broker.operatorToken);
    await page.getByRole("link", { name: "Overview" }).waitFor();
    await tile(page, "Connections").getByText(/\d/).waitFor();
    for (const place of PLACES) {
      await go(page, place);
      await page.waitForTimeout(300);
      await judge(page, `${name} ${place}`);
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${name} ${place} is no wider than its window`);
      await shot(page, `admin-${name}-${place}`);
    }

    await page.context().close();
  }
});

test("by keyboard alone", { skip, timeout: 60_000 }, async () => {
  const page = await door();
  assert.equal(await page.evaluate(() => document.activeElement.id), "token");
  await page.keyboard.type(broker.operatorToken);
  await page.keyboard.press("Enter");
  await page.getByRole("link", { name: "Overview" }).waitFor();
  await until("the link to the maintenance", async () => {
    if ((await page.evaluate(() => document.activeElement.textContent)) === "Maintenance") return true;
    await page.keyboard.press("Tab");
    return false;
  });
  await page.keyboard.press("Enter");
  await until("the button", async () => {
    if ((await page.evaluate(() => document.activeElement.textContent)) === "Drain …") return true;
    await page.keyboard.press("Tab");
    return false;
  });
  await page.keyboard.press("Enter");
  await until("the field of the question", () => page.evaluate(() => document.activeElement.id === "question-typed"));
  await page.keyboard.press("Escape");
  await until("back where it was", () => page.evaluate(() => document.activeElement.textContent === "Drain …"));
  await page.context().close();
});

test("a broker that is away, and comes back", { skip, timeout: 90_000 }, async () => {
  const page = await signedIn();
  await tile(page, "Connections").getByText(/\d/).waitFor();
  await broker.kill();
  await page.getByRole("alert").getByText(/No connection to the broker/).waitFor();
  await page.getByText("Not connected").waitFor();
  await broker.restart();
  await page.getByText("Not connected").waitFor({ state: "detached" });
  await until("figures come again", async () => /^\d/.test(await tile(page, "Connections").textContent()));
  assert.equal(await page.getByRole("alert").count(), 0);
  await page.context().close();
});

test("draining has to be typed, and ends the broker", { skip, timeout: 60_000 }, async () => {
  const page = await signedIn();
  await go(page, "maintenance");
  await page.getByRole("button", { name: "Drain …" }).click();
  const button = page.getByRole("button", { name: "Drain and end" });
  assert.ok(await button.isDisabled());
  await page.getByLabel("Type drain to go on").fill("rain");
  assert.ok(await button.isDisabled());
  await page.getByLabel("Type drain to go on").fill("drain");
  const ended = broker.ended();
  await button.click();
  assert.equal(await ended, 0);
  await page.getByText("Not connected").waitFor();
});

test("the page complained about nothing", { skip }, () => {
  assert.deepEqual(windows.complaints, []);
});
