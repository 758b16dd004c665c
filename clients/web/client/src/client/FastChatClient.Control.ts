import { ControlFormatError, ControlMap } from "../protocol/control/ControlMap.js";
import { parseConversationInfo, parseMemberInfo, parseUserInfo, writeChanges, type ConversationChanges, type ConversationInfo, type UserInfo } from "../protocol/control/ConversationInfo.js";
import { FrameType } from "../protocol/FrameType.js";
import { randomId, type ConversationId, type Id, type UserId } from "../protocol/primitives/Ids.js";
import type { ConversationKind } from "../protocol/primitives/Words.js";
import { ClientCore, inParts, nextOf, ofConversation, pageBody, type PageOptions, type RequestOptions } from "./ClientCore.js";
import type { ConversationPage, GivenRole, MemberPage, MembersAdded } from "./Pages.js";

/** What a new conversation is. */
export interface NewConversation extends ConversationChanges, RequestOptions {
  /** Public and channel need a name. */
  readonly kind: Exclude<ConversationKind, "direct">;
  /** Without the leading #, for good; absent for a group without one. */
  readonly name?: string;
  /** Members besides the maker; at most 500. */
  readonly members?: readonly UserId[];
  /** 32 hexadecimal digits that make the request repeatable: the same key finds what the first one made. Absent = random ones, so that a reconnect in between makes one conversation. */
  readonly key?: string;
}

/** Conversations, members and names (protocol.md §4.6). All of these but those that say so are asked again by themselves when the connection breaks. */
export abstract class ControlRequests extends ClientCore {
  /** Finds a conversation by name (without the leading #), and makes a public one if asked to. */
  resolveConversation(name: string, options: RequestOptions & { readonly create?: boolean } = {}): Promise<ConversationInfo> {
    return this.ask(FrameType.ResolveConversation, new ControlMap().set("name", name).set("create", options.create || undefined), parseConversationInfo, options);
  }

  /** Describes a conversation. */
  getConversation(conversation: ConversationId, options?: RequestOptions): Promise<ConversationInfo> {
    return this.ask(FrameType.ResolveConversation, ofConversation(conversation), parseConversationInfo, options);
  }

  /** Makes a conversation and becomes its owner. */
  createConversation(wanted: NewConversation): Promise<ConversationInfo> {
    const body = writeChanges(new ControlMap(), wanted)
      .set("kind", wanted.kind)
      .set("name", wanted.name)
      .setIds("members", wanted.members?.length ? wanted.members : undefined)
      .setId("key", wanted.key ?? randomId<Id<"key">>());
    return this.ask(FrameType.CreateConversation, body, parseConversationInfo, wanted);
  }

  /** Finds the direct conversation with somebody, or makes it; with oneself it holds notes. There is one for each pair, whoever begins it. */
  direct(user: UserId, options?: RequestOptions): Promise<ConversationInfo> {
    return this.ask(FrameType.CreateConversation, new ControlMap().set("kind", "direct").setIds("members", [user]), parseConversationInfo, options);
  }

  /** Adds members; who is one already is passed over. Admins and owners. Not asked again by itself; asking again is harmless. */
  addMembers(conversation: ConversationId, users: readonly UserId[], role: GivenRole = "member", options?: RequestOptions): Promise<MembersAdded> {
    const body = ofConversation(conversation).setIds("users", users).set("role", role);
    return this.ask(FrameType.AddMembers, body, (reply) => ({ added: reply.number("added"), sequence: reply.number("sequence") }), options, false);
  }

  /** Removes a member. Returns the sequence of the record that says so. Not asked again by itself. */
  removeMember(conversation: ConversationId, user: UserId, options?: RequestOptions): Promise<number> {
    return this.ask(FrameType.RemoveMember, ofConversation(conversation).setId("user", user), (reply) => reply.number("sequence"), options, false);
  }

  /** Leaves. Returns the sequence of the record that says so. Not asked again by itself. */
  leave(conversation: ConversationId, options?: RequestOptions): Promise<number> {
    return this.ask(FrameType.RemoveMember, ofConversation(conversation), (reply) => reply.number("sequence"), options, false);
  }

  /** A page of a conversation's members. */
  listMembers(conversation: ConversationId, options: PageOptions<UserId> = {}): Promise<MemberPage> {
    return this.ask(
      FrameType.ListMembers,
      pageBody(options).setId("conversation", conversation),
      (reply) => {
        const members = reply.maps("members", parseMemberInfo);
        return { members, next: nextOf(reply, members.at(-1)?.user) };
      },
      options,
    );
  }

  /** A page of the conversations that the user is a member of or invited to. {@link InboxRequests.getInbox} says more of each. */
  listConversations(options: PageOptions<ConversationId> = {}): Promise<ConversationPage> {
    return this.ask(
      FrameType.ListConversations,
      pageBody(options),
      (reply) => {
        const conversations = reply.maps("conversations", parseConversationInfo);
        return { conversations, next: nextOf(reply, conversations.at(-1)?.conversation) };
      },
      options,
    );
  }

  /** Users by name, in the order asked; undefined where there is none. Any number. */
  resolveNames(names: readonly string[], options?: RequestOptions): Promise<(UserInfo | undefined)[]> {
    return inParts(names, (part) => this.#askUsers(new ControlMap().set("names", part), part.length, options));
  }

  /** Users by id, in the order asked; undefined where there is none. Any number. What was asked before comes from the name cache. */
  async resolveUsers(users: readonly UserId[], options?: RequestOptions): Promise<(UserInfo | undefined)[]> {
    const names = this.session.names;
    const found = new Map(users.map((user) => [user, names.find(user)]));
    const missing = [...found.keys()].filter((user) => found.get(user) === undefined);
    const asked = await inParts(missing, (part) => this.#askUsers(new ControlMap().setIds("users", part), part.length, options));
    missing.forEach((user, i) => found.set(user, asked[i]));
    return users.map((user) => found.get(user));
  }

  /** A user's name from the cache, without asking anybody; undefined when it is not there. */
  cachedUser(user: UserId): UserInfo | undefined {
    return this.session.names.find(user);
  }

  /** Asks the broker for a sign of life and returns the round trip's time in ms. Fails when the connection breaks before the answer. */
  ping(options: RequestOptions = {}): Promise<number> {
    return this.session.ping(options.signal);
  }

  async #askUsers(body: ControlMap, count: number, options: RequestOptions | undefined): Promise<(UserInfo | undefined)[]> {
    const users = await this.ask(
      FrameType.ResolveUsers,
      body,
      (reply) => {
        const all = reply.nullableMaps("users", parseUserInfo);
        if (all.length !== count) {
          throw new ControlFormatError(`users: ${count} elements are expected`);
        }

        return all;
      },
      options,
    );
    for (const user of users) {
      if (user !== undefined) {
        this.session.names.add(user);
      }
    }

    return users;
  }
}

