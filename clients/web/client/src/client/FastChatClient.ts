import type { ClientMessageId, ConversationId, DeviceId, SessionId, UserId } from "../protocol/primitives/Ids.js";
import { LATEST, START, type LogPosition } from "../protocol/primitives/LogPosition.js";
import { ProtocolLimits } from "../protocol/ProtocolLimits.js";
import type { HistoryPage } from "./ChatMessage.js";
import { ClientSession } from "./ClientSession.js";
import { makeSettings, type ClientOptions } from "./ClientOptions.js";
import type { ConnectionState } from "./ConnectionState.js";
import type { RequestOptions } from "./ClientCore.js";
import { PrivacyRequests } from "./FastChatClient.Privacy.js";
import type { Outbox } from "./Outbox.js";
import type { ClientNotice, CursorNotice, LagNotice, TypingNotice } from "./Pages.js";
import type { Publishing } from "./Publishing.js";
import type { ConversationReading, ConversationSubscription, SubscriptionHandler } from "./Reading.js";

/** What a client tells, by {@link FastChatClient.on}. */
export interface ClientEvents {
  /** The state changed. The last close is in it. */
  state: ConnectionState;
  /** The session fell behind; its messages come from the log now. Nothing needs to be done. */
  lagged: LagNotice;
  /** A member of a conversation that this client reads has come further, or the user has on another device. A hint: who was away asks `listCursors` and `getInbox`. */
  cursor: CursorNotice;
  /** Something happened that no request asked about. */
  notice: ClientNotice;
  /** Somebody in a conversation that this client reads begins to type or to record, or no longer does. */
  typing: TypingNotice;
  /** A publish came to another state. */
  publishing: Publishing;
  /** What waits in the outbox changed, here or in another tab: {@link Outbox.list} tells what it is now. */
  outbox: void;
}

/** Who is signed in. Known before there is a connection when a token store knows it. */
export interface Identity {
  readonly user: UserId;
  /** The name as it was registered. */
  readonly name: string;
  readonly device: DeviceId;
}

/** Where a page of history lies, and how large it is at the most. */
export interface FetchOptions extends RequestOptions {
  /** The messages behind this position (START = from the first); absent with `before`. */
  readonly after?: LogPosition;
  /** The last messages before this position; neither `after` nor `before` = the last ones of all. */
  readonly before?: LogPosition;
  /** Messages at the most; absent = as many as the broker allows. */
  readonly limit?: number;
}

/**
 * A client of a FastChat broker. It signs in once and then comes back by itself: what was published is sent until it is answered, in its order and exactly once; what is read goes on behind the last message, without a gap or a
 * duplicate; until the application closes the client or the broker says that returning is pointless ({@link closed}).
 */
export class FastChatClient extends PrivacyRequests {
  private constructor(session: ClientSession) {
    super(session);
  }

  /**
   * Begins, without waiting: for a page that shows what it has while it is offline. The client tries until it is signed in or the broker says that trying is pointless; publishes wait in the queue, and requests for the
   * connection.
   * @throws TypeError The options contradict one another.
   */
  static start(options: ClientOptions): FastChatClient {
    const client = new FastChatClient(new ClientSession(makeSettings(options)));
    client.session.start();
    return client;
  }

  /**
   * Connects and signs in. One attempt: when it fails the client is gone. A reason that may pass is for the caller to judge, who may have an alternative; {@link start} keeps trying.
   * @throws TypeError The options contradict one another.
   * @throws ConnectionError It did not succeed; `close` says why and whether to try again.
   */
  static async connect(options: ClientOptions & RequestOptions): Promise<FastChatClient> {
    const client = new FastChatClient(new ClientSession(makeSettings(options), true));
    client.session.start();
    try {
      await client.whenReady(options);
      return client;
    } catch (error) {
      await client.close();
      throw error;
    }
  }

  /** Calls the handler with each event that follows. Returns what ends that. What a handler throws is reported to the platform as an uncaught error. */
  on<Name extends keyof ClientEvents>(name: Name, handler: (event: ClientEvents[Name]) => void): () => void {
    return this.session.events.on(name, handler);
  }

  /** Where the client stands. */
  get state(): ConnectionState {
    return this.session.state;
  }

  /** Who is signed in; undefined before the first sign-in of this device is known. */
  get identity(): Identity | undefined {
    return this.session.identity;
  }

  /** The signed-in user. @throws Error Before anybody is known to be signed in. */
  get user(): UserId {
    return this.#known().user;
  }

  /** The user's name as it was registered. @throws Error Before anybody is known to be signed in. */
  get userName(): string {
    return this.#known().name;
  }

