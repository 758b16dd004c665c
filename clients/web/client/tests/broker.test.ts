import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import type { ChatMessage } from "../src/client/ChatMessage.js";
import { ConnectionError, RequestError } from "../src/client/ClientError.js";
import { FastChatClient } from "../src/client/FastChatClient.js";
import { Operator } from "../src/client/Operator.js";
import { knownOf, type ClientNotice, type PresenceUpdate, type TypingNotice } from "../src/client/Pages.js";
import { MemoryTokenStore } from "../src/client/TokenStore.js";
import { CloseCode } from "../src/protocol/CloseCode.js";
import { ErrorCode } from "../src/protocol/ErrorCode.js";
import type { ConversationId } from "../src/protocol/primitives/Ids.js";
import { LATEST, START } from "../src/protocol/primitives/LogPosition.js";
import { MessageKind } from "../src/protocol/primitives/MessageKind.js";
import { Broker, freshName, noBroker, until, webSocket } from "./support/Broker.js";

/** Texts that a careless program breaks. */
const UNICODE = ["", "plain", "naïve café", "日本語", "👩‍👩‍👧‍👦 🏳️‍🌈", "e\u0301 vs é", "\u0000\u0007\u001b[31m", "\ufeffwith a mark", "‮right to left", "\u{10ffff}", "a\r\nb\n", "\u2028\u2029", "x".repeat(65_536)];

/** Everything that a client reads of a conversation. */
function collect(client: FastChatClient, conversation: ConversationId, position = START): ChatMessage[] {
  const messages: ChatMessage[] = [];
  client.subscribe(conversation, position, { onMessages: (batch) => void messages.push(...batch) });
  return messages;
}

/** What a program signs for itself (protocol.md §3.6). */
async function assertionOf(key: CryptoKey, user: string): Promise<string> {
  const part = (json: object) => Buffer.from(JSON.stringify(json)).toString("base64url");
  const now = Math.floor(Date.now() / 1000);
  const text = `${part({ alg: "ES256", typ: "JWT" })}.${part({ iss: user, sub: user, aud: "fastchat", iat: now, exp: now + 120, jti: crypto.randomUUID() })}`;
  const signature = await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, key, Buffer.from(text));
  return `${text}.${Buffer.from(signature).toString("base64url")}`;
}

async function code(promise: PromiseLike<unknown>): Promise<number> {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof RequestError, String(error));
    return error.code;
  }

  return 0;
}

