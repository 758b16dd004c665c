// Two people in two windows.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Broker, PASSWORD } from "../support/broker.mjs";
import { field, openRoom, PHONE, row, say, shot, skip, stored, until, Windows } from "../support/windows.mjs";

let broker, windows, ada, ben, host;

before(async () => {
  if (skip) return;
  broker = await Broker.start();
  windows = await Windows.open();
  host = await broker.client("host");
  await host.createConversation({ kind: "public", name: "harbour", topic: "Boats and tides" });
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

test("wrong passwords and unknown names are answered alike, and the form says so", { skip }, async () => {
  let page;
  const answers = [];
  for (const name of ["ada", "nobody-of-this-name"]) {
    await page?.context().close();
    page = await windows.blank(broker);
    await page.getByLabel("Name", { exact: true }).fill(name);
    await page.getByLabel("Password", { exact: true }).fill("not the password");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").waitFor();
    answers.push(await page.getByRole("alert").innerText());
  }

  assert.equal(answers[0], answers[1]);
  assert.match(answers[0], /not right/);
  assert.equal(await page.getByLabel("Password", { exact: true }).getAttribute("autocomplete"), "current-password");
  assert.equal(await page.getByLabel("Name", { exact: true }).getAttribute("autocomplete"), "username");
  await page.getByRole("button", { name: "Create an account" }).click();
  await page.locator('#password[autocomplete="new-password"]').waitFor();
  await page.getByLabel("Name", { exact: true }).fill("ada");
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await page.keyboard.press("Enter");
  await page.getByText("That name is taken").waitFor();
  await page.context().close();
});

test("what one says the other reads, and the tick tells how far it came", { skip }, async () => {
  await say(ada, "Good morning! Who sails today?");
  await row(ben, "Who sails today?").waitFor();
  await stored(ada, "Who sails today?").waitFor();
  await say(ben, "Me, at ten");
  await row(ada, "Me, at ten").waitFor();
  await shot(ada, "desktop");
});

test("who types is shown, and gone when they stop", { skip }, async () => {
  // A signal that follows another one within a second is dropped: the message before may have left one.
  await ben.waitForTimeout(1200);
  await field(ben).pressSequentially("I am thin");
  await ada.locator(".typing", { hasText: "ben is typing" }).waitFor();
  await field(ben).fill("");
  await ada.locator(".typing", { hasText: "typing" }).waitFor({ state: "detached" });
});

test("a reply shows what it answers, and leads there", { skip }, async () => {
  await row(ben, "Who sails today?").hover();
  await row(ben, "Who sails today?").getByRole("button", { name: "Reply" }).click();
  await say(ben, "Count me in");
  const reply = row(ada, "Count me in");
  await reply.locator(".quote", { hasText: "Who sails today?" }).waitFor();
  await reply.locator(".quote").click();
  await ada.locator(".row.flash", { hasText: "Who sails today?" }).waitFor();
});

test("edits, reactions and deletions reach the other window", { skip }, async () => {
  await say(ada, "I bring six cops");
  await row(ben, "six cops").waitFor();
  await field(ada).press("ArrowUp");
  await field(ada).fill("I bring six cups");
  await field(ada).press("Enter");
  await row(ben, "I bring six cups").getByText("(edited)").waitFor();

  await row(ben, "six cups").hover();
  await row(ben, "six cups").getByRole("button", { name: "React with 👍" }).click();
  const reaction = row(ada, "six cups").getByRole("button", { name: "👍, 1" });
  await reaction.waitFor();
  await reaction.click();
  await row(ben, "six cups").getByRole("button", { name: "👍, 2, yours too" }).waitFor();
  await row(ben, "six cups").getByRole("button", { name: "👍, 2, yours too" }).click();
  await row(ada, "six cups").getByRole("button", { name: "👍, 1, yours too" }).waitFor();

  await row(ada, "six cups").hover();
  await row(ada, "six cups").getByRole("button", { name: "More" }).click();
  await ada.getByRole("menuitem", { name: "Delete" }).click();
  await ada.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await row(ben, "Message deleted").waitFor();
  assert.equal(await row(ben, "six cups").count(), 0);
});

test("a thread has its panel, and its replies are counted", { skip }, async () => {
  await row(ben, "Me, at ten").hover();
  await row(ben, "Me, at ten").getByRole("button", { name: "Open its thread" }).click();
  await ben.locator("#thread-composer").fill("from the north pier");
  await ben.locator("#thread-composer").press("Enter");
  const link = ada.locator(".log").getByRole("button", { name: "1 reply" });
  await link.waitFor();
  await link.click();
  await ada.locator(".aside .row", { hasText: "from the north pier" }).waitFor();
  await ada.locator("#thread-composer").fill("see you there");
  await ada.locator("#thread-composer").press("Enter");
  await ben.locator(".aside .row", { hasText: "see you there" }).waitFor();
  await ben.locator(".log").getByRole("button", { name: "2 replies" }).waitFor();
  await shot(ada, "thread");
  await ada.getByRole("button", { name: "Close", exact: true }).click();
  await ben.getByRole("button", { name: "Close", exact: true }).click();
});

test("a mention is completed, marked, and counted where nobody looks", { skip }, async () => {
  await ben.getByRole("button", { name: "Write to somebody" }).click();
  await ben.getByRole("combobox", { name: "Who" }).fill("ada");
  await ben.getByRole("option", { name: "ada" }).click();
  await ben.getByRole("heading", { level: 1, name: "ada" }).waitFor();

  await field(ada).pressSequentially("It is nine, @be");
  await ada.getByRole("option", { name: /ben/ }).waitFor();
  await field(ada).press("Enter");
  await field(ada).pressSequentially("and quiet");
  await field(ada).press("Enter");
  await row(ada, "It is nine, @ben and quiet").waitFor();
  await ben.locator(".room-row", { hasText: "harbour" }).locator(".badge", { hasText: "@1" }).waitFor();
  await until("the title says so", async () => /^\(1\)/.test(await ben.title()));

  await say(ben, "Do you have the key?");
  await ada.locator(".room-row", { has: ada.locator(".room-row-title", { hasText: "ben" }) }).locator(".badge", { hasText: "1" }).waitFor();
  await ada.locator(".room-row", { has: ada.locator(".room-row-title", { hasText: "ben" }) }).click();
  await row(ada, "Do you have the key?").waitFor();
  await row(ben, "Do you have the key?").locator('.tick[data-state="read"]').waitFor();

  await ben.locator(".room-row", { hasText: "harbour" }).click();
  await row(ben, "It is nine").waitFor();
  await ben.locator(".new-line").waitFor();
  await until("what is read is not counted any more", async () => !(await ben.locator(".room-row", { hasText: "harbour" }).locator(".badge").count()));
  await openRoom(ada, "harbour");
});

test("who is signed in stays so over a reload, and is there in a second tab", { skip }, async () => {
  await ada.reload();
  await row(ada, "It is nine").waitFor();
  const second = await ada.context().newPage();
  await second.goto(ada.url());
  await row(second, "It is nine").waitFor();
  await say(second, "From the second tab");
  await row(ada, "From the second tab").waitFor();
  await second.close();
});

test("files go by button, by drop and by paste; pictures are shown and come back as they were", { skip }, async () => {
  const png = Buffer.from(await ada.evaluate(() => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 640, height: 400 });
    const brush = canvas.getContext("2d");
    brush.fillStyle = "#2f5bea";
    brush.fillRect(0, 0, 640, 400);
    brush.fillStyle = "#ffffff";
    brush.fillRect(40, 40, 200, 120);
    return canvas.toDataURL("image/png").split(",")[1];
  }), "base64");
  await ada.locator('input[type="file"]').setInputFiles([{ name: "boat.png", mimeType: "image/png", buffer: png }, { name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("ropes, cups\n".repeat(20_000)) }]);
  await field(ada).fill("Two files");
  await field(ada).press("Enter");
  const received = row(ben, "Two files");
  await received.locator(".picture img").waitFor();
  assert.equal(await received.locator(".picture img").evaluate((image) => image.decode().then(() => image.naturalWidth)), 640);
  assert.match(await received.locator(".picture img").getAttribute("src"), /^blob:/);

  const download = ben.waitForEvent("download");
  await received.getByRole("button", { name: "Download notes.txt" }).click();
  const file = await download;
  assert.equal(file.suggestedFilename(), "notes.txt");
  const chunks = [];
  for await (const chunk of await file.createReadStream()) chunks.push(chunk);
  assert.equal(Buffer.concat(chunks).length, 240_000);

  // What a browser hands over when somebody drops or pastes a file.
  const transfer = await ada.evaluateHandle(() => {
    const made = new DataTransfer();
    made.items.add(new File(["dropped"], "dropped.txt", { type: "text/plain" }));
    return made;
  });
  await ada.dispatchEvent(".room", "drop", { dataTransfer: transfer });
  await ada.locator(".composer-files", { hasText: "dropped.txt" }).waitFor();
  await field(ada).evaluate((element) => {
    const data = new DataTransfer();
    data.items.add(new File(["pasted"], "pasted.txt", { type: "text/plain" }));
    element.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
  });
  await ada.locator(".composer-files", { hasText: "pasted.txt" }).waitFor();
  await ada.getByRole("button", { name: "Send", exact: true }).click();
  await row(ben, "pasted.txt").waitFor();
  await row(ada, "boat.png").getByRole("button", { name: "Enlarge boat.png" }).click();
  await ada.getByRole("dialog").locator("img").waitFor();
  await shot(ada, "picture");
  await ada.keyboard.press("Escape");
});

