import { CloseCode } from "../protocol/CloseCode.js";
import { ControlFormatError, ControlMap } from "../protocol/control/ControlMap.js";
import { parseTokenPair, type TokenPair, type Welcome } from "../protocol/control/Hello.js";
import { ErrorCode } from "../protocol/ErrorCode.js";
import { writeCredit } from "../protocol/frames/Credit.js";
import { FrameType } from "../protocol/FrameType.js";
import type { Frame } from "../protocol/FrameReader.js";
import { isId, randomId, type ClientMessageId, type ConversationId } from "../protocol/primitives/Ids.js";
import { isPosition, type LogPosition } from "../protocol/primitives/LogPosition.js";
import type { MessageKind } from "../protocol/primitives/MessageKind.js";
import type { SignalKind } from "../protocol/primitives/Words.js";
import { ProtocolLimits } from "../protocol/ProtocolLimits.js";
import { AsyncSignal } from "./AsyncSignal.js";
import type { HistoryPage } from "./ChatMessage.js";
import { ConnectionError, EpochChangedError, QueueFullError, RequestError, type ClientError } from "./ClientError.js";
import type { Settings } from "./ClientOptions.js";
import { delay, orAborted, type Clock } from "./Clock.js";
import { ClientConnection, type ConnectionHost } from "./connections/ClientConnection.js";
import { FrameDispatcher } from "./connections/FrameDispatcher.js";
import { isPassword, PasswordSignIn } from "./connections/PasswordSignIn.js";
import { TokenKeeper } from "./connections/TokenKeeper.js";
import { CloseReason, reasonOf, stoppedReason, type ConnectionPhase, type ConnectionState } from "./ConnectionState.js";
import { DeliveryWindow } from "./delivery/DeliveryWindow.js";
import { EnumeratingReader, HandlerReader, type ReadingHost } from "./delivery/Readers.js";
import type { Subscription } from "./delivery/Subscription.js";
import { SubscriptionTable } from "./delivery/SubscriptionTable.js";
import { Emitter } from "./Emitter.js";
import type { ClientEvents, Identity } from "./FastChatClient.js";
import { withAttributes } from "./FastChatClient.Messages.js";
import { NameCache } from "./NameCache.js";
import type { Outbox } from "./Outbox.js";
import type { PresenceUpdate } from "./Pages.js";
import { PresenceTable } from "./presence/PresenceTable.js";
import { SignalThrottle } from "./presence/SignalThrottle.js";
import { TypingTable } from "./presence/TypingTable.js";
import type { Publishing, PublishOptions } from "./Publishing.js";
import type { ConversationReading, ConversationSubscription, SubscriptionHandler } from "./Reading.js";
import { delayBefore } from "./ReconnectPolicy.js";
import { FetchRequest } from "./requests/FetchRequest.js";
import { askWithPassword, type PasswordRequest } from "./requests/PasswordRequest.js";
import { MapRequest, PingRequest } from "./requests/PendingRequest.js";
import { RequestTable } from "./requests/RequestTable.js";
import { scheduleForScreen } from "./Schedule.js";
import { OutboxKeeper, type OutboxHost } from "./sending/OutboxKeeper.js";
import { PublishHold } from "./sending/PublishHold.js";
import { SendEntry, SendQueue } from "./sending/SendQueue.js";

/** After which time what failed for a reason that may pass is asked again, when the broker names none. */
const RETRY_DELAY = 500;

const NOTHING = new Uint8Array();

/**
 * The logical client behind FastChatClient: it owns what survives a connection (unanswered publishes, requests, subscriptions, the delivery window, who is signed in) and runs one connection after the other until the
 * application or the broker's word ends it. {@link run} is the only writer of the state, and between two connections it rewinds the queues.
 */
export class ClientSession implements ConnectionHost, ReadingHost, OutboxHost {
  readonly events = new Emitter<ClientEvents>();
  readonly names: NameCache;
  readonly clock: Clock;
  readonly sends: SendQueue;
  readonly hold: PublishHold;
  readonly window: DeliveryWindow;
  readonly requests: RequestTable;
  readonly subscriptions: SubscriptionTable;
  readonly presence: PresenceTable;
  readonly typing: TypingTable;
  readonly closed: Promise<ConnectionState>;

