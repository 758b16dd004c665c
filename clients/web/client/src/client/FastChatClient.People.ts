import { ControlFormatError, ControlMap } from "../protocol/control/ControlMap.js";
import { parseBlockInfo, parseFoundUser, parseProfile, writeProfileChange, type Profile, type ProfileChange, type ProfileQuery } from "../protocol/control/Profile.js";
import { FrameType } from "../protocol/FrameType.js";
import type { UserId } from "../protocol/primitives/Ids.js";
import { ProtocolLimits } from "../protocol/ProtocolLimits.js";
import { nextOf, pageBody, type PageOptions, type RequestOptions } from "./ClientCore.js";
import { InboxRequests } from "./FastChatClient.Inbox.js";
import type { BlockPage, UserPage } from "./Pages.js";

/** Profiles, search and blocks (protocol.md §4.8). Asked again by themselves when the connection breaks, but where it is said. */
export abstract class PeopleRequests extends InboxRequests {
  /**
   * Changes the signed-in user's profile and returns its version. Those who share a conversation get the notice "profile". With `ifVersion` it is not asked again by itself: a version that was raised by this very request would
   * be a conflict the second time.
   */
  setProfile(change: ProfileChange, options?: RequestOptions): Promise<number> {
    return this.ask(FrameType.SetProfile, writeProfileChange(change), (reply) => reply.number("version"), options, change.ifVersion === undefined);
  }

  /**
   * Profiles, in the order asked; undefined for who may not be seen or does not exist. Who names the versions that it has gets only what is newer. Any number.
   */
  async getProfiles(queries: readonly (ProfileQuery | UserId)[], options?: RequestOptions): Promise<(Profile | undefined)[]> {
    const profiles: (Profile | undefined)[] = [];
    while (profiles.length < queries.length) {
      const part = queries.slice(profiles.length, profiles.length + ProtocolLimits.profilesAskedMax).map((query) => (typeof query === "string" ? { user: query } : query));
      const body = new ControlMap().set(
        "users",
        part.map((query) => new ControlMap().setId("user", query.user).set("version", query.version || undefined)),
      );
      const answered = await this.ask(FrameType.GetProfiles, body, (reply) => reply.nullableMaps("profiles", parseProfile), options);
      if (answered.length === 0 || answered.length > part.length) {
        // At least one of those asked about is answered, or asking for the rest would never end.
        throw new ControlFormatError(`profiles: 1 to ${part.length} are expected`);
      }

      profiles.push(...answered);
    }

    return profiles;
  }

  /** People with whom the user shares a conversation that is not public, by the beginning of their name or display name: at least one character, upper and lower case alike. */
  searchUsers(prefix: string, options: PageOptions<UserId> = {}): Promise<UserPage> {
    return this.ask(
      FrameType.SearchUsers,
      pageBody(options).set("prefix", prefix),
      (reply) => {
        const users = reply.maps("users", parseFoundUser);
        return { users, next: reply.flag("more") ? users.at(-1)?.user : undefined, isComplete: reply.flag("complete") };
      },
      options,
    );
  }

  /**
   * Blocks somebody, or takes the block back: who is blocked cannot add the user to groups, does not see the profile, does not find the user, and cannot write in their direct conversation. True when that changed something.
   */
  block(user: UserId, isBlocked = true, options?: RequestOptions): Promise<boolean> {
    return this.ask(FrameType.Block, new ControlMap().setId("user", user).set("blocked", isBlocked), (reply) => reply.flag("changed"), options);
  }

  /** A page of those whom the user has blocked. */
  listBlocks(options: PageOptions<UserId> = {}): Promise<BlockPage> {
    return this.ask(
      FrameType.ListBlocks,
      pageBody(options),
      (reply) => {
        const blocks = reply.maps("blocks", parseBlockInfo);
        return { blocks, next: nextOf(reply, blocks.at(-1)?.user) };
      },
      options,
    );
  }
}