test("a group is made, somebody is invited by a link, roles are given", { skip }, async () => {
  await ada.getByRole("button", { name: "Make or join a room" }).click();
  await ada.getByRole("button", { name: "New group" }).click();
  await ada.getByLabel("What it is called").fill("Crew of the Grey Gull");
  await ada.getByRole("button", { name: "Create", exact: true }).click();
  await ada.getByRole("heading", { level: 1, name: "Crew of the Grey Gull" }).waitFor();
  await ada.getByRole("button", { name: "Members and settings" }).click();
  await ada.getByRole("button", { name: "Invitation link" }).click();
  await ada.getByRole("button", { name: "Make a link" }).click();
  const link = await ada.getByLabel("Give it to whom you want to have here").inputValue();
  await ada.keyboard.press("Escape");

  await ben.goto(link);
  await ben.getByRole("heading", { level: 1, name: "Crew of the Grey Gull" }).waitFor();
  await say(ben, "Hello crew");
  await row(ada, "Hello crew").waitFor();
  await ada.locator(".aside .member", { hasText: "ben" }).getByRole("button", { name: /may do/ }).click();
  await ada.getByRole("menuitem", { name: "Make moderator" }).click();
  await ada.locator(".aside .member", { hasText: "ben" }).locator(".role", { hasText: "moderator" }).waitFor();
  await shot(ada, "members");
});

