import type { ControlMap } from "../protocol/control/ControlMap.js";
import type { TokenPair, Welcome } from "../protocol/control/Hello.js";
import type { FrameType } from "../protocol/FrameType.js";
import type { ConversationId } from "../protocol/primitives/Ids.js";
import type { LogPosition } from "../protocol/primitives/LogPosition.js";
import type { MessageKind } from "../protocol/primitives/MessageKind.js";
import type { SignalKind } from "../protocol/primitives/Words.js";
import type { HistoryPage } from "./ChatMessage.js";
import type { Settings } from "./ClientOptions.js";
import type { ConnectionState } from "./ConnectionState.js";
import { Emitter } from "./Emitter.js";
import type { ClientEvents, Identity } from "./FastChatClient.js";
import { NameCache } from "./NameCache.js";
import type { Outbox } from "./Outbox.js";
import type { PresenceUpdate } from "./Pages.js";
import type { Publishing, PublishOptions } from "./Publishing.js";
import type { ConversationReading, ConversationSubscription, SubscriptionHandler } from "./Reading.js";

/** The logical client behind FastChatClient. */
export class ClientSession {
  readonly events = new Emitter<ClientEvents>();
  readonly names: NameCache;
  readonly state: ConnectionState = { phase: "connecting", lastClose: undefined, attempts: 0 };
  readonly identity: Identity | undefined;
  readonly welcome: Welcome | undefined;
  readonly token: string | undefined;
  readonly sendQueueBytes: number = 0;
  readonly unanswered: readonly Publishing[] = [];
  readonly outbox: Outbox | undefined;
  readonly closed: Promise<ConnectionState> = new Promise(() => undefined);

  constructor(settings: Settings, _isOneAttempt = false) {
    this.names = new NameCache(settings.nameCacheMax);
  }

  start(): void {
    throw new Error("not built yet");
  }

  stop(): void {
    throw new Error("not built yet");
  }

  wake(): void {
    throw new Error("not built yet");
  }

  whenReady(_signal?: AbortSignal): Promise<void> {
    throw new Error("not built yet");
  }

  flush(_signal?: AbortSignal): Promise<void> {
    throw new Error("not built yet");
  }

  waitForRoom(_signal?: AbortSignal): Promise<void> {
    throw new Error("not built yet");
  }

  ping(_signal?: AbortSignal): Promise<number> {
    throw new Error("not built yet");
  }

  publish(_conversation: ConversationId, _kind: MessageKind, _body: Uint8Array | undefined, _options: PublishOptions): Publishing {
    throw new Error("not built yet");
  }

  fetch(_conversation: ConversationId, _position: LogPosition, _isForward: boolean, _limit: number, _signal?: AbortSignal): Promise<HistoryPage> {
    throw new Error("not built yet");
  }

  subscribe(_conversation: ConversationId, _after: LogPosition, _handler: SubscriptionHandler): ConversationSubscription {
    throw new Error("not built yet");
  }

  read(_conversation: ConversationId, _after: LogPosition, _signal?: AbortSignal): ConversationReading {
    throw new Error("not built yet");
  }

  watchPresence(_conversation: ConversationId, _signal?: AbortSignal): AsyncIterable<PresenceUpdate> {
    throw new Error("not built yet");
  }

  signalTyping(_conversation: ConversationId, _kind: SignalKind): void {
    throw new Error("not built yet");
  }

  control<T>(_type: FrameType, _body: ControlMap, _parse: (reply: ControlMap) => T, _isRepeatable: boolean, _signal?: AbortSignal): Promise<T> {
    throw new Error("not built yet");
  }

  changePassword(_ask: (body: ControlMap) => Promise<{ readonly tokens: TokenPair; readonly ended: number }>): Promise<number> {
    throw new Error("not built yet");
  }
}
