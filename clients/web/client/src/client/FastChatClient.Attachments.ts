import { ControlFormatError, ControlMap } from "../protocol/control/ControlMap.js";
import { crc32c } from "../protocol/encoding/Crc32C.js";
import { FrameType } from "../protocol/FrameType.js";
import { isAttachmentName, isMediaType, type MessageAttachment } from "../protocol/messages/MessageAttributes.js";
import { fromHex, toHex, type AttachmentId, type ConversationId } from "../protocol/primitives/Ids.js";
import { ProtocolLimits } from "../protocol/ProtocolLimits.js";
import { ContentError } from "./ClientError.js";
import type { RequestOptions } from "./ClientCore.js";
import { PresenceRequests } from "./FastChatClient.Presence.js";
import type { AttachmentProgress, AttachmentUpload, AttachmentUsage } from "./Pages.js";

/** Chunks on their way at a time. More would be faster on a long line, and a message that is sent meanwhile would wait behind them. */
const CHUNKS_UNDER_WAY = 2;

/** What an upload takes. */
export interface UploadOptions extends RequestOptions {
  /** What the message calls it; absent = the name of the file. */
  readonly name?: string;
  /** What it is, for readers; absent = the type of the file; empty = not said. */
  readonly mediaType?: string;
  /** Told how many bytes are on the broker's disk, in growing numbers. */
  readonly onProgress?: (progress: AttachmentProgress) => void;
}

/** What a download takes. */
export interface DownloadOptions extends RequestOptions {
  /** Told how many bytes have come. */
  readonly onProgress?: (progress: AttachmentProgress) => void;
}

interface UploadState {
  readonly offset: number;
  readonly isComplete: boolean;
  readonly expires: number;
}

/** Attachments: uploaded in chunks under the hash of their content, sent as an attribute of a message, read in ranges (protocol.md §4.10). */
export abstract class AttachmentRequests extends PresenceRequests {
  /**
   * Uploads a file, or what of it the broker does not have yet: an upload that was cut off, in this page or an earlier one, goes on where it was. What comes back is ready for {@link MessageAttributes.attachments}; send it
   * before it expires. Reconnects by itself. The hash is computed by WebCrypto, which pages have only over HTTPS and on localhost, and which takes the content as a whole.
   * @throws TypeError The name or media type are none.
   * @throws RequestError ATTACHMENT_TOO_LARGE, QUOTA_EXCEEDED, TOO_MANY (uploads under way), WRONG_CONTENT (it changed meanwhile), STORE_FULL.
   */
  async upload(content: Blob, options: UploadOptions = {}): Promise<AttachmentUpload> {
    const name = options.name ?? (content as Partial<File>).name ?? "";
    const mediaType = options.mediaType ?? content.type.replaceAll(" ", "");
    if (!isAttachmentName(name) || !isMediaType(mediaType)) {
      throw new TypeError("the name of an attachment has 1 to 255 bytes without control characters, its media type at most 127 of ASCII without spaces");
    }

    const id = await hashOf(content);
    const attachment: MessageAttachment = { id, size: content.size, name, mediaType };
    let state = await this.#uploadRequest(FrameType.BeginUpload, hashBody(id).set("size", content.size), options);
    if (!state.isComplete) {
      options.onProgress?.({ done: state.offset, total: content.size });
      await this.#sendChunks(content, id, state.offset, options);
      state = await this.#uploadRequest(FrameType.FinishUpload, hashBody(id), options);
    }

    options.onProgress?.({ done: content.size, total: content.size });
    return { attachment, expires: state.expires };
  }

