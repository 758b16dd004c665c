import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { AccountInfo, FastChatClient, Operator, UserId } from "@fastchat/client";
import { Icon } from "../ui/icons.tsx";
import { accountOf, isId } from "./lookups.ts";
import { ask, Section, Table } from "./parts.tsx";
import { problemOf } from "./problems.ts";
import { date } from "./units.ts";

const PAGE = 50;

/** The accounts, a page at a time or one by its name, and what can be done about each. */
export function Users({ client, operator }: { client: FastChatClient; operator: Operator }): JSX.Element {
  /** Where the pages begin that were looked at; the last one is shown. */
  const [starts, setStarts] = useState<readonly (UserId | undefined)[]>([undefined]);
  const [wanted, setWanted] = useState("");
  const [page, setPage] = useState<{ readonly users: readonly AccountInfo[]; readonly next: UserId | undefined } | undefined>(undefined);
  const [problem, setProblem] = useState<string | undefined>(undefined);
  const [round, setRound] = useState(0);
  const field = useRef<HTMLInputElement>(null);

  useEffect(() => {
    const gone = new AbortController();
    void load(gone.signal).then(
      (loaded) => {
        if (gone.signal.aborted) return;
        setPage(loaded);
        setProblem(undefined);
      },
      (error: unknown) => {
        if (!gone.signal.aborted) setProblem(problemOf(error));
      },
    );
    return () => gone.abort();
  }, [starts, wanted, round, operator]);

  async function load(signal: AbortSignal): Promise<NonNullable<typeof page>> {
    if (isId(wanted)) {
      const account = await accountOf(operator, wanted);
      return { users: account === undefined ? [] : [account], next: undefined };
    }

    return operator.listUsers({ after: starts.at(-1), limit: PAGE, signal, ...(wanted === "" ? {} : { prefix: wanted }) });
  }

  const find = (text: string): void => {
    setStarts([undefined]);
    setWanted(text);
  };
  const again = (): void => setRound(round + 1);
  return (
    <Section
      title="Users" hint="A person who is suspended is signed out at once and let in no longer; nothing of theirs is lost."
      aside={
        <form class="find" role="search" onSubmit={(event) => { event.preventDefault(); find(field.current!.value.trim()); }}>
          <label class="visually-hidden" for="find-user">Beginning of a name, or an id</label>
          <input ref={field} id="find-user" class="input" type="search" placeholder="Beginning of a name, or an id" autocapitalize="none" spellcheck={false} onInput={(event) => { if (event.currentTarget.value === "") find(""); }} />
          <button type="submit" class="button"><Icon name="search" small />Find</button>
        </form>
      }
    >
      {problem !== undefined && <div class="notice" role="alert"><Icon name="warn" small /><span>{problem}</span></div>}
      {page === undefined ? problem === undefined && <p class="empty">Looking …</p> : (
        <Table label="Users" isEmpty={page.users.length === 0} empty={wanted === "" ? "There is nobody." : "There is nobody whose name begins so, or of that id."} head={["Name", "Id", "Since", "State", ""]}>
          {page.users.map((user) => (
            <tr key={user.user}>
              <th scope="row">{user.name}</th>
              <td class="mono" title={user.user}>{user.user.slice(0, 8)}</td>
              <td>{date(user.createdAt)}</td>
              <td>{user.isSuspended ? <span class="chip" data-state="bad">suspended</span> : user.isExternal ? <span class="chip">imported</span> : <span class="chip" data-state="good">active</span>}</td>
              <td class="actions"><Actions user={user} isOwn={user.user === client.identity?.user} operator={operator} again={again} /></td>
            </tr>
          ))}
        </Table>
      )}
      <div class="pages">
        <button type="button" class="button small" disabled={starts.length === 1} onClick={() => setStarts(starts.slice(0, -1))}>Back</button>
        <span class="hint">Page {starts.length}</span>
        <button type="button" class="button small" disabled={page?.next === undefined} onClick={() => setStarts([...starts, page?.next])}>Next</button>
      </div>
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
