import { writeU64 } from "../protocol/encoding/Numbers.js";
import { utf8Encode } from "../protocol/encoding/Utf8.js";
import type { ControlMap } from "../protocol/control/ControlMap.js";
import { ErrorCode } from "../protocol/ErrorCode.js";
import { FrameType } from "../protocol/FrameType.js";
import { textOf } from "../protocol/messages/MessageBodies.js";
import { randomId, type ClientMessageId, type ConversationId } from "../protocol/primitives/Ids.js";
import { MessageKind } from "../protocol/primitives/MessageKind.js";
import { toMicros } from "../protocol/primitives/Micros.js";
import { RequestError } from "./ClientError.js";
import { ofConversation, type RequestOptions } from "./ClientCore.js";
import { MessageRequests, withAttributes } from "./FastChatClient.Messages.js";
import { hiddenIn, type HiddenPage, type ScheduledMessage, type ScheduledPage, type ScheduledReceipt } from "./Pages.js";
import type { PublishOptions } from "./Publishing.js";

/** What a request for a page of scheduled or hidden messages takes. */
export interface LaterPageOptions extends RequestOptions {
  /** Of one conversation; absent = of all. */
  readonly conversation?: ConversationId;
  /** `next` of the page before; absent = from the start. */
  readonly after?: Uint8Array | undefined;
}

/** Messages that are published later, and messages that the user does not want to see (protocol.md §4.6). Asked again by themselves when the connection breaks. */
export abstract class LaterRequests extends MessageRequests {
  /**
   * Has the broker publish a text later, within two seconds of its time, whether this client is connected then or not. Asked again with the same id, time and text are changed.
   * @param at When, in ms; a time that has passed is at once. At most 366 days ahead.
   */
  scheduleText(conversation: ConversationId, text: string, at: number, options: Pick<PublishOptions, "clientMessageId" | "attributes"> & RequestOptions = {}): Promise<ScheduledReceipt> {
    const body = utf8Encode(text);
    return body === undefined
      ? Promise.reject(new RequestError(ErrorCode.InvalidText, "the text holds a lone surrogate"))
      : this.schedule(conversation, MessageKind.Text, body, at, options);
  }

  /** The same for any kind of message (text, opaque or rich). */
  async schedule(
    conversation: ConversationId,
    kind: MessageKind,
    body: Uint8Array,
    at: number,
    options: Pick<PublishOptions, "clientMessageId" | "attributes"> & RequestOptions = {},
  ): Promise<ScheduledReceipt> {
    const message = withAttributes(kind, body, options);
    const id = options.clientMessageId ?? randomId<ClientMessageId>();
    const request = ofConversation(conversation).setId("id", id).set("kind", message.kind).set("body", message.body).set("at", Math.max(1, toMicros(at)));
    return this.ask(
      FrameType.Schedule,
      request,
      (reply) => ({
        id,
        at: reply.number("at") / 1000,
        sent: reply.number("sequence") === 0 ? undefined : { epoch: reply.number("epoch"), sequence: reply.number("sequence") },
      }),
      options,
    );
  }

  /** A page of what the user has scheduled and is not published. */
  listScheduled(options: LaterPageOptions = {}): Promise<ScheduledPage> {
    return this.ask(
      FrameType.ListScheduled,
      ofConversation(options.conversation).set("after", options.after),
      (reply) => ({ messages: reply.maps("scheduled", parseScheduled), next: reply.bytes("next") }),
      options,
    );
  }

  /** Takes a scheduled message back. False when there was none: it was published, or taken back before. */
  cancelScheduled(conversation: ConversationId, id: ClientMessageId, options?: RequestOptions): Promise<boolean> {
    return this.ask(FrameType.CancelScheduled, ofConversation(conversation).setId("id", id), (reply) => reply.flag("changed"), options);
  }

  /**
   * Hides 1 to 500 messages from the user on all devices ("delete for me"), or shows them again. The log has them still, and delivers them: a program that shows messages leaves those out. Returns how often the user has
   * changed what is hidden from them.
   */
  async hide(conversation: ConversationId, sequences: readonly number[], isHidden = true, options?: RequestOptions): Promise<number> {
    const bytes = new Uint8Array(8 * sequences.length);
    sequences.forEach((sequence, i) => writeU64(bytes, 8 * i, sequence));
    return this.ask(FrameType.Hide, ofConversation(conversation).set("sequences", bytes).set("hidden", isHidden), (reply) => reply.number("version"), options);
  }

  /** A page of the messages that are hidden from the user. */
  listHidden(options: LaterPageOptions = {}): Promise<HiddenPage> {
    return this.ask(
      FrameType.ListHidden,
      ofConversation(options.conversation).set("after", options.after),
      (reply) => ({ messages: hiddenIn(reply.bytes("hidden")), version: reply.number("version"), next: reply.bytes("next") }),
      options,
    );
  }
}

function parseScheduled(map: ControlMap): ScheduledMessage {
  const kind = map.number("kind", 255);
  const body = map.bytes("body") ?? new Uint8Array();
  return { conversation: map.id("conversation"), id: map.id("id"), at: map.number("at") / 1000, kind, body, text: textOf(kind, body), refused: map.number("refused") };
}
