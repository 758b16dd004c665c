import type { JSX } from "preact";
import type { FastChatClient, Operator, SessionId, SessionInfo } from "@fastchat/client";
import { Icon } from "../ui/icons.tsx";
import { findUser } from "./lookups.ts";
import { Find, Paged, usePages } from "./pages.tsx";
import { ask, Section, Table } from "./parts.tsx";
import { age } from "./units.ts";

const PAGE = 50;

/** Who is connected, from where and for how long. */
export function Sessions({ client, operator }: { client: FastChatClient; operator: Operator }): JSX.Element {
  const pages = usePages<SessionId, { readonly sessions: readonly SessionInfo[]; readonly next: SessionId | undefined }>(operator, async (after, wanted, signal) => {
    const user = wanted === "" ? undefined : await findUser(client, wanted);
    if (wanted !== "" && user === undefined) return { sessions: [], next: undefined };
    return operator.listSessions({ after, limit: PAGE, signal, ...(user === undefined ? {} : { user }) });
  });
  return (
    <Section
      title="Sessions" hint="Those that have a connection now. Ending one signs its device out: what it holds is worth nothing any more."
      aside={
        <Find id="find-session" label="Whose: whole name, or id" find={pages.find}>
          <button type="button" class="icon-button" aria-label="Look again" onClick={pages.again}><Icon name="retry" small /></button>
        </Find>
      }
    >
      <Paged pages={pages}>
        {(page) => (
          <Table label="Sessions" isEmpty={page.sessions.length === 0} empty={pages.wanted === "" ? "Nobody is connected." : "Nobody of that name or id is connected."} head={["User", "Device", "From", "Signed in for", ""]}>
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
                          pages.again();
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
      </Paged>
    </Section>
  );
}