  readonly #settings: Settings;
  readonly #isOneAttempt: boolean;
  readonly #dispatcher = new FrameDispatcher(this);
  readonly #signals: SignalThrottle;
  readonly #tokens: TokenKeeper;
  readonly #passwords: PasswordSignIn;
  readonly #keeper: OutboxKeeper | undefined;
  readonly #stopping = new AbortController();
  readonly #ready: Promise<void>;
  #onReady!: () => void;
  #onNotReady!: (error: ClientError) => void;
  #onClosed!: (state: ConnectionState) => void;
  #ended: CloseReason | undefined;
  #connections = 0;
  #connection: ClientConnection | undefined;
  #welcome: Welcome | undefined;
  #identity: Identity | undefined;
  #state: ConnectionState = { phase: "connecting", lastClose: undefined, attempts: 0 };

  /** Ends the present pause early; undefined while there is none that may be shortened. */
  #endPause: (() => void) | undefined;

  /** Wakes those who wait for answers: of a flush, or for room. */
  readonly #answers = new Set<AsyncSignal>();

  constructor(settings: Settings, isOneAttempt = false) {
    this.#settings = settings;
    this.#isOneAttempt = isOneAttempt;
    this.clock = settings.clock;
    this.names = new NameCache(settings.nameCacheMax);
    this.sends = new SendQueue(settings.sendQueueBytesMax);
    this.hold = new PublishHold(this.sends, settings.clock, () => this.wake());
    this.window = new DeliveryWindow(settings.window);
    this.requests = new RequestTable(settings.requestsMax, () => this.wake());
    this.subscriptions = new SubscriptionTable(this.requests, this.window, (subscription, error) => this.#later(error, (connection) => this.subscriptions.retry(subscription, connection)));
    this.presence = new PresenceTable(this.requests, (watch, error) => this.#later(error, (connection) => this.presence.retry(watch, connection)));
    this.typing = new TypingTable(settings.clock, (notice) => this.events.emit("typing", notice));
    this.#signals = new SignalThrottle(settings.clock);
    this.#tokens = new TokenKeeper(settings, (body, connection) => this.#reauthenticate(body, connection));
    this.#passwords = new PasswordSignIn(settings);
    this.#keeper = settings.outbox && new OutboxKeeper(settings.outbox, this, settings.outboxEntriesMax);
    this.#ready = new Promise((resolve, reject) => ([this.#onReady, this.#onNotReady] = [resolve, reject]));
    this.#ready.catch(() => {
      // Who waits for it is told; nobody may be waiting.
    });
    this.closed = new Promise((resolve) => (this.#onClosed = resolve));
  }

  get state(): ConnectionState {
    return this.#state;
  }

  get identity(): Identity | undefined {
    return this.#identity;
  }

  get welcome(): Welcome | undefined {
    return this.#welcome;
  }

  get connection(): ClientConnection | undefined {
    return this.#connection;
  }

  get token(): string | undefined {
    return this.#tokens.token;
  }

  get sendQueueBytes(): number {
    return this.sends.bytes;
  }

  get unanswered(): readonly Publishing[] {
    return this.sends.unanswered;
  }

  get outbox(): Outbox | undefined {
    return this.#keeper;
  }

  /** Begins to connect. */
  start(): void {
    const endWaking = this.#settings.wake?.onWake(() => this.wakeUp());
    void this.#run().catch(reasonOf).then((reason) => {
      endWaking?.();
      this.#end(reason);
    });
  }

  /** The application is done: say Close, end. */
  stop(): void {
    this.#stopping.abort();
    this.#connection?.close(stoppedReason());
  }

  /** The world outside has changed: end a pause, ask a silent connection for a sign of life, and look after what others have left. */
  wakeUp(): void {
    this.#endPause?.();
    this.#connection?.probe();
    if (this.#identity !== undefined) {
      // Maybe a tab was closed meanwhile, and left something behind.
      void this.#keeper?.begin(this.#identity);
    }
  }

