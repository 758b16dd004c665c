import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { FastChatClient, Operator, SessionId, SessionInfo } from "@fastchat/client";
import { Icon } from "../ui/icons.tsx";
import { findUser } from "./lookups.ts";
import { ask, Section, Table } from "./parts.tsx";
import { problemOf } from "./problems.ts";
import { age } from "./units.ts";

const PAGE = 50;

/** Who is connected, from where and for how long. */
export function Sessions({ client, operator }: { client: FastChatClient; operator: Operator }): JSX.Element {
  const [starts, setStarts] = useState<readonly (SessionId | undefined)[]>([undefined]);
  const [wanted, setWanted] = useState("");
  const [page, setPage] = useState<{ readonly sessions: readonly SessionInfo[]; readonly next: SessionId | undefined } | undefined>(undefined);
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
    const user = wanted === "" ? undefined : await findUser(client, wanted);
    if (wanted !== "" && user === undefined) return { sessions: [], next: undefined };
    return operator.listSessions({ after: starts.at(-1), limit: PAGE, signal, ...(user === undefined ? {} : { user }) });
  }

  const find = (name: string): void => {
    setStarts([undefined]);
    setWanted(name);
  };
  return (
    <Section
      title="Sessions" hint="Those that have a connection now. Ending one signs its device out: what it holds is worth nothing any more."
      aside={
        <form class="find" role="search" onSubmit={(event) => { event.preventDefault(); find(field.current!.value.trim()); }}>
          <label class="visually-hidden" for="find-session">Whose: whole name, or id</label>
          <input ref={field} id="find-session" class="input" type="search" placeholder="Whose: whole name, or id" autocapitalize="none" spellcheck={false} onInput={(event) => { if (event.currentTarget.value === "") find(""); }} />
          <button type="submit" class="button"><Icon name="search" small />Find</button>
          <button type="button" class="icon-button" aria-label="Look again" onClick={() => setRound(round + 1)}><Icon name="retry" small /></button>
        </form>
      }
    >
      {problem !== undefined && <div class="notice" role="alert"><Icon name="warn" small /><span>{problem}</span></div>}
      {page === undefined ? problem === undefined && <p class="empty">Looking …</p> : (
        <Table label="Sessions" isEmpty={page.sessions.length === 0} empty={wanted === "" ? "Nobody is connected." : "Nobody of that name or id is connected."} head={["User", "Device", "From", "Signed in for", ""]}>
          {page.sessions.map((session) => (
            <tr key={session.session}>
              <th scope="row">{session.name}</th>
              <td class="mono">{String(session.device)}</td>
              <td class="mono">{session.remote}</td>
              <td>{session.tokenSeconds === undefined ? "until it is ended" : `${age(session.tokenSeconds * 1000)} more`}</td>
              <td class="actions">
                {session.session === client.sessionId ? <span class="hint">this page</span> : (
                  <button
                    type="button" class="button small" aria-label={`End the session of ${session.name} from ${session.remote}`}
                    onClick={() => ask({
                      title: `End this session of ${session.name}?`,
                      text: `The device ${session.device} is signed out, with all its sessions. It needs the password, or another token, to come back.`,
                      action: "End it",
                      run: async () => {
                        const ended = await operator.endDevice(session.user, session.device);
                        setRound(round + 1);
                        return ended > 0 ? `${session.name} was signed out on that device.` : "It had ended already.";
                      },
                    })}
                  >
                    End
                  </button>
                )}
              </td>
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