test("a refused message says so, and can be tried again or thrown away", { skip }, async () => {
  const info = await host.resolveConversation("harbour");
  await host.changeConversation(info.conversation, { slowModeSeconds: 60 });
  await openRoom(ada, "harbour");
  await say(ada, "One");
  await say(ada, "And at once another");
  const refused = row(ada, "And at once another");
  await refused.locator(".not-sent").waitFor();
  await host.changeConversation(info.conversation, { slowModeSeconds: 0 });
  await refused.getByRole("button", { name: "Try again" }).click();
  await stored(ada, "And at once another").waitFor();
});

test("devices are listed, and another one is ended at once", { skip }, async () => {
  const other = await windows.guest(broker, "ada");
  await ada.getByRole("button", { name: /your profile and settings/ }).click();
  await ada.getByRole("tab", { name: "Devices" }).click();
  await ada.locator(".device").nth(1).waitFor();
  await shot(ada, "devices");
  await ada.getByRole("button", { name: "End all others" }).click();
  await other.getByText("This device was signed out.").waitFor();
  await ada.keyboard.press("Escape");
  await other.context().close();
});

test("what is read on one device is read on the other, and a new name reaches everybody", { skip }, async () => {
  const other = await windows.guest(broker, "ben");
  await other.goto(`${broker.http}/`);
  await ben.locator(".room-row", { has: ben.locator(".room-row-title", { hasText: "ada" }) }).click();
  await ben.getByRole("heading", { level: 1, name: "ada" }).waitFor();
  await say(ada, "Read this once");
  const badge = (page) => page.locator(".room-row", { has: page.locator(".room-row-title", { hasText: "harbour" }) }).locator(".badge");
  await badge(ben).waitFor();
  await badge(other).waitFor();
  await other.locator(".room-row", { has: other.locator(".room-row-title", { hasText: "harbour" }) }).click();
  await row(other, "Read this once").waitFor();
  await badge(ben).waitFor({ state: "detached" });
  await other.context().close();

  await ada.getByRole("button", { name: /your profile and settings/ }).click();
  await ada.getByLabel("How you are called").fill("Ada Lovelace");
  await ada.getByRole("button", { name: "Save", exact: true }).click();
  await ada.getByText("Saved.").waitFor();
  await ada.keyboard.press("Escape");
  await ben.getByRole("heading", { level: 1, name: "Ada Lovelace" }).waitFor();
  await ben.locator(".room-row", { has: ben.locator(".room-row-title", { hasText: "harbour" }) }).click();
  await row(ben, "Read this once").waitFor();
});

test("on a phone there is one pane at a time", { skip }, async () => {
  const phone = await windows.guest(broker, "ben", PHONE);
  await phone.goto(`${broker.http}/`);
  assert.equal(await phone.locator(".main").isVisible(), false);
  await shot(phone, "phone-list");
  await phone.locator(".room-row", { hasText: "harbour" }).tap();
  await row(phone, "And at once another").waitFor();
  assert.equal(await phone.locator(".sidebar").isVisible(), false);
  await field(phone).fill("From the tram");
  await phone.getByRole("button", { name: "Send", exact: true }).tap();
  await row(ada, "From the tram").waitFor();
  await row(phone, "And at once another").locator(".said").tap();
  await row(phone, "And at once another").getByRole("button", { name: "Reply" }).tap();
  await phone.locator(".composer-intent").waitFor();
  await field(phone).fill("By thumb");
  await phone.getByRole("button", { name: "Send", exact: true }).tap();
  await row(ada, "By thumb").locator(".quote", { hasText: "And at once another" }).waitFor();
  await shot(phone, "phone");
  assert.equal(await phone.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true, "nothing is wider than the phone");
  await phone.getByRole("button", { name: "Back to the list" }).tap();
  await phone.locator(".room-row", { hasText: "harbour" }).waitFor();
  await phone.context().close();
});

test("no page had an error, and none broke its Content-Security-Policy", { skip }, () => assert.deepEqual(windows.complaints, []));
