import type { JSX } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { ChatMessage } from "@fastchat/client";
import { type Entry, entryOf } from "../model/Entry.ts";
import { inNextFrame } from "../model/frames.ts";
import { explain } from "../model/problems.ts";
import type { Room } from "../model/Room.ts";
import { go, toConversation } from "../model/Route.ts";
import { Composer } from "./Composer.tsx";
import { MessageDrawer } from "./MessageRow.tsx";
import { useChat } from "./state.ts";

const PAGE = 200;
const MESSAGES_MAX = 2000;

/** A message and everything in its thread. */
export function ThreadPanel({ room, root }: { room: Room; root: number }): JSX.Element {
  const chat = useChat();
  const [first, setFirst] = useState<Entry | null | undefined>(undefined);
  const [replies, setReplies] = useState<readonly Entry[]>([]);
  const [problem, setProblem] = useState<string | undefined>(undefined);
  const [files, setFiles] = useState<readonly File[]>([]);
  const [, redraw] = useState(0);
  const list = useRef<HTMLDivElement>(null);
  const isAtEnd = useRef(true);
  const drawer = useMemo(() => new MessageDrawer(room, (sequence) => go(toConversation(room.id, sequence))), [room]);

  useEffect(() => {
    let isWanted = true;
    async function load(): Promise<void> {
      const [entry, messages] = await Promise.all([room.log.find(root), readThread()]);
      // What became of them, and what came while they were read, the log knows better where it has them.
      const sequences = messages.map((message) => message.sequence);
      const states = sequences.length === 0 ? undefined : await chat.client.getMessageStates(room.id, Math.min(...sequences), Math.max(...sequences));
      if (!isWanted) return;
      setFirst(entry);
      setReplies(messages.flatMap((message) => {
        const made = entryOf(message);
        const state = states?.states.find((one) => one.sequence === message.sequence);
        if (made === null) return [];
        return [state === undefined ? made : { ...made, text: state.edits > 0 ? state.text : made.text, isEdited: state.edits > 0, reactions: state.reactions, gone: state.deletedBy > 0 ? "deleted" as const : made.gone }];
      }));
    }

    async function readThread(): Promise<ChatMessage[]> {
      const messages: ChatMessage[] = [];
      for (let after = 0; messages.length < MESSAGES_MAX; ) {
        const page = await chat.client.getThread(room.id, root, after, PAGE);
        messages.push(...page.messages);
        after = page.messages.at(-1)?.sequence ?? 0;
        if (page.isComplete || after === 0) break;
      }

      return messages;
    }

    load().catch((error: unknown) => isWanted && setProblem(explain(error)));
    return () => void (isWanted = false);
  }, [chat, room, root]);

  // New replies come through the room's log, and so does what becomes of the others.
  const seen = useRef(room.log.head);
  useEffect(() => {
    let isAsked = false;
    return room.log.subscribe(() => {
      if (isAsked) return;
      isAsked = true;
      inNextFrame(() => {
        isAsked = false;
        const { log } = room;
        const fresh: Entry[] = [];
        for (let sequence = seen.current + 1; sequence <= log.head; sequence++) {
          const entry = log.at(sequence);
          if (entry?.attributes.thread === root) fresh.push(entry);
        }

        seen.current = log.head;
        if (fresh.length > 0) setReplies((before) => [...before, ...fresh.filter((entry) => !before.some((one) => one.sequence === entry.sequence))]);
        redraw((count) => count + 1);
      });
    });
  }, [room, root]);

  const pending = room.log.pending.filter((entry) => entry.attributes.thread === root);
  const shown = [...replies.map((entry) => room.log.at(entry.sequence) ?? entry), ...pending];
  useEffect(() => {
    if (isAtEnd.current && list.current !== null) list.current.scrollTop = list.current.scrollHeight;
  }, [shown.length]);

  const current = room.log.at(root) ?? first;
  return (
    <>
      <div class="aside-body thread" ref={list} tabIndex={0} role="group" aria-label="Messages of the thread" onScroll={(event) => { const box = event.currentTarget; isAtEnd.current = box.scrollHeight - box.scrollTop - box.clientHeight < 40; }}>
        {problem !== undefined && <p class="notice" role="alert">{problem}</p>}
        {current === undefined && problem === undefined && <div class="center-spinner"><div class="spinner" /></div>}
        {current !== null && current !== undefined && drawer.draw(current, undefined)}
        {current !== undefined && <div class="thread-count"><span>{shown.length === 0 ? "No replies yet" : shown.length === 1 ? "1 reply" : `${shown.length} replies`}</span></div>}
        {shown.map((entry, index) => drawer.draw(entry, shown[index - 1] ?? current ?? undefined))}
      </div>
      {room.canWrite.value && <footer class="room-foot"><Composer room={room} thread={root} files={files} setFiles={setFiles} onSent={() => (isAtEnd.current = true)} /></footer>}
    </>
  );
}
