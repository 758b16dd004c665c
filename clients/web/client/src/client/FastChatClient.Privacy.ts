import { ControlMap } from "../protocol/control/ControlMap.js";
import { FrameType } from "../protocol/FrameType.js";
import { toHex, type ConversationId, type UserId } from "../protocol/primitives/Ids.js";
import { toTime } from "../protocol/primitives/Micros.js";
import { ContentError } from "./ClientError.js";
import { ofConversation, type ClientCore, type RequestOptions } from "./ClientCore.js";
import { bytesOf, hashOf, type DownloadOptions } from "./FastChatClient.Attachments.js";
import { DeviceRequests } from "./FastChatClient.Devices.js";
import type { ErasureStatus, ExportStatus } from "./Pages.js";

/** The user's data, all of it, and the end of conversations (protocol.md §4.12, §4.6). Asked again by themselves when the connection breaks. */
export abstract class PrivacyRequests extends DeviceRequests {
  /** Has an archive made of everything that is the user's, unless there is one; it is made whether this client stays or not. */
  beginExport(options?: RequestOptions): Promise<ExportStatus> {
    return askExport(this, personBody().set("begin", true), options);
  }

  /** How the archive goes. */
  getExport(options?: RequestOptions): Promise<ExportStatus> {
    return askExport(this, personBody(), options);
  }

  /** Stops making the archive, or deletes it. */
  discardExport(options?: RequestOptions): Promise<ExportStatus> {
    return askExport(this, personBody().set("discard", true), options);
  }

  /** An archive that is ready, checked at the end that it is what its hash says. A ZIP file. */
  downloadExport(status: ExportStatus, options?: DownloadOptions): Promise<Blob> {
    return fetchExport(this, status, undefined, options);
  }

  /**
   * Erases the signed-in user: nobody signs in to the account any more, this client included; then everything that is theirs goes, and what they wrote, everywhere. There is no way back. When it has begun, the answer may
   * come or the client end instead.
   * @throws RequestError WRONG_CREDENTIALS, MECHANISM_REFUSED, FORBIDDEN (an account of a program or an operator, or without a password), RATE_LIMITED, OVERLOADED.
   */
  eraseAccount(password: string, options: RequestOptions = {}): Promise<ErasureStatus> {
    return this.session.eraseAccount(password, parseErasure, options.signal);
  }

  /**
   * Erases a conversation, as its owner or an operator: from the answer on it is not there, for anybody, and its name is free; then everything that it had goes, for good. Begun before, it says how that goes.
   * @throws RequestError NO_SUCH_CONVERSATION, FORBIDDEN (also: a direct one).
   */
  eraseConversation(conversation: ConversationId, options?: RequestOptions): Promise<ErasureStatus> {
    return this.ask(FrameType.EraseConversation, ofConversation(conversation).set("begin", true), parseErasure, options);
  }

  /** How the erasure of a conversation goes, for who asked for it and for operators. */
  getErasure(conversation: ConversationId, options?: RequestOptions): Promise<ErasureStatus> {
    return this.ask(FrameType.EraseConversation, ofConversation(conversation), parseErasure, options);
  }
}

/** @internal */
export function personBody(user?: UserId): ControlMap {
  return new ControlMap().setId("user", user);
}

/** @internal */
export function askExport(client: ClientCore, body: ControlMap, options: RequestOptions | undefined): Promise<ExportStatus> {
  return client.ask(
    FrameType.ExportPerson,
    body,
    (reply) => {
      const hash = reply.bytes("hash");
      return {
        state: (reply.text("state") ?? "none") as ExportStatus["state"],
        looked: reply.number("looked"),
        records: reply.number("records"),
        size: reply.number("size"),
        hash: hash && toHex(hash),
        until: toTime(reply.number("until")),
        failure: reply.text("reason"),
      };
    },
    options,
  );
}

/** @internal */
export async function fetchExport(client: ClientCore, status: ExportStatus, user: UserId | undefined, options: DownloadOptions = {}): Promise<Blob> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  for (let done = 0; done < status.size; ) {
    const range = await client.ask(FrameType.GetExport, personBody(user).set("offset", done), bytesOf, options);
    if (range.length === 0) {
      throw new ContentError("the archive does not have the size that was told");
    }

    parts.push(range);
    done += range.length;
    options.onProgress?.({ done, total: status.size });
  }

  const blob = new Blob(parts, { type: "application/zip" });
  if (((await hashOf(blob)) as string) !== status.hash) {
    throw new ContentError("the archive is not what its hash says");
  }

  return blob;
}

/** @internal */
export function askErasure(client: ClientCore, body: ControlMap, options: RequestOptions | undefined): Promise<ErasureStatus> {
  return client.ask(FrameType.ErasePerson, body, parseErasure, options);
}

function parseErasure(reply: ControlMap): ErasureStatus {
  return { state: (reply.text("state") ?? "none") as ErasureStatus["state"], erased: reply.number("erased"), reachesBackups: reply.flag("backups") };
}
