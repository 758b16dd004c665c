import { ControlFormatError, ControlMap } from "../protocol/control/ControlMap.js";
import { writeChanges, type ConversationChanges } from "../protocol/control/ConversationInfo.js";
import { parseJoinLinkInfo, type JoinLinkInfo } from "../protocol/control/JoinLinkInfo.js";
import { FrameType } from "../protocol/FrameType.js";
import type { ConversationId, JoinLinkId, UserId } from "../protocol/primitives/Ids.js";
import { ofConversation, type RequestOptions } from "./ClientCore.js";
import { ControlRequests } from "./FastChatClient.Control.js";
import type { ChangeResult, GivenRole, JoinedByLink, JoinLinkCreated } from "./Pages.js";

/** What a join link is to be. */
export interface NewJoinLink extends RequestOptions {
  /** What who follows it becomes; below the own role. "member" by default. */
  readonly role?: GivenRole;
  /** How often it can be followed; absent = any number of times. */
  readonly uses?: number;
  /** How long it works, up to ten years; absent = seven days. */
  readonly seconds?: number;
}

/**
 * What conversations are, and what people are in them (protocol.md §4.6, §5.3). All of these are asked again by themselves when the connection breaks: the broker leaves as it is what is so already, and says that nothing
 * changed. Only a mute counts from the last time it was asked for.
 */
export abstract class MemberRequests extends ControlRequests {
  /** Changes what a conversation is; what is absent stays, and an empty text takes its field away. Admins and owners. */
  changeConversation(conversation: ConversationId, changes: ConversationChanges, options?: RequestOptions): Promise<ChangeResult> {
    return this.ask(FrameType.ChangeConversation, writeChanges(ofConversation(conversation), changes), resultOf, options);
  }

  /** Becomes a member of a public conversation, or a reader of a channel. */
  join(conversation: ConversationId, options?: RequestOptions): Promise<ChangeResult> {
    return this.#change(conversation, "join", new ControlMap(), options);
  }

  /** Accepts an invitation. */
  accept(conversation: ConversationId, options?: RequestOptions): Promise<ChangeResult> {
    return this.#change(conversation, "accept", new ControlMap(), options);
  }

  /** Declines an invitation. */
  decline(conversation: ConversationId, options?: RequestOptions): Promise<ChangeResult> {
    return this.#change(conversation, "decline", new ControlMap(), options);
  }

  /** Invites somebody: they know of the conversation and become what `role` says when they accept. Moderators and above. */
  invite(conversation: ConversationId, user: UserId, role: GivenRole = "member", options?: RequestOptions): Promise<ChangeResult> {
    return this.#change(conversation, "invite", new ControlMap().setId("user", user).set("role", role), options);
  }

  /** Takes an invitation back. Moderators and above. */
  uninvite(conversation: ConversationId, user: UserId, options?: RequestOptions): Promise<ChangeResult> {
    return this.#change(conversation, "uninvite", new ControlMap().setId("user", user), options);
  }

  /** Gives a member another role, below the own one; owners give any. */
  setRole(conversation: ConversationId, user: UserId, role: GivenRole, options?: RequestOptions): Promise<ChangeResult> {
    return this.#change(conversation, "role", new ControlMap().setId("user", user).set("role", role), options);
  }

  /** Takes the word from a member who is below, for whole seconds up to ten years; absent = as long as can be. Moderators and above. */
  mute(conversation: ConversationId, user: UserId, seconds?: number, options?: RequestOptions): Promise<ChangeResult> {
    return this.#change(conversation, "mute", new ControlMap().setId("user", user).set("seconds", seconds), options);
  }

  /** Gives a member the word back. Moderators and above. */
  unmute(conversation: ConversationId, user: UserId, options?: RequestOptions): Promise<ChangeResult> {
    return this.mute(conversation, user, 0, options);
  }

  /** Removes somebody who is below, and keeps them out. Moderators and above. */
  ban(conversation: ConversationId, user: UserId, options?: RequestOptions): Promise<ChangeResult> {
    return this.#change(conversation, "ban", new ControlMap().setId("user", user), options);
  }

  /** Allows somebody to come back; they are no member by that. Moderators and above. */
  unban(conversation: ConversationId, user: UserId, options?: RequestOptions): Promise<ChangeResult> {
    return this.#change(conversation, "unban", new ControlMap().setId("user", user), options);
  }

  /** Makes a link by which people join. Who has its text can follow it; the broker keeps only a hash. Admins and owners. */
  createJoinLink(conversation: ConversationId, wanted: NewJoinLink = {}): Promise<JoinLinkCreated> {
    const body = ofConversation(conversation)
      .set("key", crypto.getRandomValues(new Uint8Array(16)))
      .set("role", wanted.role ?? "member")
      .set("uses", wanted.uses)
      .set("seconds", wanted.seconds);
    return this.ask(
      FrameType.CreateJoinLink,
      body,
      (reply) => {
        const link = reply.text("link");
        if (link === undefined) {
          throw new ControlFormatError("link: a text is expected");
        }

        return { link, expires: reply.number("expires") / 1000 };
      },
      wanted,
    );
  }

  /** The links of a conversation, those that do not work any more included. Admins and owners. */
  listJoinLinks(conversation: ConversationId, options?: RequestOptions): Promise<JoinLinkInfo[]> {
    return this.ask(FrameType.ListJoinLinks, ofConversation(conversation), (reply) => reply.maps("links", parseJoinLinkInfo), options);
  }

  /** Ends a link. Admins and owners. */
  revokeJoinLink(conversation: ConversationId, id: JoinLinkId, options?: RequestOptions): Promise<ChangeResult> {
    return this.ask(FrameType.RevokeJoinLink, ofConversation(conversation).setId("id", id), resultOf, options);
  }

  /** Becomes a member by a link. A member already stays what they are, and takes no use of it. */
  joinByLink(link: string, options?: RequestOptions): Promise<JoinedByLink> {
    return this.ask(FrameType.JoinByLink, new ControlMap().set("link", link), (reply) => ({ conversation: reply.id("conversation"), ...resultOf(reply) }), options);
  }

  #change(conversation: ConversationId, change: string, body: ControlMap, options: RequestOptions | undefined): Promise<ChangeResult> {
    return this.ask(FrameType.ChangeMember, body.setId("conversation", conversation).set("change", change), resultOf, options);
  }
}

function resultOf(reply: ControlMap): ChangeResult {
  return { isChanged: reply.flag("changed"), sequence: reply.number("sequence") };
}
