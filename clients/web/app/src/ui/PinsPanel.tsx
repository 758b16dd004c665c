import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { type Entry, entryOf } from "../model/Entry.ts";
import { explain } from "../model/problems.ts";
import type { Room } from "../model/Room.ts";
import { toConversation } from "../model/Route.ts";
import { Icon } from "./icons.tsx";
import { MessageText } from "./MessageText.tsx";
import { Avatar, ColoredName } from "./people.tsx";
import { useChat } from "./state.ts";
import { fullTime } from "./times.ts";

/** The pinned messages of a room. */
export function PinsPanel({ room }: { room: Room }): JSX.Element {
  const chat = useChat();
  const [pins, setPins] = useState<readonly Entry[] | undefined>(undefined);
  const [problem, setProblem] = useState<string | undefined>(undefined);
  useEffect(() => {
    let isWanted = true;
    chat.client.getPins(room.id, 0, 200).then(
      (page) => isWanted && setPins(page.messages.map((message) => entryOf(message)).filter((entry) => entry !== null)),
      (error: unknown) => isWanted && setProblem(explain(error)),
    );
    return () => void (isWanted = false);
  }, [room]);
  return (
    <div class="aside-body" tabIndex={0} role="group" aria-label="Pinned messages">
      {problem !== undefined && <p class="notice" role="alert">{problem}</p>}
      {pins === undefined && problem === undefined && <div class="center-spinner"><div class="spinner" /></div>}
      {pins?.length === 0 && <div class="empty small"><Icon name="pin" /><p>Nothing is pinned. What everybody should find again is pinned from a message’s menu.</p></div>}
      <ul class="pins">
        {pins?.map((entry) => (
          <li key={entry.key}>
            <a class="pin" href={toConversation(room.id, entry.sequence)}>
              <span class="pin-who"><Avatar user={entry.sender} size="s" /><ColoredName user={entry.sender} /><time>{fullTime(entry.sentAt)}</time></span>
              <MessageText text={(room.log.at(entry.sequence)?.text ?? entry.text ?? "").slice(0, 400)} />
            </a>
          </li>
        ))}
      </ul>
    </div>
  );
}
