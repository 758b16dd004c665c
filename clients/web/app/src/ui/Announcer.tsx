import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Room } from "../model/Room.ts";
import { shownLine } from "./safeText.ts";
import { useChat } from "./state.ts";

/** Between two things that are read out. */
const PAUSE = 2000;

/** Reads new messages of the open room out, to those who use a screen reader: one as it is, many as a number, so that a busy room does not talk without end. */
export function Announcer({ room }: { room: Room }): JSX.Element {
  const chat = useChat();
  const [text, setText] = useState("");
  useEffect(() => {
    let said = room.log.head;
    let timer = 0;
    const speak = (): void => {
      timer = 0;
      const { log } = room;
      const fresh = [];
      for (let sequence = Math.max(said + 1, log.head - 200); sequence <= log.head; sequence++) {
        const entry = log.at(sequence);
        if (entry?.kind === "message" && entry.sender !== chat.self) fresh.push(entry);
      }

      said = log.head;
      const last = fresh.at(-1);
      if (last === undefined) return;
      setText(fresh.length === 1 ? `${chat.people.of(last.sender).peek().shown}: ${shownLine(last.text ?? "a file").slice(0, 300)}` : `${fresh.length} new messages`);
    };
    const end = room.log.subscribe(() => {
      if (room.log.head > said && timer === 0) timer = window.setTimeout(speak, PAUSE);
    });
    return () => {
      end();
      clearTimeout(timer);
    };
  }, [chat, room]);
  return <div class="visually-hidden" aria-live="polite" role="status">{text}</div>;
}