  /** Makes an attachment of a message that the user may read ready for a message of their own, without a byte of it being sent. */
  async claimAttachment(conversation: ConversationId, sequence: number, attachment: MessageAttachment, options?: RequestOptions): Promise<AttachmentUpload> {
    const body = hashBody(attachment.id).setId("conversation", conversation).set("sequence", sequence);
    return { attachment, expires: (await this.#uploadRequest(FrameType.BeginUpload, body, options)).expires };
  }

  /** Gives an upload up, finished or not: what no message refers to is removed. False when there was none. */
  cancelUpload(id: AttachmentId, options?: RequestOptions): Promise<boolean> {
    return this.ask(FrameType.CancelUpload, hashBody(id), (reply) => reply.flag("changed"), options);
  }

  /** What the user uses of their quota, and what the broker allows. */
  getAttachmentUsage(options?: RequestOptions): Promise<AttachmentUsage> {
    return this.ask(
      FrameType.GetUsage,
      new ControlMap(),
      (reply) => ({
        used: reply.number("used"),
        quota: reply.number("quota"),
        attachments: reply.number("attachments"),
        open: reply.number("open"),
        openMax: reply.number("open_max"),
        sizeMax: reply.number("size_max"),
      }),
      options,
    );
  }

  /** A range of a message's attachment, of 1 to 65,536 bytes: fewer only at its end. Nothing is checked against the hash: a range has none. */
  readAttachment(
    conversation: ConversationId,
    sequence: number,
    id: AttachmentId,
    offset: number,
    length: number = ProtocolLimits.chunkSize,
    options?: RequestOptions,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const body = hashBody(id).setId("conversation", conversation).set("sequence", sequence).set("offset", offset).set("length", length);
    return this.ask(FrameType.GetAttachment, body, bytesOf, options);
  }

  /**
   * A message's attachment, checked at the end that it is what its hash says. Reconnects by itself. The type of the blob is what the sender said: show nothing because of it that would not be shown otherwise.
   * @throws ContentError What came is not what the hash says.
   */
  async download(conversation: ConversationId, sequence: number, attachment: MessageAttachment, options: DownloadOptions = {}): Promise<Blob> {
    const parts: Uint8Array<ArrayBuffer>[] = [];
    const ranges: Promise<Uint8Array<ArrayBuffer>>[] = [];
    let asked = 0;
    let done = 0;
    try {
      while (done < attachment.size) {
        for (; asked < attachment.size && ranges.length < CHUNKS_UNDER_WAY; asked += ProtocolLimits.chunkSize) {
          ranges.push(this.readAttachment(conversation, sequence, attachment.id, asked, ProtocolLimits.chunkSize, options));
        }

        const range = await ranges.shift()!;
        if (range.length !== Math.min(ProtocolLimits.chunkSize, attachment.size - done)) {
          throw new ContentError("the attachment does not have the size that its message says");
        }

        parts.push(range);
        done += range.length;
        options.onProgress?.({ done, total: attachment.size });
      }
    } finally {
      await Promise.allSettled(ranges);
    }

    const blob = new Blob(parts, { type: attachment.mediaType });
    if ((await hashOf(blob)) !== attachment.id) {
      throw new ContentError("the attachment is not what its hash says");
    }

    return blob;
  }

  async #sendChunks(content: Blob, id: AttachmentId, from: number, options: UploadOptions): Promise<void> {
    const underWay: Promise<UploadState>[] = [];
    let offset = from;
    let told = from;
    try {
      while (offset < content.size || underWay.length > 0) {
        if (offset < content.size && underWay.length < CHUNKS_UNDER_WAY) {
          const chunk = new Uint8Array(await content.slice(offset, offset + ProtocolLimits.chunkSize).arrayBuffer());
          const body = hashBody(id).set("offset", offset).set("crc", crc32c(chunk)).set("bytes", chunk);
          underWay.push(this.#uploadRequest(FrameType.PutChunk, body, options));
          offset += chunk.length;
          continue;
        }

        // Of two answers the broker may give the later one first.
        told = Math.max(told, (await underWay.shift()!).offset);
        options.onProgress?.({ done: told, total: content.size });
      }
    } finally {
      await Promise.allSettled(underWay);
    }
  }

  #uploadRequest(type: FrameType, body: ControlMap, options: RequestOptions | undefined): Promise<UploadState> {
    return this.ask(type, body, (reply) => ({ offset: reply.number("offset"), isComplete: reply.flag("complete"), expires: reply.number("expires") / 1000 }), options);
  }
}

function hashBody(id: AttachmentId): ControlMap {
  return new ControlMap().set("hash", fromHex(id));
}

/** The bytes of a reply, copied: a range that is kept must not keep the whole frame. */
export function bytesOf(reply: ControlMap): Uint8Array<ArrayBuffer> {
  const bytes = reply.bytes("bytes");
  if (bytes === undefined) {
    throw new ControlFormatError("bytes: they are expected");
  }

  return new Uint8Array(bytes);
}

/** The SHA-256 of a content. */
export async function hashOf(content: Blob): Promise<AttachmentId> {
  return toHex(new Uint8Array(await crypto.subtle.digest("SHA-256", await content.arrayBuffer()))) as AttachmentId;
}
