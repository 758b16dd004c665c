import type { UserInfo } from "../protocol/control/ConversationInfo.js";
import type { UserId } from "../protocol/primitives/Ids.js";

/**
 * Users by id. An id keeps its name for ever (protocol.md §5.4), so what is cached never becomes wrong; it is only bounded. Two generations: when the young one holds half of the maximum it becomes the old one, and what was
 * not asked for since is forgotten with the next change.
 */
export class NameCache {
  readonly #generationMax: number;
  #young = new Map<UserId, UserInfo>();
  #old = new Map<UserId, UserInfo>();

  constructor(usersMax: number) {
    this.#generationMax = Math.max(1, usersMax >> 1);
  }

  find(user: UserId): UserInfo | undefined {
    const young = this.#young.get(user);
    if (young !== undefined) {
      return young;
    }

    const old = this.#old.get(user);
    if (old !== undefined) {
      this.add(old);
    }

    return old;
  }

  add(info: UserInfo): void {
    this.#young.set(info.user, info);
    if (this.#young.size >= this.#generationMax) {
      this.#old = this.#young;
      this.#young = new Map();
    }
  }
}
