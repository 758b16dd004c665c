import type { AccountInfo, FastChatClient, Operator, UserId } from "@fastchat/client";

/** True for what is written like an id. */
export function isId(text: string): text is UserId {
  return /^[0-9a-f]{32}$/.test(text);
}

/** Somebody of this name, or of this id; undefined when there is nobody. */
export async function findUser(client: FastChatClient, wanted: string): Promise<UserId | undefined> {
  if (isId(wanted)) return wanted;
  const [found] = await client.resolveNames([wanted]);
  return found?.user;
}

/** An account by its id. There is no request for one: it is the first behind the id before it. */
export async function accountOf(operator: Operator, user: UserId): Promise<AccountInfo | undefined> {
  const before = (BigInt(`0x${user}`) - 1n).toString(16).padStart(32, "0") as UserId;
  const { users } = await operator.listUsers({ after: before, limit: 1 });
  return users[0]?.user === user ? users[0] : undefined;
}
