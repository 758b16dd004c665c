import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Entry } from "../model/Entry.ts";
import type { Room } from "../model/Room.ts";
import { ColoredName } from "./people.tsx";
import { shownLine } from "./safeText.ts";

/** The beginning of another message. It is fetched when it is not there. */
export function Quote({ room, sequence, isShort = false }: { room: Room; sequence: number; isShort?: boolean }): JSX.Element {
  const [entry, setEntry] = useState<Entry | null | undefined>(() => room.log.at(sequence));
  useEffect(() => {
    let isWanted = true;
    if (entry === undefined) void room.log.find(sequence).then((found) => isWanted && setEntry(found), () => isWanted && setEntry(null));
    return () => void (isWanted = false);
  }, [room, sequence]);
  if (entry === undefined) return <span class="quote-text">…</span>;
  if (entry === null || entry.gone !== undefined || entry.isHidden) return <span class="quote-text gone">a message that is gone</span>;
  const text = shownLine(entry.text ?? "").slice(0, isShort ? 80 : 240);
  const attached = entry.attributes.attachments?.[0]?.name;
  return <><span class="quote-who"><ColoredName user={entry.sender} /></span> <span class="quote-text" dir="auto">{text === "" && attached !== undefined ? shownLine(attached) : text}</span></>;
}
