import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import type { FastChatClient } from "../src/client/FastChatClient.js";
import { START } from "../src/protocol/primitives/LogPosition.js";
import { MessageKind } from "../src/protocol/primitives/MessageKind.js";
import { Broker, freshName, noBroker, until } from "./support/Broker.js";

/** Lines that the command line takes from its input one by one: everything but line ends. */
const LINES = [
  "plain", " leading and trailing ", "naïve café", "日本語テキスト", "👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽", "e\u0301 vs é", "שלום \u202eabc", "\ufeffmark", "tab\there", "\u{10ffff}\u{1f9ed}", "\\n \"quoted\" 'and' `more`", "x".repeat(60_000),
];

suite("interoperation with the .NET client", { skip: noBroker ?? false, timeout: 300_000 }, () => {
  let broker: Broker;
  let ada: FastChatClient;
  const name = freshName("cli");
  const room = freshName("room");

  before(async () => {
    broker = await Broker.start();
    ada = await broker.connect();
    await broker.cli(name, ["register", name]);
  });

  after(async () => {
    await ada.close();
    await broker.stop();
  });

  test("this client publishes, the command line reads: message for message", async () => {
    const { conversation } = await ada.resolveConversation(room, { create: true });
    const texts = [...LINES, "", "two\nlines\r\n", "\u0000\u001b[2J"];
    const receipts = [];
    for (const text of texts) {
      receipts.push(await ada.publishText(conversation, text));
    }

    const rich = await ada.publishText(conversation, "with attributes", { attributes: { replyTo: receipts[0]!.sequence, mentions: [ada.user] } });
    const lines = (await broker.cli(name, ["tail", room, "--count", String(texts.length + 1)])).map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.deepEqual(lines.map((line) => line["text"]), [...texts, "with attributes"]);
    assert.deepEqual(lines.map((line) => line["sequence"]), [...receipts, rich].map((receipt) => receipt.sequence));
    assert.ok(lines.every((line) => JSON.stringify(line).includes(ada.userName) || JSON.stringify(line).includes(ada.user)));
  });

  test("the command line publishes, this client reads live: message for message", async () => {
    const { conversation } = await ada.resolveConversation(freshName("back"), { create: true });
    const read: string[] = [];
    const ids = new Set<string>();
    ada.subscribe(conversation, START, {
      onMessages(messages) {
        for (const message of messages.filter((one) => one.kind === MessageKind.Text)) {
          read.push(message.text!);
          ids.add(message.clientMessageId);
        }
      },
    });
    const info = await ada.getConversation(conversation);
    const printed = (await broker.cli(name, ["send", info.name!, "-"], `${LINES.join("\n")}\n`)).map((line) => JSON.parse(line) as Record<string, unknown>);
    await until(() => read.length === LINES.length);
    assert.deepEqual(read, LINES);
    assert.equal(ids.size, LINES.length);
    assert.equal(printed.length, LINES.length);
    const [user] = await ada.resolveNames([name]);
    const page = await ada.fetch(conversation);
    assert.ok(page.messages.filter((message) => message.isMessage).every((message) => message.sender === user!.user));
  });

  test("edits, reactions and deletions of the one are those of the other", async () => {
    const { conversation } = await ada.resolveConversation(freshName("mixed"), { create: true });
    const { name: title } = await ada.getConversation(conversation);
    const [line] = await broker.cli(name, ["send", title!, "first"]);
    const { sequence } = JSON.parse(line!) as { sequence: number };
    await broker.cli(name, ["edit", title!, String(sequence), "second"]);
    await broker.cli(name, ["react", title!, String(sequence), "🎉"]);
    await ada.react(conversation, sequence, "🎉");
    const [state] = (await ada.getMessageStates(conversation)).states;
    assert.equal(state!.text, "second");
    assert.deepEqual(state!.reactions, [{ reaction: "🎉", count: 2, isOwn: true }]);
    await broker.cli(name, ["delete", title!, String(sequence)]);
    assert.ok((await ada.getMessageStates(conversation)).states[0]!.deletedBy > 0);
  });
});
