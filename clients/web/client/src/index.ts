/**
 * Client of a FastChat broker, for browsers and Node.js.
 *
 * Numbers: sequences, sizes and versions are numbers, exact up to 2⁵³ − 1 (what is greater on the wire is refused as unreadable); device numbers use all 64 bits and are bigints; ids are text of 32 hexadecimal digits. Times are
 * milliseconds since 1970-01-01 UTC, as `Date.now()` gives them.
 */

export { FastChatClient, type ClientEvents, type FetchOptions, type Identity } from "./client/FastChatClient.js";
export { Operator, type BrokerCounts, type LimitValue } from "./client/Operator.js";
export type { ClientOptions, PasswordMechanism } from "./client/ClientOptions.js";
export type { PageOptions, RequestOptions } from "./client/ClientCore.js";
export type { NewConversation } from "./client/FastChatClient.Control.js";
export type { NewJoinLink } from "./client/FastChatClient.Members.js";
export type { LaterPageOptions } from "./client/FastChatClient.Later.js";
export { knownOf } from "./client/Pages.js";
export type { CursorMove, InboxOptions } from "./client/FastChatClient.Inbox.js";
export type { PresenceChange } from "./client/FastChatClient.Presence.js";
export type { DownloadOptions, UploadOptions } from "./client/FastChatClient.Attachments.js";
export type {
  AccountPage, AttachmentProgress, AttachmentUpload, AttachmentUsage, BlockPage, ChangeResult, ClientNotice, ConversationPage, CursorNotice, CursorPage, DevicePage, ErasureStatus, ExportStatus, GivenRole, HiddenMessage,
  HiddenPage, InboxChanges, InboxEntry, InboxPage, JoinedByLink, JoinLinkCreated, KnownConversation, LagNotice, MemberCursor, MemberPage, MembersAdded, MessagePage, MessagePreview, MessageReaction, MessageState,
  MessageStatePage, PresenceEntry, PresenceSetting, PresenceUpdate, ScheduledMessage, ScheduledPage, ScheduledReceipt, ServiceCreated, ServicePage, SessionPage, TypingNotice, UserPage,
} from "./client/Pages.js";
export { ChatMessage, type HistoryPage } from "./client/ChatMessage.js";
export {
  ClientError, ConnectionError, ContentError, DiscardedError, EpochChangedError, HistoryTruncatedError, PositionAheadError, QueueFullError, RateLimitedError, RequestError,
} from "./client/ClientError.js";
export { CloseReason, type ConnectionPhase, type ConnectionState } from "./client/ConnectionState.js";
export type { ConversationReading, ConversationSubscription, SubscriptionEnd, SubscriptionHandler } from "./client/Reading.js";
export type { Publishing, PublishOptions, PublishReceipt, PublishState } from "./client/Publishing.js";
export type { Outbox, OutboxEntry, OutboxItem, OutboxStore } from "./client/Outbox.js";
export { DEFAULT_RECONNECT, NEVER_RECONNECT, type ReconnectPolicy } from "./client/ReconnectPolicy.js";
export { MemoryTokenStore, type DeviceTokens, type TokenLease, type TokenStore } from "./client/TokenStore.js";
export type { Clock } from "./client/Clock.js";
export type { WakeSource } from "./client/Wake.js";
export type { WebSocketConstructor, WebSocketLike } from "./client/connections/Transport.js";
export { IndexedDbTokenStore } from "./stores/IndexedDbTokenStore.js";
export { IndexedDbOutbox } from "./stores/IndexedDbOutbox.js";
export { MemoryOutbox } from "./stores/MemoryOutbox.js";
export { CloseCode, adviceOf, nameOfClose, type ReconnectAdvice } from "./protocol/CloseCode.js";
export { ErrorCode, isRetryable } from "./protocol/ErrorCode.js";
export { ProtocolLimits } from "./protocol/ProtocolLimits.js";
export {
  attachmentId, clientMessageId, conversationId, randomId, userId,
  type AttachmentId, type ClientMessageId, type ConversationId, type DeviceId, type Id, type JoinLinkId, type SessionId, type UserId,
} from "./protocol/primitives/Ids.js";
export { LATEST, START, type LogPosition } from "./protocol/primitives/LogPosition.js";
export { isMessage, MessageKind } from "./protocol/primitives/MessageKind.js";
export { rankOf, type Availability, type ConversationKind, type HistoryVisibility, type MemberRole, type ServiceRight, type SignalKind } from "./protocol/primitives/Words.js";
export type { BrokerActivity, ConversationActivity, RefusalActivity, ShardActivity } from "./protocol/control/BrokerActivity.js";
export type { ConversationChanges, ConversationInfo, MemberInfo, UserInfo } from "./protocol/control/ConversationInfo.js";
export type { AccountInfo, BackupStatus, DeviceInfo, ServiceInfo, SessionInfo } from "./protocol/control/DeviceInfo.js";
export type { JoinLinkInfo } from "./protocol/control/JoinLinkInfo.js";
export type { BlockInfo, FoundUser, Profile, ProfileChange, ProfileQuery } from "./protocol/control/Profile.js";
export { isAttachmentName, isMediaType, type ForwardedFrom, type MessageAttachment, type MessageAttributes } from "./protocol/messages/MessageAttributes.js";
export type { MembershipBody, PinBody, ReactionBody } from "./protocol/messages/MessageBodies.js";
