import { ControlMap } from "../protocol/control/ControlMap.js";
import { parseChanges, type ConversationChanges } from "../protocol/control/ConversationInfo.js";
import type { MessageAttributes } from "../protocol/messages/MessageAttributes.js";
import { attributesOf, readEdit, readErased, readMembership, readPin, readReaction, targetOfRecord, textOf, type MembershipBody, type PinBody, type ReactionBody } from "../protocol/messages/MessageBodies.js";
import { MessageKind } from "../protocol/primitives/MessageKind.js";
import type { MessageRecord } from "../protocol/MessageRecord.js";
import type { ClientMessageId, ConversationId, DeviceId, UserId } from "../protocol/primitives/Ids.js";
import type { LogPosition } from "../protocol/primitives/LogPosition.js";

/**
 * A record of a conversation as the application sees it. Immutable. The bodies of messages that came in one frame share one buffer, so keep a copy of the body rather than the message when most of what is read is thrown away.
 */
export class ChatMessage {
  /** The conversation. */
  readonly conversation: ConversationId;
  /** Incarnation of the log. */
  readonly epoch: number;
  /** Place in the conversation, from 1. */
  readonly sequence: number;
  /** When the broker received it, in ms. Information only: order is the sequence. */
  readonly sentAt: number;
  /** Whose message it is. */
  readonly sender: UserId;
  /** Who published it; the sender unless it was published on the sender's behalf. */
  readonly publisher: UserId;
  /** The device that published it. */
  readonly device: DeviceId;
  /** The publisher's id of it: how a sender recognises its own messages. */
  readonly clientMessageId: ClientMessageId;
  /** What the body is: one of {@link MessageKind}. */
  readonly kind: MessageKind;
  /** True when the body was erased; {@link body} is a hash then. */
  readonly isErased: boolean;
  /** The body. */
  readonly body: Uint8Array;

  constructor(conversation: ConversationId, epoch: number, record: MessageRecord) {
    this.conversation = conversation;
    this.epoch = epoch;
    this.sequence = record.sequence;
    this.sentAt = record.sentAt;
    this.sender = record.sender;
    this.publisher = record.publisher;
    this.device = record.device;
    this.clientMessageId = record.clientMessageId;
    this.kind = record.kind;
    this.isErased = record.isErased;
    this.body = record.body;
  }

  /** Epoch and sequence. */
  get position(): LogPosition {
    return { epoch: this.epoch, sequence: this.sequence };
  }

  /** True for what people say: a text, an opaque or a rich message. */
  get isMessage(): boolean {
    return this.kind === MessageKind.Text || this.kind === MessageKind.Opaque || this.kind === MessageKind.Rich;
  }

  /**
   * The content as text, of a message or of an edit; undefined when it is none, or was erased. Every code point is as it was sent: whoever shows it makes control characters harmless.
   */
  get text(): string | undefined {
    return this.#read(() => textOf(this.kind, this.body));
  }

  /** What the message says beside its content; undefined when it has no attributes, or was erased. */
  get attributes(): MessageAttributes | undefined {
    return this.#read(() => attributesOf(this.kind, this.body));
  }

  /** The earlier message that this record changes: of an edit, a deletion, an expiry, a reaction, a pin; undefined of others. */
  get target(): number | undefined {
    return this.#read(() => targetOfRecord(this.kind, this.body));
  }

  /** Of kind 3, what the message says from here on: its kind (text, opaque or rich) and its content. */
  get edit(): { readonly kind: MessageKind; readonly content: Uint8Array } | undefined {
    return this.#read(() => (this.kind === MessageKind.Edit ? readEdit(this.body) : undefined));
  }

  /** Of kind 5. */
  get reaction(): ReactionBody | undefined {
    return this.#read(() => (this.kind === MessageKind.Reaction ? readReaction(this.body) : undefined));
  }

  /** Of kind 6. */
  get pin(): PinBody | undefined {
    return this.#read(() => (this.kind === MessageKind.Pin ? readPin(this.body) : undefined));
  }

  /** Of kinds 128 to 130: what somebody is from here on. */
  get membership(): MembershipBody | undefined {
    return this.#read(() => (this.kind >= MessageKind.MemberAdded && this.kind <= MessageKind.MemberChanged ? readMembership(this.body) : undefined));
  }

  /** Of kind 131: what changed, with what it is now; an empty text = taken away. */
  get changes(): ConversationChanges | undefined {
    return this.#read(() => {
      try {
        return this.kind === MessageKind.ConversationChanged ? parseChanges(ControlMap.parse(this.body)) : undefined;
      } catch {
        // Of a later version.
        return undefined;
      }
    });
  }

  /** Of kind 133: the sequences whose bodies are gone, because their author was erased. */
  get erased(): readonly number[] | undefined {
    return this.#read(() => (this.kind === MessageKind.Erased ? readErased(this.body) : undefined));
  }

  #read<T>(read: () => T | undefined): T | undefined {
    return this.isErased ? undefined : read();
  }
}

/** A page of history, in ascending order. */
export interface HistoryPage {
  /** The messages, of consecutive sequences. */
  readonly messages: readonly ChatMessage[];
  /** True when no further record lies in the page's direction. */
  readonly isComplete: boolean;
  /** The current epoch. */
  readonly epoch: number;
  /** The conversation's head now. */
  readonly head: number;
}
