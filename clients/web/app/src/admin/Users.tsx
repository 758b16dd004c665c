import type { JSX } from "preact";
import type { AccountInfo, FastChatClient, Operator, UserId } from "@fastchat/client";
import { accountOf, isId } from "./lookups.ts";
import { Find, Paged, usePages } from "./pages.tsx";
import { ask, Section, Table } from "./parts.tsx";
import { date } from "./units.ts";

const PAGE = 50;

/** The accounts, a page at a time or one by its name, and what can be done about each. */
export function Users({ client, operator }: { client: FastChatClient; operator: Operator }): JSX.Element {
  const pages = usePages<UserId, { readonly users: readonly AccountInfo[]; readonly next: UserId | undefined }>(operator, async (after, wanted, signal) => {
    if (isId(wanted)) {
      const account = await accountOf(operator, wanted);
      return { users: account === undefined ? [] : [account], next: undefined };
    }

    return operator.listUsers({ after, limit: PAGE, signal, ...(wanted === "" ? {} : { prefix: wanted }) });
  });
  return (
    <Section
      title="Users" hint="A person who is suspended is signed out at once and let in no longer; nothing of theirs is lost."
      aside={
        <Find id="find-user" label="Beginning of a name, or an id" find={pages.find} />
      }
    >
      <Paged pages={pages}>
        {(page) => (
          <Table label="Users" isEmpty={page.users.length === 0} empty={pages.wanted === "" ? "There is nobody." : "There is nobody whose name begins so, or of that id."} head={["Name", "Id", "Since", "State", ""]}>
            {page.users.map((user) => (
              <tr key={user.user}>
                <th scope="row">{user.name}</th>
                <td class="mono" title={user.user}>{user.user.slice(0, 8)}</td>
                <td>{date(user.createdAt)}</td>
                <td>{user.isSuspended ? <span class="chip" data-state="bad">suspended</span> : user.isExternal ? <span class="chip">imported</span> : <span class="chip" data-state="good">active</span>}</td>
                <td class="actions"><Actions user={user} isOwn={user.user === client.identity?.user} operator={operator} again={pages.again} /></td>
              </tr>
            ))}
          </Table>
        )}
      </Paged>
    </Section>
  );
}

function Actions({ user, isOwn, operator, again }: { user: AccountInfo; isOwn: boolean; operator: Operator; again: () => void }): JSX.Element | null {
  if (isOwn) return <span class="hint">you</span>;
  if (user.isExternal) return null;
  return (
    <>
      <button
        type="button" class="button small" aria-label={`Sign out ${user.name} everywhere`}
        onClick={() => ask({
          title: `Sign out ${user.name} everywhere?`,
          text: "All their devices are signed out at once. They sign in again with their password.",
          action: "Sign out",
          run: async () => {
            const ended = await operator.endAllDevices(user.user);
            return `${user.name} was signed out on ${ended} ${ended === 1 ? "device" : "devices"}.`;
          },
        })}
      >
        Sign out
      </button>
      <button
        type="button" class="button small" aria-label={`${user.isSuspended ? "Restore" : "Suspend"} ${user.name}`}
        onClick={() => ask({
          title: user.isSuspended ? `Let ${user.name} in again?` : `Suspend ${user.name}?`,
          text: user.isSuspended ? "They sign in as before, and find everything where it was." : "They are signed out at once and let in no longer. Nothing of theirs is lost, and the name stays theirs.",
          action: user.isSuspended ? "Restore" : "Suspend",
          run: async () => {
            await operator.suspendUser(user.user, !user.isSuspended);
            again();
            return user.isSuspended ? `${user.name} is let in again.` : `${user.name} is suspended.`;
          },
        })}
      >
        {user.isSuspended ? "Restore" : "Suspend"}
      </button>
    </>
  );
}
