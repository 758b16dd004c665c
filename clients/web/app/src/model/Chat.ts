import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import {
  type AttachmentProgress,
  type ClientMessageId,
  type ClientNotice,
  type ConnectionState,
  type ConversationId,
  type ConversationInfo,
  ChatMessage,
  type FastChatClient,
  type Identity,
  type InboxEntry,
  type KnownConversation,
  type MessageAttachment,
  type MessageAttributes,
  type Publishing,
  type PublishState,
  type UserId,
  knownOf,
  MessageKind,
  randomId,
} from "@fastchat/client";
import { type Delivery, type Entry, NO_ATTRIBUTES } from "./Entry.ts";
import { perFrame } from "./frames.ts";
import { Notifier } from "./Notifier.ts";
import { People } from "./People.ts";
import { Presence } from "./Presence.ts";
import { explain } from "./problems.ts";
import { Room, type RoomHost } from "./Room.ts";

/** Rooms that are followed live: the most recently active ones. Of the others the list is asked for now and then. */
const FOLLOWED_MAX = 300;
const INBOX_PAGES_MAX = 10;
const INBOX_PAGE = 100;
const REFRESH_DELAY = 300;
const REFRESH_INTERVAL = 60_000;

/** Something to be sent: what was written, and what it belongs to. */
export interface Draft {
  readonly text: string;
  readonly replyTo?: number | undefined;
  readonly thread?: number | undefined;
  readonly mentions?: readonly UserId[];
  readonly mentionsAll?: boolean;
  readonly files?: readonly File[];
}

/** An upload under way, by the key of the message that it is for. */
export interface UploadState {
  readonly name: string;
  readonly done: number;
  readonly total: number;
}

/** Everything of the signed-in user's chat: the rooms, the people, what is sent. Lives from sign-in to sign-out. */
export class Chat implements RoomHost {
  readonly client: FastChatClient;
  readonly self: UserId;
  readonly name: string;
  readonly people: People;
  readonly presence: Presence;
  readonly notifier: Notifier;
  readonly connection: Signal<ConnectionState>;
  readonly rooms = new Map<ConversationId, Room>();
  /** The list, most recently active first. */
  readonly order: ReadonlySignal<readonly Room[]>;
  readonly isLoaded = signal(false);
  readonly total = signal(0);
  readonly uploads = signal<ReadonlyMap<string, UploadState>>(new Map());
  /** What is unread in all rooms, for the title. */
  readonly unread: ReadonlySignal<number>;
  readonly mentions: ReadonlySignal<number>;

  readonly #order = signal<readonly Room[]>([]);
  readonly #drafts = new Map<string, { room: Room; draft: Draft; attachments: MessageAttachment[] }>();
  readonly #unsubscribe: (() => void)[] = [];
  readonly #orderSoon = perFrame(() => this.#sort());
  /** What the broker was told that this page knows, so that it answers with what is different. */
  #known: KnownConversation[] = [];
  #refreshTimer = 0;
  #interval = 0;
  #isRefreshing = false;
  #epoch = 0;

  constructor(client: FastChatClient, identity: Identity) {
    this.client = client;
    this.self = identity.user;
    this.name = identity.name;
    this.people = new People(client);
    this.presence = new Presence(client);
    this.connection = signal(client.state);
    this.order = this.#order;
    this.unread = computed(() => this.#order.value.reduce((sum, room) => sum + room.unread.value, 0));
    this.mentions = computed(() => this.#order.value.reduce((sum, room) => sum + (room.info.value.kind === "direct" ? room.unread.value : room.mentions.value), 0));
    this.people.learn(this.self, this.name);
    this.notifier = new Notifier(this);
  }

  /** Loads the list and begins to follow it. */
  async start(): Promise<void> {
    const { client } = this;
    this.#unsubscribe.push(
      client.on("state", (state) => {
        const before = this.connection.peek();
        this.connection.value = state;
        if (state.phase === "connected" && before.phase !== "connected") this.refreshSoon();
      }),
      client.on("notice", (notice) => this.#noticed(notice)),
      client.on("typing", (typing) => {
        const room = this.rooms.get(typing.conversation);
        if (typing.kind === "stopped") room?.stopTyping(typing.user);
        else room?.startTyping(typing.user);
      }),
      client.on("cursor", (notice) => {
        if (notice.thread === 0) this.rooms.get(notice.conversation)?.moveCursor(notice.cursor.user, notice.cursor.read);
      }),
    );
    this.connection.value = client.state;
    this.#interval = window.setInterval(() => {
      if (document.visibilityState === "visible") this.refreshSoon();
    }, REFRESH_INTERVAL);
    await this.#refresh();
    this.isLoaded.value = true;
    await this.#restoreOutbox();
  }