  /** The device. @throws Error Before anybody is known to be signed in. */
  get device(): DeviceId {
    return this.#known().device;
  }

  /** The session; undefined before the first connection. It changes when the broker no longer knew the old one. */
  get sessionId(): SessionId | undefined {
    return this.session.welcome?.session;
  }

  /** What the next sign-in of this device can use instead of a password, without a token store. Secret. */
  get token(): string | undefined {
    return this.session.token;
  }

  /** Name and version of the broker; undefined before the first connection. */
  get server(): string | undefined {
    return this.session.welcome?.server;
  }

  /** Bytes of a message body at the most, on this broker. */
  get bodySizeMax(): number {
    return this.session.welcome?.bodySizeMax || ProtocolLimits.bodySizeMax;
  }

  /** Bytes of publishes that are not answered yet. */
  get sendQueueBytes(): number {
    return this.session.sendQueueBytes;
  }

  /** Publishes that are not answered yet, in their order. */
  get unanswered(): readonly Publishing[] {
    return this.session.unanswered;
  }

  /** What waits to be sent, over reloads; undefined without {@link ClientOptions.outbox}. */
  get outbox(): Outbox | undefined {
    return this.session.outbox;
  }

  /** Fulfilled when the client has ended for good, with its last state, which says why. Never rejected. */
  get closed(): Promise<ConnectionState> {
    return this.session.closed;
  }

  /** Fulfilled when the client is signed in for the first time. @throws ConnectionError It ended before. */
  whenReady(options: RequestOptions = {}): Promise<void> {
    return this.session.whenReady(options.signal);
  }

  /**
   * Reads a conversation from a position on, history and then live, until it is closed or ends by itself. Reconnects go unnoticed. A conversation can be read once at a time by one client.
   * @param after The last record that the caller has: START = read all, LATEST = only what comes from now on.
   * @throws Error This client reads the conversation already.
   */
  subscribe(conversation: ConversationId, after: LogPosition, handler: SubscriptionHandler): ConversationSubscription {
    return this.session.subscribe(conversation, after, handler);
  }

  /**
   * The same to be enumerated: `for await (const message of client.read(conversation))`. A slow consumer holds back everything that is delivered to this client, for the window is the client's: read several conversations
   * concurrently, not one after the other. The enumeration ends without an error when the user is removed from the conversation, or it is erased.
   * @throws Error This client reads the conversation already.
   * @throws EpochChangedError, HistoryTruncatedError, PositionAheadError, RequestError, ConnectionError While it is enumerated, behind everything that was delivered before.
   */
  read(conversation: ConversationId, after: LogPosition = START, options: RequestOptions = {}): ConversationReading {
    return this.session.read(conversation, after, options.signal);
  }

  /**
   * Fetches a page of history. Asked again by itself when the connection breaks. To page on, fetch before the first or after the last message of the page.
   * @throws EpochChangedError The position is of another epoch than the log.
   */
  fetch(conversation: ConversationId, options: FetchOptions = {}): Promise<HistoryPage> {
    const isForward = options.after !== undefined;
    return this.session.fetch(conversation, options.after ?? options.before ?? LATEST, isForward, options.limit ?? 0, options.signal);
  }

  /** Waits until every publish that was queued before the call has been answered. @throws ConnectionError The client ended before. */
  flush(options: RequestOptions = {}): Promise<void> {
    return this.session.flush(options.signal);
  }

  /** Waits until the send queue has room: for senders of many. @throws ConnectionError The client ended before. */
  waitForRoom(options: RequestOptions = {}): Promise<void> {
    return this.session.waitForRoom(options.signal);
  }

  /** The publish of this client with this id that is not answered yet; undefined when there is none. */
  findPublishing(id: ClientMessageId): Publishing | undefined {
    return this.session.unanswered.find((publishing) => publishing.id === id);
  }

  /** Tries at once when the client waits for its next attempt, and asks a silent connection for a sign of life. Pages need not call it: the client does so when the page becomes visible or the network is back. */
  wake(): void {
    this.session.wakeUp();
  }

  /**
   * Says Close and ends. Publishes that are not answered fail with {@link ConnectionError}, their outcome unknown: call {@link flush} first to wait for them. Those in an outbox are kept for the next client of the device.
   */
  close(): Promise<ConnectionState> {
    this.session.stop();
    return this.session.closed;
  }

  #known(): Identity {
    const identity = this.session.identity;
    if (identity === undefined) {
      throw new Error("nobody is known to be signed in yet: wait for whenReady()");
    }

    return identity;
  }
}
