import { ControlFormatError, ControlMap } from "../protocol/control/ControlMap.js";
import { ErrorCode } from "../protocol/ErrorCode.js";
import { FrameType } from "../protocol/FrameType.js";
import { utf8Encode } from "../protocol/encoding/Utf8.js";
import { writeAttributes } from "../protocol/messages/MessageAttributes.js";
import { writeDelete, writeEdit, writePin, writeReaction, writeRich } from "../protocol/messages/MessageBodies.js";
import { randomId, type ClientMessageId, type ConversationId } from "../protocol/primitives/Ids.js";
import { MessageKind } from "../protocol/primitives/MessageKind.js";
import type { LogPosition } from "../protocol/primitives/LogPosition.js";
import { readRecord } from "../protocol/MessageRecord.js";
import { ChatMessage } from "./ChatMessage.js";
import { RequestError } from "./ClientError.js";
import { ofConversation, type RequestOptions } from "./ClientCore.js";
import { MemberRequests } from "./FastChatClient.Members.js";
import { parseMessageState, sequencesIn, type MessagePage, type MessageStatePage } from "./Pages.js";
import type { Publishing, PublishOptions } from "./Publishing.js";

/** Messages, what is done with them, and what became of them (protocol.md §4.2, §5.2, §4.6). Each change is a publish of its own, with its place and its retry. */
export abstract class MessageRequests extends MemberRequests {
  /**
   * Publishes a message. It stands in the send queue when this returns: messages of one client keep their order in each conversation, over any number of reconnects. What comes back can be awaited until it is durable.
   * A message that cannot be sent (a body that is too large, no room in the queue) is refused in what comes back, and never thrown.
   */
  publish(conversation: ConversationId, kind: MessageKind, body: Uint8Array, options: PublishOptions = {}): Publishing {
    return this.session.publish(conversation, kind, body, options);
  }

  /** Publishes a text. One with a lone surrogate has no UTF-8 form and is refused with INVALID_TEXT. */
  publishText(conversation: ConversationId, text: string, options: PublishOptions = {}): Publishing {
    return this.session.publish(conversation, MessageKind.Text, utf8Encode(text), options);
  }

  /** Says something else in an own message. The message keeps its place; the edit gets one of its own. */
  edit(conversation: ConversationId, sequence: number, text: string, options: PublishOptions = {}): Publishing {
    const { attributes, ...rest } = options;
    const make = (): Uint8Array | undefined => {
      const content = utf8Encode(text);
      if (content === undefined || attributes === undefined) {
        return content && writeEdit({ target: sequence, kind: MessageKind.Text, content });
      }

      return writeEdit({ target: sequence, kind: MessageKind.Rich, content: writeRich({ kind: MessageKind.Text, attributes: writeAttributes(attributes), content }) });
    };
    return this.#publish(conversation, MessageKind.Edit, make, rest);
  }

  /** Deletes a message for everyone: its place stays, nothing that it said does. One's own, or another one's with the right. */
  delete(conversation: ConversationId, sequence: number, options: PublishOptions = {}): Publishing {
    return this.#publish(conversation, MessageKind.Delete, () => writeDelete(sequence), options);
  }

  /** Adds a reaction of 1 to 64 bytes to a message, or takes one's own back. CONFLICT when it is so already. */
  react(conversation: ConversationId, sequence: number, reaction: string, isAdded = true, options: PublishOptions = {}): Publishing {
    return this.#publish(conversation, MessageKind.Reaction, () => writeReaction({ target: sequence, isAdded, reaction }), options);
  }

  /** Pins a message, or takes the pin away. CONFLICT when it is so already. */
  pin(conversation: ConversationId, sequence: number, isPinned = true, options: PublishOptions = {}): Publishing {
    return this.#publish(conversation, MessageKind.Pin, () => writePin({ target: sequence, isPinned }), options);
  }

  /**
   * Publishes a message of one conversation in another one; the broker stamps where it is from. Asked again by itself when the connection breaks, and then still published once.
   */
  forward(from: ConversationId, sequence: number, to: ConversationId, options: RequestOptions & { readonly clientMessageId?: ClientMessageId } = {}): Promise<LogPosition> {
    const body = new ControlMap()
      .setId("from", from)
      .set("sequence", sequence)
      .setId("conversation", to)
      .setId("id", options.clientMessageId ?? randomId<ClientMessageId>());
    return this.ask(FrameType.Forward, body, (reply) => ({ epoch: reply.number("epoch"), sequence: reply.number("sequence") }), options);
  }

  /** What became of the messages of a stretch of history; by default of all. */
  getMessageStates(conversation: ConversationId, first = 1, last = Infinity, options?: RequestOptions): Promise<MessageStatePage> {
    const body = ofConversation(conversation)
      .set("first", first)
      .set("last", last === Infinity ? undefined : last);
    return this.ask(
      FrameType.GetAnnotations,
      body,
      (reply) => ({
        states: reply.maps("annotations", parseMessageState),
        epoch: reply.number("epoch"),
        head: reply.number("head"),
        hidden: sequencesIn(reply.bytes("hidden"), "hidden"),
        next: reply.number("next") || undefined,
      }),
      options,
    );
  }

  /** A page of a thread, oldest first; its first message is not part of it. */
  getThread(conversation: ConversationId, root: number, after = 0, limit = 0, options?: RequestOptions): Promise<MessagePage> {
    return this.#messages(FrameType.GetThread, conversation, new ControlMap().set("root", root), after, limit, options);
  }

  /** A page of the pinned messages, oldest first. */
  getPins(conversation: ConversationId, after = 0, limit = 0, options?: RequestOptions): Promise<MessagePage> {
    return this.#messages(FrameType.GetPins, conversation, new ControlMap(), after, limit, options);
  }

  /** What has no form in a body is refused like what the broker would refuse. */
  #publish(conversation: ConversationId, kind: MessageKind, make: () => Uint8Array | undefined, options: PublishOptions): Publishing {
    let body: Uint8Array | RangeError | undefined;
    try {
      body = make();
    } catch (failure) {
      if (!(failure instanceof RangeError)) {
        throw failure;
      }

      body = failure;
    }

    return this.session.publish(conversation, kind, body, options);
  }

  #messages(type: FrameType, conversation: ConversationId, body: ControlMap, after: number, limit: number, options: RequestOptions | undefined): Promise<MessagePage> {
    body.setId("conversation", conversation).set("after", after).set("limit", limit);
    return this.ask(
      type,
      body,
      (reply) => {
        const epoch = reply.number("epoch");
        const bytes = reply.bytes("records") ?? new Uint8Array();
        const messages: ChatMessage[] = [];
        for (let at = 0; at < bytes.length; ) {
          const record = readRecord(bytes, at);
          if (record === undefined) {
            throw new ControlFormatError("records: whole, undamaged records are expected");
          }

          messages.push(new ChatMessage(conversation, epoch, record));
          at += record.size;
        }

        return { messages, isComplete: reply.flag("complete"), head: reply.number("head") };
      },
      options,
    );
  }
}

/** A message with attributes is a rich one. @throws RequestError when the attributes have no form. @internal */
export function withAttributes(kind: MessageKind, body: Uint8Array, options: PublishOptions): { kind: MessageKind; body: Uint8Array } {
  if (options.attributes === undefined) {
    return { kind, body };
  }

  try {
    return { kind: MessageKind.Rich, body: writeRich({ kind, attributes: writeAttributes(options.attributes), content: body }) };
  } catch (failure) {
    throw new RequestError(ErrorCode.BadRequest, (failure as Error).message);
  }
}