  stop(): void {
    clearInterval(this.#interval);
    clearTimeout(this.#refreshTimer);
    for (const end of this.#unsubscribe) end();
    for (const room of this.rooms.values()) room.unfollow();
    this.presence.stop();
    this.notifier.stop();
  }

  /** A conversation as a room, in the list or not. */
  roomOf(info: ConversationInfo): Room {
    let room = this.rooms.get(info.conversation);
    if (room === undefined) {
      room = new Room(this, info);
      this.rooms.set(info.conversation, room);
    } else {
      room.updateInfo(info);
    }

    return room;
  }

  /** The room of an id, asked for when it is not in the list. @throws RequestError when there is none for this user. */
  async find(conversation: ConversationId): Promise<Room> {
    return this.rooms.get(conversation) ?? this.roomOf(await this.client.getConversation(conversation));
  }

  orderChanged(): void {
    this.#orderSoon();
  }

  refreshSoon(): void {
    if (this.#refreshTimer === 0) {
      this.#refreshTimer = window.setTimeout(() => {
        this.#refreshTimer = 0;
        void this.#refresh();
      }, REFRESH_DELAY);
    }
  }

  messageCame(room: Room, message: ChatMessage, isMention: boolean): void {
    this.notifier.messageCame(room, message, isMention);
  }

  async direct(user: UserId): Promise<Room> {
    const room = this.roomOf(await this.client.direct(user));
    this.#add(room);
    return room;
  }

  /** Adds a room to the list before the broker tells of it. */
  added(info: ConversationInfo): Room {
    const room = this.roomOf(info);
    this.#add(room);
    this.refreshSoon();
    return room;
  }

  /** Sends a message. It is shown at once, and again as what it is when it is durable. */
  send(room: Room, draft: Draft): void {
    const key = `m${randomId()}`;
    const hasFiles = (draft.files?.length ?? 0) > 0;
    this.#drafts.set(key, { room, draft, attachments: [] });
    room.log.addPending(this.#pendingEntry(key, draft, hasFiles ? "uploading" : "queued", []));
    void this.#send(key);
  }

  /** Sends again what was refused or failed. */
  retry(room: Room, entry: Entry): void {
    const known = this.#drafts.get(entry.key);
    if (known !== undefined) {
      room.log.changePending(entry.key, { delivery: "queued", problem: undefined });
      void this.#send(entry.key);
    } else if (entry.clientMessageId !== undefined) {
      void this.client.outbox?.retry(entry.clientMessageId);
      room.log.changePending(entry.key, { delivery: "queued", problem: undefined });
    }
  }

  /** Gives up what was not sent. */
  discard(room: Room, entry: Entry): void {
    this.#drafts.delete(entry.key);
    room.log.removePending(entry.key);
    if (entry.clientMessageId !== undefined) void this.client.outbox?.discard(entry.clientMessageId);
  }

  infoChanged(room: Room): void {
    void this.client.getConversation(room.id).then(
      (info) => room.updateInfo(info),
      () => this.refreshSoon(),
    );
  }

  async #send(key: string): Promise<void> {
    const known = this.#drafts.get(key);
    if (known === undefined) return;
    const { room, draft } = known;
    try {
      for (const file of (draft.files ?? []).slice(known.attachments.length)) {
        this.#showUpload(key, { name: file.name, done: 0, total: file.size });
        const upload = await this.client.upload(file, {
          name: nameOf(file),
          mediaType: mediaTypeOf(file),
          onProgress: (progress: AttachmentProgress) => this.#showUpload(key, { name: file.name, ...progress }),
        });
        known.attachments.push(upload.attachment);
        room.log.changePending(key, { attributes: attributesFor(draft, known.attachments) });
      }
    } catch (error) {
      this.#showUpload(key, undefined);
      room.log.changePending(key, { delivery: "refused", problem: explain(error) });
      return;
    }

    this.#showUpload(key, undefined);
    const attributes = attributesFor(draft, known.attachments);
    const hasAttributes = Object.keys(attributes).length > 0;
    this.#watch(room, key, this.client.publishText(room.id, draft.text, { clientMessageId: key.slice(1) as ClientMessageId, ...(hasAttributes ? { attributes } : {}) }));
  }

  #watch(room: Room, key: string, publishing: Publishing): void {
    const changed = (state: PublishState): void => {
      const isRefused = state === "refused" || state === "failed";
      if (isRefused) {
        // The id stands for this attempt for ever: another attempt is another message.
        const known = this.#drafts.get(key);
        this.#drafts.delete(key);
        const next = `m${randomId()}`;
        const entry = room.log.pending.find((one) => one.key === key);
        if (known !== undefined && entry !== undefined) {
          this.#drafts.set(next, known);
          room.log.removePending(key);
          room.log.addPending({ ...entry, key: next, clientMessageId: undefined, delivery: state, problem: explain(publishing.error) });
        } else {
          room.log.changePending(key, { delivery: state, problem: explain(publishing.error) });
        }

        if (state === "refused") void this.client.outbox?.discard(publishing.id);
        return;
      }

      room.log.changePending(key, { delivery: state });
      if (state === "durable") {
        this.#drafts.delete(key);
        // It comes as a record as well; where the room is not followed, nobody would bring it.
        if (!room.isFollowed) room.log.removePending(key);
      }
    };
    changed(publishing.state);
    publishing.onState(changed);
  }

