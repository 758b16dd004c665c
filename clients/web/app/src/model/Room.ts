import { batch, computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import {
  type ChatMessage,
  type ConversationId,
  type ConversationInfo,
  type ConversationSubscription,
  type FastChatClient,
  type InboxEntry,
  type LogPosition,
  MessageKind,
  type UserId,
} from "@fastchat/client";
import { RoomLog } from "./RoomLog.ts";

/** The last message of a room, for the list. */
export interface Preview {
  readonly sequence: number;
  readonly sender: UserId;
  readonly text: string | undefined;
  readonly isDeleted: boolean;
}

/** What a room tells those who show it as a whole. */
export interface RoomHost {
  readonly client: FastChatClient;
  readonly self: UserId;
  /** A message of somebody else that came live. */
  messageCame(room: Room, message: ChatMessage, isMention: boolean): void;
  /** The order of the list may be another one. */
  orderChanged(): void;
  /** What the conversation is may be something else: the broker is asked. */
  infoChanged(room: Room): void;
  /** The broker knows better: the list is asked for again. */
  refreshSoon(): void;
}

const READ_DELAY = 400;
const PREVIEW_LENGTH = 160;

/** A conversation of the user's list, or one that is looked at without being in it. Its records come live for as long as it is followed. */
export class Room {
  readonly id: ConversationId;
  readonly info: Signal<ConversationInfo>;
  readonly log: RoomLog;
  readonly unread = signal(0);
  readonly hasMoreUnread = signal(false);
  readonly mentions = signal(0);
  readonly activity = signal(0);
  readonly preview = signal<Preview | undefined>(undefined);
  readonly typing = signal<readonly UserId[]>([]);
  /** Others have read up to here, as far as they let that be known. */
  readonly readByOthers = signal(0);
  /** Above this message stands the line "new messages"; 0 = nowhere. */
  readonly newFrom = signal(0);
  /** Counts the changes of its members: who shows them asks again. */
  readonly membersVersion = signal(0);
  /** What is written but not sent. */
  readonly draft = signal("");
  readonly canWrite: ReadonlySignal<boolean>;

  readonly #host: RoomHost;
  readonly #cursors = new Map<UserId, number>();
  #read = 0;
  #isReadKnown = false;
  #told = 0;
  #readTimer = 0;
  #subscription: ConversationSubscription | null = null;

  constructor(host: RoomHost, info: ConversationInfo) {
    this.id = info.conversation;
    this.#host = host;
    this.info = signal(info);
    this.log = new RoomLog(host.client, info.conversation, host.self);
    this.log.begin(info.epoch, Math.max(info.visibleFrom, info.first), info.head);
    this.#read = info.head;
    this.canWrite = computed(() => {
      const { kind, role, isArchived } = this.info.value;
      if (isArchived || role === "banned" || role === "invited") return false;
      return kind === "public" ? role !== "reader" : role !== "none" && role !== "reader";
    });
  }

  /** Up to here the user has read, on any device. */
  get read(): number {
    return this.#read;
  }

  get isMember(): boolean {
    const { role } = this.info.value;
    return role !== "none" && role !== "invited" && role !== "banned";
  }

  /** Who has read at least so far, of others. */
  readersOf(sequence: number): UserId[] {
    return [...this.#cursors].filter(([user, read]) => user !== this.#host.self && read >= sequence).map(([user]) => user);
  }

  /** Takes what the list says of it. */
  update(entry: InboxEntry): void {
    this.updateInfo(entry.conversation);
    // What was read here and is not told yet is read nevertheless.
    if (!this.#isReadKnown || entry.read >= this.#read) {
      this.#read = entry.read;
      this.unread.value = entry.unread;
      this.hasMoreUnread.value = entry.hasMoreUnread;
      this.mentions.value = entry.mentions;
    }

    this.#isReadKnown = true;
    if (entry.activity !== undefined) this.activity.value = Math.max(this.activity.peek(), entry.activity);
    const last = entry.last;
    const known = this.preview.peek();
    if (last !== undefined && (known === undefined || last.sequence >= known.sequence)) {
      this.preview.value = { sequence: last.sequence, sender: last.sender, text: last.isHidden ? undefined : last.text, isDeleted: last.isDeleted };
    }

    for (const cursor of entry.cursors ?? []) this.moveCursor(cursor.user, cursor.read);
    this.#host.orderChanged();
  }

  updateInfo(info: ConversationInfo): void {
    const before = this.info.peek();
    this.info.value = info;
    if (info.epoch !== before.epoch) this.#read = 0;
    this.log.begin(info.epoch, Math.max(info.visibleFrom, info.first), Math.max(info.head, info.epoch === before.epoch ? this.log.head : 0));
  }

  moveCursor(user: UserId, read: number): void {
    if (user === this.#host.self) {
      this.#sawRead(read);
      return;
    }

    if (read <= (this.#cursors.get(user) ?? 0)) return;
    this.#cursors.set(user, read);
    if (read > this.readByOthers.peek()) this.readByOthers.value = read;
  }

  /** Begins to receive what is written, from behind what is known. */
  follow(): void {
    if (this.#subscription !== null) return;
    const { epoch, head } = this.info.peek();
    this.#subscribe({ epoch, sequence: head });
  }

  unfollow(): void {
    this.#subscription?.close();
    this.#subscription = null;
  }

  get isFollowed(): boolean {
    return this.#subscription !== null;
  }

  #subscribe(after: LogPosition): void {
    this.#subscription = this.#host.client.subscribe(this.id, after, {
      onMessages: (messages) => batch(() => this.#receive(messages)),
      onEnd: (end) => {
        this.#subscription = null;
        if (end.reason === "epochChanged") {
          // The broker was set back: what was shown may be gone. The log is another one, and is loaded anew.
          const { epoch, head } = end.error;
          this.updateInfo({ ...this.info.peek(), epoch, head });
          this.#subscribe({ epoch, sequence: head });
        } else if (end.reason === "truncated") {
          this.#subscribe(end.error.resumeAfter);
        } else if (end.reason !== "clientEnded") {
          // Not a member any more, or not allowed to read: the list says what is.
          this.#host.refreshSoon();
        }
      },
    });
  }

  #receive(records: readonly ChatMessage[]): void {
    this.log.receive(records);
    for (const record of records) {
      if (record.isMessage) this.#receiveMessage(record);
      else this.#receiveChange(record);
    }

    this.#host.orderChanged();
  }

  #receiveMessage(record: ChatMessage): void {
    const isOwn = record.sender === this.#host.self;
    this.stopTyping(record.sender);
    this.activity.value = Math.max(this.activity.peek(), record.sentAt);
    this.preview.value = { sequence: record.sequence, sender: record.sender, text: record.text?.slice(0, PREVIEW_LENGTH) ?? "", isDeleted: false };
    if (isOwn || record.sequence <= this.#read) return;
    const isMention = record.attributes?.mentionsAll === true || record.attributes?.mentions?.includes(this.#host.self) === true;
    this.unread.value++;
    if (isMention) this.mentions.value++;
    this.#host.messageCame(this, record, isMention);
  }

  #receiveChange(record: ChatMessage): void {
    const { target, changes, membership } = record;
    const preview = this.preview.peek();
    if (target !== undefined && target === preview?.sequence) {
      if (record.kind === MessageKind.Edit) this.preview.value = { ...preview, text: record.text?.slice(0, PREVIEW_LENGTH) };
      if (record.kind === MessageKind.Delete || record.kind === MessageKind.Expired) this.preview.value = { ...preview, text: undefined, isDeleted: true };
    }

    if (membership !== undefined) this.membersVersion.value++;

    // Titles, topics, roles: what they are now, the broker says.
    if (changes !== undefined || membership?.user === this.#host.self) this.#host.infoChanged(this);
  }

  startTyping(user: UserId): void {
    if (user !== this.#host.self && !this.typing.peek().includes(user)) this.typing.value = [...this.typing.peek(), user];
  }

  stopTyping(user: UserId): void {
    if (this.typing.peek().includes(user)) this.typing.value = this.typing.peek().filter((one) => one !== user);
  }

  /** The user has seen everything up to a sequence. The broker is told a moment later, and once for many. */
  markRead(sequence: number): void {
    if (sequence <= this.#read) return;
    this.#sawRead(sequence);
    if (this.#readTimer === 0 && this.isMember) this.#readTimer = window.setTimeout(() => void this.#tellRead(), READ_DELAY);
  }

  async #tellRead(): Promise<void> {
    this.#readTimer = 0;
    const read = this.#read;
    if (read <= this.#told) return;
    try {
      await this.#host.client.moveCursor(this.id, { read });
      this.#told = Math.max(this.#told, read);
    } catch {
      // Told again with the next thing that is read; what is read is told with it.
    }
  }

  #sawRead(read: number): void {
    if (read <= this.#read) return;
    this.#read = read;
    if (read >= this.log.head) {
      this.unread.value = 0;
      this.mentions.value = 0;
      this.hasMoreUnread.value = false;
      return;
    }

    // What is left is counted where it is loaded; otherwise the broker counts.
    let unread = 0;
    let mentions = 0;
    for (let sequence = read + 1; sequence <= this.log.head; sequence++) {
      const entry = this.log.at(sequence);
      if (entry === undefined) {
        this.#host.refreshSoon();
        return;
      }

      if (entry === null || entry.kind === "event" || entry.sender === this.#host.self || entry.gone !== undefined) continue;
      unread++;
      if (entry.attributes.mentionsAll === true || entry.attributes.mentions?.includes(this.#host.self) === true) mentions++;
    }

    this.unread.value = unread;
    this.mentions.value = mentions;
    this.hasMoreUnread.value = false;
  }

  /** Sets the line above the first message that is not read, when the room is opened. */
  drawNewLine(): void {
    this.newFrom.value = this.unread.peek() > 0 ? this.#read + 1 : 0;
  }
}