  whenReady(signal?: AbortSignal): Promise<void> {
    return orAborted(this.#ready, signal);
  }

  async flush(signal?: AbortSignal): Promise<void> {
    const waiting = this.sends.unanswered;
    let answered = 0;
    await this.#untilAnswers(() => {
      while (waiting[answered]?.isAnswered) {
        answered++;
      }

      return answered === waiting.length;
    }, signal);
  }

  waitForRoom(signal?: AbortSignal): Promise<void> {
    return this.#untilAnswers(() => this.sends.hasRoom(1) && (this.#keeper?.hasRoom ?? true), signal);
  }

  async ping(signal?: AbortSignal): Promise<number> {
    const request = new PingRequest(this.clock, signal);
    this.requests.add(request);
    return request.result;
  }

  /** Queues a publish; a body that is undefined is a text that has no bytes, and an error is why there is no body. */
  publish(conversation: ConversationId, kind: MessageKind, body: Uint8Array | RangeError | undefined, options: PublishOptions): Publishing {
    const id = options.clientMessageId ?? randomId<ClientMessageId>();
    const { onBehalfOf, ifHead } = options;
    let message = { kind, body: body instanceof Uint8Array ? body : NOTHING };
    let refusal: ClientError | undefined =
      body === undefined ? new RequestError(ErrorCode.InvalidText, "the text holds a lone surrogate") : body instanceof RangeError ? new RequestError(ErrorCode.BadRequest, body.message) : undefined;
    if (![conversation, id, onBehalfOf ?? id].every(isId) || !isPosition({ epoch: 0, sequence: ifHead ?? 0 })) {
      refusal ??= new RequestError(ErrorCode.BadRequest, "an id of 32 hexadecimal digits, or a head, is expected");
    }

    try {
      message = withAttributes(kind, message.body, options);
    } catch (failure) {
      refusal ??= failure as RequestError;
    }

    const entry = new SendEntry({ conversation, id, onBehalfOf, ifHead, ...message }, this.#keeper === undefined);
    const bodySizeMax = this.#welcome?.bodySizeMax || ProtocolLimits.bodySizeMax;
    if (message.body.length > bodySizeMax) {
      refusal ??= new RequestError(ErrorCode.BodyTooLarge, `${message.body.length} bytes, the limit is ${bodySizeMax}`);
    } else if (!this.sends.hasRoom(entry.size) || this.#keeper?.hasRoom === false) {
      refusal ??= new QueueFullError("too much waits to be sent");
    }

    if (this.#ended !== undefined) {
      entry.fail("failed", new ConnectionError(this.#ended, true));
    } else if (refusal !== undefined) {
      entry.fail("refused", refusal);
    } else {
      this.adopt(entry);
      this.sends.append(entry);
      this.#keeper?.add(entry);
      this.#signals.onPublish(conversation);
      this.wake();
    }

    return entry;
  }

  async fetch(conversation: ConversationId, position: LogPosition, isForward: boolean, limit: number, signal?: AbortSignal): Promise<HistoryPage> {
    requirePlace(conversation, position);
    const request = new FetchRequest({ conversation, position, isForward, countMax: limit, bytesMax: 0 }, signal);
    this.requests.add(request);
    const page = await request.result;
    if (position.epoch !== 0 && position.epoch !== page.epoch) {
      throw new EpochChangedError(conversation, position, page.epoch, page.head);
    }

    return page;
  }

  subscribe(conversation: ConversationId, after: LogPosition, handler: SubscriptionHandler): ConversationSubscription {
    return new HandlerReader(this, conversation, after, handler);
  }

  read(conversation: ConversationId, after: LogPosition, signal?: AbortSignal): ConversationReading {
    return new EnumeratingReader(this, conversation, after, signal);
  }

  watchPresence(conversation: ConversationId, signal?: AbortSignal): AsyncIterable<PresenceUpdate> {
    return this.presence.watch(conversation, signal);
  }

  signalTyping(conversation: ConversationId, kind: SignalKind): void {
    if (this.#connection !== undefined && this.#welcome?.takesSignals && this.#signals.tryQueue(conversation, kind)) {
      this.wake();
    }
  }

  async control<T>(type: FrameType, body: ControlMap, parse: (reply: ControlMap) => T, isRepeatable: boolean, signal?: AbortSignal, boundTo = 0): Promise<T> {
    const bytes = this.#bytesOf(body);
    const request = new MapRequest(type, bytes, parse, isRepeatable, signal, boundTo);
    this.requests.add(request);
    return request.result;
  }

  /** Has the password changed, and keeps the tokens that this brings; how many devices were ended. */
  async changePassword(password: string, next: string, signal?: AbortSignal): Promise<number> {
    if (!isPassword(next)) {
      // A broker that is given a proof does not see the password.
      throw new RequestError(ErrorCode.PasswordInvalid, "a password has 8 to 256 bytes");
    }

    await this.whenReady(signal);
    let ended = 0;
    await this.#tokens.replace(
      (tokens) =>
        this.#withPassword({
          type: FrameType.ChangePassword,
          body: tokens,
          password,
          next,
          parse: (reply) => {
            ended = reply.number("ended");
            return parseTokenPair(reply);
          },
        }, signal),
      this.#welcome!,
    );
    return ended;
  }

  /** Asks for something that takes the password once more. */
  async eraseAccount<T>(password: string, parse: (reply: ControlMap) => T, signal?: AbortSignal): Promise<T> {
    await this.whenReady(signal);
    return this.#withPassword({ type: FrameType.ErasePerson, body: new ControlMap().set("begin", true), password, parse }, signal);
  }

  #withPassword<T>(request: PasswordRequest<T>, signal: AbortSignal | undefined): Promise<T> {
    const connection = this.#connection?.number ?? 0;
    return askWithPassword(
      request, this.#identity!.name, this.#passwords, (type, body, parse, isBound) => this.control(type, body, parse, false, signal, isBound ? connection : 0),
    );
  }

  // ConnectionHost

  dispatch(frame: Frame): CloseReason | undefined {
    return this.#dispatcher.dispatch(frame);
  }

  afterBatch(): void {
    this.#release();
    this.hold.onAnswered();
    this.wake();
  }

  nextFrame(connection: number, isBusy: boolean): Uint8Array<ArrayBuffer> | undefined {
    const credit = this.window.takeCredit();
    if (credit > 0) {
      return writeCredit(credit);
    }

    const frame = this.#signals.take() ?? this.requests.take(connection, !isBusy);
    if (frame !== undefined || isBusy || !this.hold.isOpen) {
      return frame;
    }

    const inFlightMax = Math.min(this.#welcome?.inFlightMax || ProtocolLimits.inFlightMax, this.hold.window);
    return this.sends.inFlight < inFlightMax ? this.sends.take() : undefined;
  }

  // ReadingHost

  begin(conversation: ConversationId, after: LogPosition, reader: Parameters<SubscriptionTable["add"]>[2]): Subscription {
    requirePlace(conversation, after);
    return this.subscriptions.add(conversation, after, reader);
  }

  stopReading(subscription: Subscription): void {
    this.subscriptions.remove(subscription);
    this.wake();
  }

  consume(frameBytes: number): void {
    this.window.consume(frameBytes);
    if (this.window.isCreditDue) {
      this.wake();
    }
  }

  schedule(run: () => void): void {
    scheduleForScreen(run);
  }

  // OutboxHost

  adopt(entry: SendEntry): void {
    entry.onState(() => {
      if (entry.isAnswered) {
        this.#keeper?.onAnswered(entry);
        if (this.#connection === undefined) {
          // Nobody comes by behind the batch that it was answered in: it was discarded.
          queueMicrotask(() => this.#release());
        }
      }

      this.events.emit("publishing", entry);
    });
  }

  onChange(): void {
    this.#answers.forEach((signal) => signal.raise());
    this.events.emit("outbox", undefined);
  }

  /** There may be something to send. */
  wake(): void {
    this.#connection?.schedule();
  }

  async #run(): Promise<CloseReason> {
    const { reconnect, random } = this.#settings;
    let attempts = 0;
    let reason: CloseReason | undefined;
    await this.#recognise();
    for (;;) {
      if (this.#stopping.signal.aborted) {
        return stoppedReason();
      }

      this.#setState("connecting", reason, attempts);
      let readyAt: number | undefined;
      try {
        const connection = await this.#open();
        readyAt = this.clock.now();
        reason = await this.#serve(connection, reason, attempts);
      } catch (failure) {
        reason = reasonOf(failure);
      }

      attempts = readyAt !== undefined && this.clock.now() - readyAt >= reconnect.stableAfter ? 0 : attempts;
      if (this.#stopping.signal.aborted) {
        return stoppedReason();
      }

      if (this.#tokens.mayReturn(reason.code, readyAt !== undefined)) {
        continue;
      }

      if (readyAt === undefined) {
        const judged = this.#passwords.judge(reason);
        if (judged === undefined) {
          continue;
        }

        reason = judged;
      }

      const isHopelessStart = this.#isOneAttempt && this.#welcome === undefined;
      if (reason.advice === "never" || isHopelessStart || attempts >= reconnect.attemptsMax) {
        return reason;
      }

      const pause = delayBefore(reconnect, attempts, reason, random);
      this.#setState("waiting", reason, attempts, this.clock.date() + pause);
      await this.#pause(pause, reason.retryAfter === 0);
      attempts++;
    }
  }

  /** Waits. What the broker named as a time is not shortened: earlier would be refused again. */
  async #pause(ms: number, mayBeShortened: boolean): Promise<void> {
    const over = new AbortController();
    const end = (): void => over.abort();
    this.#stopping.signal.addEventListener("abort", end);
    this.#endPause = mayBeShortened ? end : undefined;
    await delay(this.clock, ms, over.signal);
    this.#endPause = undefined;
    this.#stopping.signal.removeEventListener("abort", end);
  }

  /** Learns from the token store who is signed in, so that what they left behind is there before the first connection. */
  async #recognise(): Promise<void> {
    try {
      this.#identity = await this.#tokens.peek();
    } catch {
      // The sign-in meets the same failure, and says it.
    }

    if (this.#identity !== undefined) {
      await this.#keeper?.begin(this.#identity);
    }
  }

  async #open(): Promise<ClientConnection> {
    const { connectTimeout, url, webSocket, clientName, signals } = this.#settings;
    const number = ++this.#connections;
    const timeout = new AbortController();
    const expired = new CloseReason(CloseCode.None, `no Welcome within ${connectTimeout} ms`);
    const timer = this.clock.setTimeout(() => timeout.abort(expired), connectTimeout);
    const onStop = (): void => timeout.abort(stoppedReason());
    this.#stopping.signal.addEventListener("abort", onStop);
    let connection: ClientConnection | undefined;
    let lease;
    try {
      timeout.signal.throwIfAborted();
      const signed = await this.#tokens.sign(timeout.signal);
      lease = signed.lease;
      timeout.signal.throwIfAborted();
      const { signIn, exchange } = this.#passwords.sign(signed.signIn);
      const hello = { ...signIn, client: clientName, session: this.#welcome?.session, attempt: number, window: this.window.begin(), signals };
      connection = new ClientConnection(this, url, webSocket, hello, exchange, number);
      const welcome = await orAborted(connection.welcomed, timeout.signal);
      connection.mustUseToken = await this.#tokens.welcome(welcome, lease);
      connection.welcome = welcome;
      return connection;
    } catch (failure) {
      connection?.close(reasonOf(failure));
      throw failure;
    } finally {
      lease?.release();
      this.clock.clearTimeout(timer);
      this.#stopping.signal.removeEventListener("abort", onStop);
    }
  }

  async #serve(connection: ClientConnection, lastReason: CloseReason | undefined, attempts: number): Promise<CloseReason> {
    const welcome = connection.welcome!;
    const identity: Identity = { user: welcome.user, name: welcome.name, device: welcome.device };
    if (this.#identity !== undefined && (this.#identity.user !== identity.user || this.#identity.device !== identity.device)) {
      // What waits here is another one's, or was maybe sent from another device: neither goes out under this sign-in.
      const reason = new CloseReason(CloseCode.Normal, "the tokens are those of another sign-in now: start a new client", 0, true, undefined, true);
      connection.close(reason);
      return reason;
    }

    this.#identity = identity;
    this.#welcome = welcome;
    this.sends.goBack();
    this.hold.reset();
    this.#answers.forEach((signal) => signal.raise());
    this.#signals.reset();
    this.#connection = connection;
    if (this.#stopping.signal.aborted) {
      connection.close(stoppedReason());
    }

    if (connection.mustUseToken) {
      // The first word there, before anything else.
      void this.#tokens.use(connection.number);
    }

    this.subscriptions.onConnected(connection.number);
    this.presence.onConnected(connection.number);
    void this.#keeper?.begin(identity);
    this.#setState("connected", lastReason, attempts);
    this.#onReady();
    connection.serve(welcome);
    const ended = new AbortController();
    const keeping = this.#tokens.keep(welcome, connection.number, ended.signal);
    const reason = await connection.ended;
    this.#connection = undefined;
    this.subscriptions.onBreak();
    this.presence.onBreak();
    this.requests.onBreak(reason);
    this.hold.reset();
    this.sends.goBack();
    ended.abort();
    await keeping;
    this.typing.endAll();
    return reason;
  }

  #end(reason: CloseReason): void {
    this.#ended = reason;
    this.sends.failAll(reason);
    this.requests.failAll(reason);
    this.subscriptions.failAll(reason);
    this.presence.failAll(reason);
    this.#keeper?.close();
    this.#onNotReady(new ConnectionError(reason, true));
    this.#answers.forEach((signal) => signal.raise());
    this.#setState("closed", reason, this.#state.attempts);
    this.#onClosed(this.#state);
  }

  #setState(phase: ConnectionPhase, lastClose: CloseReason | undefined, attempts: number, nextAttemptAt?: number): void {
    this.#state = { phase, lastClose, attempts, ...(nextAttemptAt === undefined ? {} : { nextAttemptAt }) };
    this.events.emit("state", this.#state);
  }

  /** Gives back the room of what is answered. */
  #release(): void {
    if (this.sends.release()) {
      this.#answers.forEach((signal) => signal.raise());
    }
  }

  /** Asks again on the same connection, after the time that the broker named. */
  #later(error: RequestError, retry: (connection: number) => void): void {
    const connection = this.#connection?.number ?? 0;
    this.clock.setTimeout(() => {
      retry(connection);
      this.wake();
    }, error.retryAfter > 0 ? error.retryAfter : RETRY_DELAY);
  }

  /** Reauthenticate, on that connection and no other. */
  #reauthenticate(body: ControlMap, connection: number): Promise<TokenPair> {
    const request = new MapRequest(FrameType.Reauthenticate, body.toBytes(), parseTokenPair, false, undefined, connection);
    this.requests.add(request);
    return request.result;
  }

  #bytesOf(body: ControlMap): Uint8Array {
    let bytes: Uint8Array;
    try {
      bytes = body.toBytes();
    } catch (failure) {
      if (failure instanceof ControlFormatError) {
        throw new RequestError(ErrorCode.BadRequest, failure.message);
      }

      throw failure;
    }

    const frameSizeMax = this.#welcome?.frameSizeMax || ProtocolLimits.clientFrameSizeMax;
    if (bytes.length > frameSizeMax) {
      // The broker would close the connection, for good.
      throw new RequestError(ErrorCode.BadRequest, `a request of ${bytes.length} bytes, the limit is ${frameSizeMax}`);
    }

    return bytes;
  }

  /** Waits until something holds that answers, or the end of the client, can bring about. */
  async #untilAnswers(holds: () => boolean, signal: AbortSignal | undefined): Promise<void> {
    const answers = new AsyncSignal();
    this.#answers.add(answers);
    try {
      for (;;) {
        signal?.throwIfAborted();
        if (this.#ended !== undefined) {
          throw new ConnectionError(this.#ended, true);
        }

        if (holds()) {
          return;
        }

        await answers.wait(signal);
      }
    } finally {
      this.#answers.delete(answers);
    }
  }
}

/** @throws TypeError for what has no form in a frame. */
function requirePlace(conversation: ConversationId, position: LogPosition): void {
  if (!isId(conversation) || !isPosition(position)) {
    throw new TypeError(`${conversation} at ${position.epoch}:${position.sequence} is no place in a log`);
  }
}