  #pendingEntry(key: string, draft: Draft, delivery: Delivery, attachments: readonly MessageAttachment[]): Entry {
    return {
      key,
      sequence: 0,
      kind: "message",
      sender: this.self,
      sentAt: Date.now(),
      text: draft.text,
      attributes: attributesFor(draft, attachments),
      isEdited: false,
      gone: undefined,
      isHidden: false,
      isPinned: false,
      inThread: 0,
      reactions: [],
      delivery,
      problem: undefined,
      record: undefined,
      clientMessageId: key.slice(1) as ClientMessageId,
    };
  }

  #showUpload(key: string, state: UploadState | undefined): void {
    const uploads = new Map(this.uploads.peek());
    if (state === undefined) uploads.delete(key);
    else uploads.set(key, state);
    this.uploads.value = uploads;
  }

  /** What an earlier page left unsent is shown where it belongs. */
  async #restoreOutbox(): Promise<void> {
    const items = (await this.client.outbox?.list()) ?? [];
    for (const item of items) {
      const room = this.rooms.get(item.conversation);
      const isText = item.kind === MessageKind.Text || item.kind === MessageKind.Rich;
      if (room === undefined || !isText) continue;
      const key = `m${item.id}`;
      if (room.log.pending.some((one) => one.key === key)) continue;
      // Read as the record that it will be.
      const record = new ChatMessage(item.conversation, 0, {
        size: 0, sequence: 0, sentAt: item.queuedAt, sender: this.self, publisher: this.self, clientMessageId: item.id, device: 0n, kind: item.kind, flags: 0, isErased: false, body: item.body,
      });
      const isQueued = item.state === "queued";
      room.log.addPending({
        ...this.#pendingEntry(key, { text: record.text ?? "" }, isQueued ? "queued" : "refused", []),
        attributes: record.attributes ?? NO_ATTRIBUTES,
        sentAt: item.queuedAt,
        problem: isQueued ? undefined : item.state === "unknown" ? "It may have been sent before this device was signed out." : item.refused?.reason,
      });
    }
  }

  #noticed(notice: ClientNotice): void {
    switch (notice.event) {
      case "profile":
        if (notice.user !== undefined) this.people.refresh(notice.user);
        break;
      case "removed": {
        const room = notice.conversation === undefined ? undefined : this.rooms.get(notice.conversation);
        if (room !== undefined) this.#remove(room);
        break;
      }

      case "added":
      case "invited":
        this.refreshSoon();
        break;
      default:
        break;
    }
  }

  async #refresh(): Promise<void> {
    if (this.#isRefreshing) {
      this.refreshSoon();
      return;
    }

    this.#isRefreshing = true;
    try {
      if (this.#epoch === 0 || this.#known.length === 0) {
        await this.#loadInbox();
      } else {
        const changes = await this.client.catchUp(this.#known, this.#epoch);
        this.#epoch = changes.epoch;
        for (const entry of changes.entries) this.#take(entry);
        for (const gone of changes.gone) {
          const room = this.rooms.get(gone);
          if (room !== undefined) this.#remove(room);
        }
      }
    } catch {
      // No connection: asked again when there is one.
    } finally {
      this.#isRefreshing = false;
    }
  }

  async #loadInbox(): Promise<void> {
    let next: Uint8Array | undefined;
    let pages = 0;
    do {
      const page = await this.client.getInbox({ limit: INBOX_PAGE, after: next });
      this.#epoch = page.epoch;
      this.total.value = page.total;
      for (const entry of page.entries) this.#take(entry);
      next = page.next;
      pages++;
    } while (next !== undefined && pages < INBOX_PAGES_MAX);
  }

  #take(entry: InboxEntry): void {
    const room = this.roomOf(entry.conversation);
    room.update(entry);
    const known = knownOf(entry);
    this.#known = [...this.#known.filter((one) => one.conversation !== known.conversation), known];
    this.#add(room);
  }

  #add(room: Room): void {
    if (!this.#order.peek().includes(room)) this.#order.value = [...this.#order.peek(), room];
    this.orderChanged();
  }

  #remove(room: Room): void {
    room.unfollow();
    this.rooms.delete(room.id);
    this.#known = this.#known.filter((one) => one.conversation !== room.id);
    this.#order.value = this.#order.peek().filter((one) => one !== room);
    room.info.value = { ...room.info.peek(), role: "none" };
  }

  #sort(): void {
    const sorted = [...this.#order.peek()].sort((a, b) => b.activity.peek() - a.activity.peek());
    const before = this.#order.peek();
    if (sorted.some((room, index) => room !== before[index])) this.#order.value = sorted;
    for (const room of sorted.slice(0, FOLLOWED_MAX)) if (room.info.peek().role !== "invited") room.follow();
  }
}

function attributesFor(draft: Draft, attachments: readonly MessageAttachment[]): MessageAttributes {
  return {
    ...(draft.replyTo === undefined ? {} : { replyTo: draft.replyTo }),
    ...(draft.thread === undefined ? {} : { thread: draft.thread }),
    ...(draft.mentions === undefined || draft.mentions.length === 0 ? {} : { mentions: draft.mentions.slice(0, 50) }),
    ...(draft.mentionsAll === true ? { mentionsAll: true } : {}),
    ...(attachments.length === 0 ? {} : { attachments }),
  };
}

/** A name that the broker takes: without control characters, and not longer than it may be. */
function nameOf(file: File): string {
  // eslint-disable-next-line no-control-regex
  const name = file.name.replace(/[\u0000-\u001f\u007f]/g, " ").trim() || "file";
  let short = name;
  while (new TextEncoder().encode(short).length > 255) short = short.slice(0, -1);
  return short;
}

function mediaTypeOf(file: File): string {
  return /^[\x21-\x7e]{0,127}$/.test(file.type) ? file.type : "";
}