suite("with a broker", { skip: noBroker ?? false, timeout: 300_000 }, () => {
  let broker: Broker;
  let ada: FastChatClient;
  let ben: FastChatClient;
  const clients: FastChatClient[] = [];

  const connect = async (options = {}): Promise<FastChatClient> => {
    const client = await broker.connect(options);
    clients.push(client);
    return client;
  };

  const room = async (...members: FastChatClient[]): Promise<ConversationId> =>
    (await ada.createConversation({ kind: "group", title: "room", members: members.map((member) => member.user) })).conversation;

  before(async () => {
    broker = await Broker.start({ presence_tick_seconds: 0.05 });
    ada = await connect();
    ben = await connect();
  });

  after(async () => {
    await Promise.all(clients.map((client) => client.close()));
    await broker.stop();
  });

  test("two people talk", async () => {
    const conversation = await room(ben);
    const [a, b] = [collect(ada, conversation), collect(ben, conversation)];
    for (const text of UNICODE) {
      await ada.publishText(conversation, text);
    }

    const receipt = await ben.publishText(conversation, "and back");
    await until(() => a.length === UNICODE.length + 1 && b.length === UNICODE.length + 1);
    assert.deepEqual(b.map((message) => message.text), [...UNICODE, "and back"]);
    assert.deepEqual(a.map((message) => message.sequence), b.map((message) => message.sequence));
    const last = a.at(-1)!;
    assert.equal(last.sequence, receipt.sequence);
    assert.equal(last.sender, ben.user);
    assert.equal(last.device, ben.device);
    assert.ok(Math.abs(last.sentAt - Date.now()) < 60_000);
  });

  test("names are resolved, and unknown ones are not", async () => {
    const [first, second, third] = await ada.resolveNames([ben.userName, "nobody-of-that-name", ada.userName]);
    assert.deepEqual([first?.user, second, third?.user], [ben.user, undefined, ada.user]);
    assert.deepEqual(await ada.resolveUsers([ben.user, ada.user, ben.user]).then((users) => users.map((user) => user?.name)), [ben.userName, ada.userName, ben.userName]);
    assert.equal(ada.cachedUser(ben.user)?.name, ben.userName);
  });

  test("ten thousand messages: published in order, and paged both ways", async () => {
    const conversation = await room();
    const count = 10_000;
    for (let i = 0; i < count; i++) {
      await ada.waitForRoom();
      ada.publishText(conversation, `message ${i}`);
    }

    await ada.flush();
    const forward: string[] = [];
    for (let position = START; ; ) {
      const page = await ada.fetch(conversation, { after: position, limit: 777 });
      forward.push(...page.messages.map((message) => message.text!));
      if (page.isComplete) {
        break;
      }

      position = page.messages.at(-1)!.position;
    }

    const backward: string[] = [];
    for (let position = LATEST; ; ) {
      const page = await ada.fetch(conversation, { before: position, limit: 999 });
      backward.unshift(...page.messages.map((message) => message.text!));
      if (page.isComplete) {
        break;
      }

      position = page.messages[0]!.position;
    }

    const expected = Array.from({ length: count }, (_, i) => `message ${i}`);
    assert.deepEqual(forward, expected);
    assert.deepEqual(backward, expected);
  });

  test("a slow reader with a small window misses nothing, and a fast one does not wait for it", async () => {
    const conversation = await room(ben);
    const slow = await connect({ tokenStore: undefined, window: 4096 });
    await ada.addMembers(conversation, [slow.user]);
    const got: number[] = [];
    slow.subscribe(conversation, START, {
      async onMessages(messages) {
        got.push(...messages.map((message) => message.sequence));
        await new Promise((resolve) => setTimeout(resolve, 1));
      },
    });
    const fast = collect(ben, conversation);
    const text = "y".repeat(500);
    for (let i = 0; i < 500; i++) {
      ada.publishText(conversation, text);
    }

    await ada.flush();
    await until(() => fast.length >= 501);
    await until(() => got.length >= 501);
    assert.deepEqual(got, got.map((_, i) => i + 1));
  });

  test("edits, deletions, reactions, pins, replies, threads, mentions, and what became of messages", async () => {
    const conversation = await room(ben);
    const seen = collect(ben, conversation);
    const { sequence } = await ada.publishText(conversation, "first", { attributes: { mentions: [ben.user] } });
    await ada.edit(conversation, sequence, "first, edited");
    await ben.react(conversation, sequence, "👍");
    assert.equal(await code(ben.react(conversation, sequence, "👍")), ErrorCode.Conflict);
    await ada.pin(conversation, sequence);
    const reply = await ben.publishText(conversation, "an answer", { attributes: { replyTo: sequence } });
    const inThread = await ben.publishText(conversation, "beside it", { attributes: { thread: sequence } });
    const gone = await ada.publishText(conversation, "never mind");
    await ada.delete(conversation, gone.sequence);
    assert.equal(await code(ben.edit(conversation, sequence, "not mine")), ErrorCode.Forbidden);

    const { states } = await ben.getMessageStates(conversation);
    const state = states.find((one) => one.sequence === sequence)!;
    assert.equal(state.text, "first, edited");
    assert.equal(state.edits, 1);
    assert.deepEqual(state.reactions, [{ reaction: "👍", count: 1, isOwn: true }]);
    assert.ok(state.pinnedBy > 0);
    assert.equal(state.replies, 1);
    assert.equal(state.inThread, 1);
    assert.ok(states.find((one) => one.sequence === gone.sequence)!.deletedBy > 0);
    assert.deepEqual((await ada.getThread(conversation, sequence)).messages.map((message) => message.sequence), [inThread.sequence]);
    assert.deepEqual((await ada.getPins(conversation)).messages.map((message) => message.sequence), [sequence]);

    await until(() => seen.length >= 8);
    const of = (kind: number) => seen.filter((message) => message.kind === kind);
    assert.deepEqual(seen.find((message) => message.sequence === sequence)?.attributes?.mentions, [ben.user]);
    assert.deepEqual(seen.find((message) => message.sequence === reply.sequence)?.attributes?.replyTo, sequence);
    assert.equal(of(MessageKind.Edit)[0]!.text, "first, edited");
    assert.equal(of(MessageKind.Edit)[0]!.target, sequence);
    assert.deepEqual(of(MessageKind.Reaction)[0]!.reaction, { target: sequence, isAdded: true, reaction: "👍" });
    assert.deepEqual(of(MessageKind.Pin)[0]!.pin, { target: sequence, isPinned: true });
    assert.equal(of(MessageKind.Delete)[0]!.target, gone.sequence);
    const page = await ben.fetch(conversation, { after: { epoch: 0, sequence: gone.sequence - 1 }, limit: 1 });
    assert.equal(page.messages[0]!.isErased, true);
    assert.equal(page.messages[0]!.text, undefined);
  });

  test("members: invite, accept, roles, mute, ban, links, and the records of it", async () => {
    const conversation = (await ada.createConversation({ kind: "group", title: "t", topic: "x", history: "joined" })).conversation;
    const seen = collect(ada, conversation);
    const notices: ClientNotice[] = [];
    ben.on("notice", (notice) => notices.push(notice));
    assert.equal((await ada.invite(conversation, ben.user)).isChanged, true);
    await until(() => notices.some((notice) => notice.event === "invited" && notice.conversation === conversation));
    assert.equal((await ben.getConversation(conversation)).role, "invited");
    await ben.accept(conversation);
    await ada.setRole(conversation, ben.user, "moderator");
    assert.equal((await ada.listMembers(conversation)).members.find((member) => member.user === ben.user)?.role, "moderator");
    await ada.setRole(conversation, ben.user, "member");
    await ada.mute(conversation, ben.user, 3600);
    assert.equal(await code(ben.publishText(conversation, "x")), ErrorCode.Forbidden);
    assert.ok((await ben.getConversation(conversation)).mutedUntil! > Date.now());
    await ada.unmute(conversation, ben.user);
    await ben.publishText(conversation, "thanks");
    await ada.changeConversation(conversation, { title: "", slowModeSeconds: 30, retentionSeconds: 86_400, retentionBytes: 1_000_000 });
    await ada.ban(conversation, ben.user);
    assert.equal(await code(ben.getConversation(conversation)), ErrorCode.NoSuchConversation);
    await ada.unban(conversation, ben.user);
    const link = await ada.createJoinLink(conversation, { uses: 1, seconds: 600 });
    assert.equal((await ben.joinByLink(link.link)).conversation, conversation);
    const [info] = await ada.listJoinLinks(conversation);
    assert.equal(info!.usesLeft, 0);
    await ada.revokeJoinLink(conversation, info!.id);
    const changed = await ben.getConversation(conversation);
    assert.deepEqual([changed.title, changed.retentionSeconds, changed.retentionBytes, changed.first], [undefined, 86_400, 1_000_000, 1]);
    await ben.leave(conversation);
    await until(() => seen.some((message) => message.kind === MessageKind.MemberRemoved && message.membership?.role === "none"));
    const roles = seen.flatMap((message) => (message.membership === undefined ? [] : [message.membership.role]));
    assert.deepEqual(roles, ["invited", "member", "moderator", "member", "member", "member", "banned", "none", "member", "none"]);
    assert.equal(seen.find((message) => message.membership?.role === "invited")?.membership?.invitedAs, "member");
    assert.deepEqual(seen.find((message) => message.kind === MessageKind.ConversationChanged)?.changes, { title: "", slowModeSeconds: 30, retentionSeconds: 86_400, retentionBytes: 1_000_000 });
  });

  test("a member who is removed gets the record that says so, and the subscription ends", async () => {
    const conversation = await room(ben);
    const kinds: number[] = [];
    let reason = "";
    ben.subscribe(conversation, START, { onMessages: (messages) => void kinds.push(...messages.map((message) => message.kind)), onEnd: (end) => (reason = end.reason) });
    await ada.publishText(conversation, "hello");
    await ada.removeMember(conversation, ben.user);
    await until(() => reason !== "");
    assert.equal(reason, "removed");
    assert.equal(kinds.at(-1), MessageKind.MemberRemoved);
  });

  test("a conversation that is erased is not there any more, and who reads it is told", async () => {
    const conversation = await room(ben);
    await ada.publishText(conversation, "soon gone");
    let reason = "";
    ben.subscribe(conversation, START, { onMessages: () => undefined, onEnd: (end) => (reason = end.reason) });
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.equal(await code(ben.eraseConversation(conversation)), ErrorCode.Forbidden);
    const status = await ada.eraseConversation(conversation);
    assert.notEqual(status.state, "none");
    await until(() => reason !== "");
    assert.equal(reason, "erased");
    assert.equal(await code(ben.fetch(conversation)), ErrorCode.NoSuchConversation);
    assert.notEqual((await ada.getErasure(conversation)).state, "none");
  });

  test("the inbox: unread, mentions, the last message, cursors; and only what is different after an absence", async () => {
    const conversation = await room(ben);
    const { sequence } = await ada.publishText(conversation, `@${ben.userName} look`, { attributes: { mentions: [ben.user] } });
    const inbox = await ben.getInbox();
    const entry = inbox.entries.find((one) => one.conversation.conversation === conversation)!;
    assert.deepEqual([entry.unread, entry.mentions, entry.last?.text, entry.last?.sender], [1, 1, `@${ben.userName} look`, ada.user]);
    const known = (await ben.catchUp()).entries.map(knownOf);
    assert.deepEqual((await ben.catchUp(known, inbox.epoch)).entries, []);

    const moved = new Promise<number>((resolve) => ada.on("cursor", (notice) => notice.conversation === conversation && resolve(notice.cursor.read)));
    collect(ada, conversation);
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.deepEqual(await ben.moveCursor(conversation, { read: sequence }), { user: ben.user, delivered: sequence, read: sequence });
    assert.equal(await moved, sequence);
    const changed = await ben.catchUp(known, inbox.epoch);
    assert.deepEqual(changed.entries.map((one) => [one.conversation.conversation, one.unread]), [[conversation, 0]]);
    assert.equal((await ada.listCursors(conversation)).cursors.find((cursor) => cursor.user === ben.user)?.read, sequence);
    assert.equal(await code(ben.moveCursor(conversation, { read: sequence + 1000 })), ErrorCode.PositionAhead);
  });

  test("direct conversations, profiles, search and blocks", async () => {
    const direct = await ada.direct(ben.user);
    assert.deepEqual([direct.kind, direct.peer], ["direct", ben.user]);
    assert.equal((await ben.direct(ada.user)).conversation, direct.conversation);
    const version = await ben.setProfile({ displayName: "Benjamin 🐻", locale: "de-AT", fields: { pronouns: "he" } });
    const [profile] = await ada.getProfiles([ben.user]);
    assert.deepEqual([profile!.displayName, profile!.locale, profile!.fields.get("pronouns"), profile!.version], ["Benjamin 🐻", "de-AT", "he", version]);
    assert.equal((await ada.getProfiles([{ user: ben.user, version }]))[0]!.isUnchanged, true);
    assert.ok((await ada.searchUsers("benjamin")).users.some((user) => user.user === ben.user));
    assert.equal(await code(ben.setProfile({ displayName: "x", ifVersion: 99 })), ErrorCode.Conflict);
    assert.equal(await ben.block(ada.user), true);
    assert.deepEqual((await ben.listBlocks()).blocks.map((block) => block.user), [ada.user]);
    assert.equal(await code(ada.publishText(direct.conversation, "hey")), ErrorCode.Forbidden);
    await ben.block(ada.user, false);
    await ada.publishText(direct.conversation, "hey");
  });

  test("presence and typing", async () => {
    const conversation = await room(ben);
    const updates: PresenceUpdate[] = [];
    const abort = new AbortController();
    const watching = (async () => {
      for await (const update of ada.watchPresence(conversation, { signal: abort.signal })) {
        updates.push(update);
      }
    })().catch(() => undefined);
    await until(() => updates.length > 0);
    assert.deepEqual([updates[0]!.isRestart, updates[0]!.members], [true, 2]);
    const setting = await ben.setPresence({ availability: "dnd", status: "in a meeting" });
    assert.deepEqual([setting.availability, setting.status], ["dnd", "in a meeting"]);
    await until(() => updates.some((update) => update.entries?.some((entry) => entry.user === ben.user && entry.availability === "dnd" && entry.status === "in a meeting")));
    await ben.setPresence({ availability: "online", status: "" });
    const typing: TypingNotice[] = [];
    ada.on("typing", (notice) => typing.push(notice));
    collect(ada, conversation);
    await new Promise((resolve) => setTimeout(resolve, 100));
    ben.signalTyping(conversation);
    await until(() => typing.length > 0);
    assert.deepEqual(typing[0], { conversation, user: ben.user, kind: "typing" });
    await ben.publishText(conversation, "there");
    await until(() => typing.length === 2);
    assert.equal(typing[1]!.kind, "stopped");
    abort.abort();
    await watching;
  });

  test("attachments: up, down, checked, in ranges, claimed, and where an upload was cut off", async () => {
    const conversation = await room(ben);
    const bytes = new Uint8Array(300_000).map((_, i) => (i * 31) ^ (i >> 8));
    const progress: number[] = [];
    const upload = await ada.upload(new Blob([bytes]), { name: "chart 📈.bin", mediaType: "application/octet-stream", onProgress: ({ done }) => progress.push(done) });
    assert.equal(progress.at(-1), bytes.length);
    assert.deepEqual([...progress].sort((a, b) => a - b), progress);
    const { sequence } = await ada.publishText(conversation, "see", { attributes: { attachments: [upload.attachment] } });
    const [message] = (await ben.fetch(conversation, { after: { epoch: 0, sequence: sequence - 1 }, limit: 1 })).messages;
    const [attachment] = message!.attributes!.attachments!;
    assert.deepEqual(attachment, upload.attachment);
    assert.deepEqual(new Uint8Array(await (await ben.download(conversation, sequence, attachment!)).arrayBuffer()), bytes);
    assert.deepEqual(await ben.readAttachment(conversation, sequence, attachment!.id, 65_530, 10), bytes.slice(65_530, 65_540));
    const claimed = await ben.claimAttachment(conversation, sequence, attachment!);
    const other = await room(ben);
    await ben.publishText(other, "look", { attributes: { attachments: [claimed.attachment] } });
    assert.ok((await ada.getAttachmentUsage()).used >= bytes.length);
    assert.equal(await code(ben.publishText(other, "x", { attributes: { attachments: [{ ...attachment!, id: "ab".repeat(32) as never }] } })), ErrorCode.NoSuchAttachment);

    // Given up after the first progress, and gone on with from there.
    const large = new Uint8Array(1_000_000).map((_, i) => i * 17);
    const abort = new AbortController();
    await assert.rejects(ada.upload(new Blob([large]), { name: "large", signal: abort.signal, onProgress: ({ done }) => done > 200_000 && abort.abort() }));
    let first: number | undefined;
    await ada.upload(new Blob([large]), { name: "large", onProgress: ({ done }) => (first ??= done) });
    assert.ok(first! > 200_000, `went on at ${first}`);
    const empty = await ada.upload(new Blob([]), { name: "empty" });
    assert.equal(empty.attachment.size, 0);
    await assert.rejects(ada.upload(new Blob([]), { name: "" }), TypeError);
  });

  test("forwarding, scheduling and hiding", async () => {
    const [from, to] = [await room(ben), await room(ben)];
    const { sequence } = await ada.publishText(from, "pass it on");
    const place = await ben.forward(from, sequence, to);
    const [forwarded] = (await ada.fetch(to, { after: { epoch: 0, sequence: place.sequence - 1 } })).messages;
    assert.deepEqual([forwarded!.text, forwarded!.attributes?.forwarded?.sender, forwarded!.attributes?.forwarded?.sequence], ["pass it on", ada.user, sequence]);
    const at = Date.now() + 3_600_000;
    const scheduled = await ada.scheduleText(to, "later", at);
    assert.equal(scheduled.at, at);
    assert.deepEqual((await ada.listScheduled({ conversation: to })).messages.map((message) => [message.id, message.text]), [[scheduled.id, "later"]]);
    assert.equal(await ada.cancelScheduled(to, scheduled.id), true);
    assert.equal(await ada.cancelScheduled(to, scheduled.id), false);
    const version = await ben.hide(from, [sequence]);
    assert.ok(version > 0);
    assert.deepEqual((await ben.listHidden({ conversation: from })).messages, [{ conversation: from, sequence }]);
    assert.deepEqual((await ben.getMessageStates(from)).hidden, [sequence]);
  });

  test("what the broker refuses is typed", async () => {
    const name = freshName("taken");
    await ada.createConversation({ kind: "public", name });
    assert.equal(await code(ben.createConversation({ kind: "public", name })), ErrorCode.NameTaken);
    assert.equal(await code(ada.resolveConversation("-")), ErrorCode.NameInvalid);
    assert.equal(await code(ada.resolveConversation(freshName("none"))), ErrorCode.NoSuchConversation);
    assert.equal(await code(ada.fetch("f".repeat(32) as ConversationId)), ErrorCode.NoSuchConversation);
    assert.equal(await code(new Operator(ada).getStats()), ErrorCode.Forbidden);
    assert.equal(await code(ada.publish(await room(), 99, new Uint8Array())), ErrorCode.KindInvalid);
    const conversation = await room();
    const position = { epoch: 1, sequence: 999 };
    let end = "";
    ada.subscribe(conversation, position, { onMessages: () => undefined, onEnd: ({ reason }) => (end = reason) });
    await until(() => end !== "");
    assert.equal(end, "positionAhead");
    let changed: unknown;
    ada.subscribe(conversation, { epoch: 7, sequence: 0 }, { onMessages: () => undefined, onEnd: (one) => (changed = one) });
    await until(() => changed !== undefined);
    assert.equal((changed as { reason: string }).reason, "epochChanged");
  });

  test("wrong credentials, taken and bad names end the client with their code", async () => {
    const closeOf = async (options: object): Promise<number> => {
      try {
        await connect(options);
        return 0;
      } catch (error) {
        assert.ok(error instanceof ConnectionError && error.isFinal);
        return error.code;
      }
    };
    assert.equal(await closeOf({ name: ada.userName, password: "not the right one" }), CloseCode.BadCredentials);
    assert.equal(await closeOf({ name: ada.userName, password: "correct horse", register: true }), CloseCode.NameTaken);
    assert.equal(await closeOf({ name: "b a d", password: "correct horse", register: true }), CloseCode.NameInvalid);
    assert.equal(await closeOf({ name: freshName("x"), password: "short", register: true }), CloseCode.PasswordInvalid);
    assert.equal(await closeOf({ token: "fct_none" }), CloseCode.TokenInvalid);
  });

  test("devices, tokens that renew themselves, the password, and being signed out", async () => {
    const name = freshName("carl");
    const tokenStore = new MemoryTokenStore();
    const carl = await connect({ name, password: "correct horse", register: true, tokenStore, clientName: "first" });
    const stored = await tokenStore.peek();
    assert.ok(stored?.refresh !== undefined && stored.device === carl.device);
    const same = await connect({ tokenStore });
    assert.equal(same.device, carl.device);
    const phone = await connect({ name, password: "correct horse", clientName: "phone" });
    await carl.nameDevice("laptop");
    const { devices } = await carl.listDevices();
    assert.deepEqual(devices.map((device) => device.name).sort(), ["laptop", "phone"]);
    assert.equal(devices.find((device) => device.isCurrent)?.device, carl.device);
    assert.equal(await code(carl.changePassword("wrong one!", "another horse")), ErrorCode.WrongCredentials);
    assert.equal(await carl.changePassword("correct horse", "another horse"), 1);
    assert.equal((await phone.closed).lastClose?.code, CloseCode.SignedOut);
    const again = await connect({ tokenStore });
    assert.equal(again.device, carl.device);
    await again.endDevice(again.device).catch(() => undefined);
    assert.equal((await carl.closed).lastClose?.code, CloseCode.SignedOut);
  });

  test("a password is proven and never shown, in signing up, signing in, changing it, and erasing the account", async () => {
    const proving = await Broker.start({ passwords: "both", scram_iterations: 100_000 });
    const connect = (options: object) => proving.connect(options);
    const name = freshName("fay");
    const passwordMechanism = "scram";
    const fay = await connect({ name, password: "pässwörd 🐎", register: true, passwordMechanism });
    const again = await connect({ name, password: "pässwörd 🐎", passwordMechanism });
    await assert.rejects(connect({ name, password: "passwort 🐎", passwordMechanism }), (error) => error instanceof ConnectionError && error.code === CloseCode.BadCredentials);
    assert.equal(await code(again.changePassword("passwort 🐎", "another horse")), ErrorCode.WrongCredentials);
    assert.equal(await again.changePassword("pässwörd 🐎", "another horse"), 1);
    assert.equal((await fay.closed).lastClose?.code, CloseCode.SignedOut);
    const shown = await connect({ name, password: "another horse", passwordMechanism: "plain" });
    assert.equal(shown.user, again.user);
    assert.equal(await code(again.eraseAccount("wrong horse")), ErrorCode.WrongCredentials);
    await again.eraseAccount("another horse").catch(() => undefined);
    assert.equal((await again.closed).lastClose?.code, CloseCode.TokenInvalid);
    await shown.close();
    await proving.stop();
  });

  test("one's own data, and the end of an account", async () => {
    const dora = await connect();
    const conversation = (await dora.createConversation({ kind: "group" })).conversation;
    await dora.publishText(conversation, "mine");
    let status = await dora.beginExport();
    for (let i = 0; i < 200 && status.state === "running"; i++) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      status = await dora.getExport();
    }

    assert.equal(status.state, "ready", status.failure);
    const archive = await dora.downloadExport(status);
    assert.equal(archive.size, status.size);
    assert.equal((await dora.discardExport()).state, "none");
    assert.equal(await code(dora.eraseAccount("not this one")), ErrorCode.WrongCredentials);
    await dora.eraseAccount("correct horse").catch(() => undefined);
    assert.equal((await dora.closed).lastClose?.code, CloseCode.TokenInvalid);
  });

  test("what operators do", async () => {
    const operator = new Operator(await connect({ token: broker.operatorToken }));
    const stats = await operator.getStats();
    assert.ok([...stats.keys()].some((key) => key.startsWith("fastchat.")));
    const { parts } = await operator.getCounts();
    assert.ok((parts.get("fastchat.errors")?.size ?? 0) > 0, "the tests before have had errors");
    const activity = await operator.getActivity();
    assert.equal(activity.loopsAnswered, activity.loops);
    assert.ok(activity.shards.reduce((sum, shard) => sum + shard.messages, 0) > 0);
    assert.ok(activity.conversations[0]!.messages > 0 && activity.conversations[0]!.kind !== undefined);
    assert.ok(activity.refusals.every((refusal) => refusal.act !== "" && refusal.count > 0));
    assert.ok(Math.abs(activity.time! - Date.now()) < 60_000);
    const eve = await connect();
    const names: string[] = [];
    for (let next: Parameters<typeof operator.listUsers>[0] = {}; ; ) {
      const page = await operator.listUsers({ ...next, limit: 5 });
      names.push(...page.users.map((user) => user.name));
      if (page.next === undefined) {
        break;
      }

      next = { after: page.next };
    }

    assert.ok(names.includes(eve.userName) && new Set(names).size === names.length);
    assert.deepEqual((await operator.listSessions({ user: eve.user })).sessions.map((session) => session.device), [eve.device]);
    assert.equal(await operator.suspendUser(eve.user), true);
    assert.equal((await eve.closed).lastClose?.code, CloseCode.Suspended);
    await operator.suspendUser(eve.user, false);
    const back = await connect({ name: eve.userName, password: "correct horse" });
    assert.ok((await operator.listDevices(back.user)).devices.length >= 1);
    await operator.endAllDevices(back.user);
    assert.equal((await back.closed).lastClose?.code, CloseCode.SignedOut);
    const service = await operator.createService(freshName("bot"), ["publish", "read"]);
    const bot = await connect({ token: service.token });
    assert.equal(bot.user, service.user);
    assert.ok((await operator.listServices()).services.some((one) => one.user === service.user));
    await operator.revokeService(service.user);
    assert.equal((await bot.closed).lastClose?.code, CloseCode.TokenInvalid);
    const keys = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign", "verify"]);
    const { kty, crv, x, y } = await crypto.subtle.exportKey("jwk", keys.publicKey);
    const robot = await operator.createServiceWithKey(freshName("robot"), ["publish"], JSON.stringify({ kty, crv, x, y }));
    const signed = await connect({ assertion: () => assertionOf(keys.privateKey, robot.user) });
    assert.equal(signed.user, robot.user);
    assert.deepEqual(await operator.changeServiceKeys(robot.user, { add: JSON.stringify({ kty, crv, x, y }) }), [robot.key]);
    await operator.revokeService(robot.user);
    await signed.closed;
    const [imported] = await operator.importUsers(["somebody from elsewhere"]);
    assert.equal((await ada.resolveUsers([imported!]))[0]?.isExternal, true);
    assert.equal((await operator.getBackup()).run, 0);
    const limits = await operator.getLimits();
    assert.equal(limits.get("limits"), true);
    assert.ok(Array.isArray(limits.get("limit_trusted")));
    assert.equal((await operator.setLimits({ limit_burst_seconds: 2.5 })).get("limit_burst_seconds"), 2.5);
    assert.equal(await code(operator.setLimits({ no_such_limit: 1 })), ErrorCode.SettingInvalid);
  });

  test("a client that is started, and not waited for, becomes ready", async () => {
    const start = FastChatClient.start({ url: broker.url, webSocket, name: freshName("twin"), password: "correct horse", register: true });
    clients.push(start);
    await start.whenReady();
    assert.ok(start.sessionId !== undefined);
    assert.ok((await start.ping()) >= 0);
  });
});
