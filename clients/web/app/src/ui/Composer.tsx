import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { rankOf, type UserId } from "@fastchat/client";
import { explain } from "../model/problems.ts";
import type { Room } from "../model/Room.ts";
import { EmojiPicker } from "./EmojiPicker.tsx";
import { Icon } from "./icons.tsx";
import { type Candidate, candidatesFor, membersOf, mentionsIn } from "./mentions.ts";
import { canEdit, startEdit } from "./messageActions.tsx";
import { Avatar, ColoredName, useRoomTitle } from "./people.tsx";
import { openPopover } from "./Popover.tsx";
import { shownLine } from "./safeText.ts";
import { intent, say, useChat } from "./state.ts";
import { fileSize } from "./times.ts";

const ATTACHMENTS_MAX = 10;
/** On a screen keyboard, Enter is a new line and the button sends. */
const isTouch = matchMedia("(pointer: coarse)").matches;

interface Props {
  room: Room;
  files: readonly File[];
  setFiles: (files: readonly File[]) => void;
  onSent: () => void;
  /** In the panel of a thread: what is written belongs to it. */
  thread?: number;
}

/** The field to write in. */
export function Composer({ room, files, setFiles, onSent, thread }: Props): JSX.Element {
  const chat = useChat();
  const isThread = thread !== undefined;
  const field = useRef<HTMLTextAreaElement>(null);
  const picker = useRef<HTMLInputElement>(null);
  const [text, setText] = useState(isThread ? "" : room.draft.peek());
  const [found, setFound] = useState<{ at: number; candidates: readonly Candidate[]; selected: number } | undefined>(undefined);
  const title = useRoomTitle(room);
  const current = !isThread && intent.value?.room === room ? intent.value : undefined;
  const isEditing = current?.kind === "edit";
  const id = isThread ? "thread-composer" : "composer";

  useEffect(() => {
    if (!isThread) room.draft.value = isEditing ? "" : text;
  }, [text, isEditing]);

  // What is to be changed comes into the field at once, and not with the next frame: keys may follow. What was being written comes back afterwards.
  const kept = useRef("");
  useEffect(() => {
    if (isThread) return;
    let edited: string | undefined;
    return intent.subscribe((wanted) => {
      const key = wanted?.kind === "edit" && wanted.room === room ? wanted.entry.key : undefined;
      if (key === edited) return;
      const element = field.current!;
      if (edited === undefined) kept.current = element.value;
      element.value = key === undefined ? kept.current : (wanted?.entry.text ?? "");
      edited = key;
      setText(element.value);
      element.setSelectionRange(element.value.length, element.value.length);
    });
  }, [room]);

  // As high as what is in it, up to a third of the window.
  useLayoutEffect(() => {
    const element = field.current!;
    element.style.height = "auto";
    element.style.height = `${Math.min(element.scrollHeight, innerHeight / 3)}px`;
  }, [text]);

  useEffect(() => {
    if (!isTouch) field.current?.focus({ preventScroll: true });
    void membersOf(chat, room);
  }, [room]);

  function add(more: readonly File[]): void {
    if (!isSecureContext) {
      say("Files can be sent from a page that came over HTTPS, or from this machine.", true);
      return;
    }

    const all = [...files, ...more].filter((file) => file.size > 0 || file.type !== "");
    if (all.length > ATTACHMENTS_MAX) say(`At most ${ATTACHMENTS_MAX} files go with a message.`, true);
    setFiles(all.slice(0, ATTACHMENTS_MAX));
  }

  function onInput(value: string, caret: number): void {
    setText(value);
    if (value.trim() !== "") chat.client.signalTyping(room.id, "typing");
    else chat.client.signalTyping(room.id, "stopped");
    const match = /(?:^|[\s(])@([A-Za-z0-9._-]{0,64})$/.exec(value.slice(0, caret));
    if (match === null) {
      setFound(undefined);
      return;
    }

    const query = match[1]!;
    // What was found for fewer letters and does not fit any more goes at once: Enter must not choose it while the others are looked for.
    const fits = (one: Candidate): boolean => [one.name, one.shown].some((name) => name.toLowerCase().startsWith(query.toLowerCase()));
    setFound((before) => {
      const candidates = before?.candidates.filter(fits) ?? [];
      return candidates.length === 0 ? undefined : { at: caret - query.length, candidates, selected: 0 };
    });
    const canAll = rankOf(room.info.peek().role) >= rankOf("moderator");
    void candidatesFor(chat, room, query, canAll).then((candidates) => {
      setFound(candidates.length === 0 || field.current?.value !== value ? undefined : { at: caret - query.length, candidates, selected: 0 });
    });
  }

  /** Puts something into the field and the caret behind it, at once: who types on is not waited for. */
  function insert(inserted: string, from: number, to: number): void {
    const element = field.current!;
    element.setRangeText(inserted, from, to, "end");
    element.focus();
    setText(element.value);
  }

  function complete(candidate: Candidate): void {
    insert(`${candidate.name} `, found!.at, field.current!.selectionStart);
    setFound(undefined);
  }

  async function send(): Promise<void> {
    // What is in the field, and not what was drawn last: a fast typist is ahead of it by a letter.
    const said = field.current!.value.replace(/\s+$/, "");
    if (isEditing) {
      const { entry } = current;
      if (said === "") return;
      intent.value = undefined;
      if (said === entry.text) return;
      const { mentions } = await mentionsIn(chat, room, said);
      try {
        await chat.client.edit(room.id, entry.sequence, said, mentions.length > 0 ? { attributes: { mentions } } : {});
      } catch (error) {
        say(explain(error), true);
      }

      return;
    }

    if (said === "" && files.length === 0) return;
    if (new TextEncoder().encode(said).length > chat.client.bodySizeMax - 4200) {
      say("The message is too long. Send it as a file.", true);
      return;
    }

    const replyTo = current?.kind === "reply" ? current.entry.sequence : undefined;
    const attached = files;
    kept.current = "";
    field.current!.value = "";
    setText("");
    setFiles([]);
    setFound(undefined);
    intent.value = undefined;
    chat.client.signalTyping(room.id, "stopped");
    const { mentions, mentionsAll } = said.includes("@") ? await mentionsIn(chat, room, said) : { mentions: [], mentionsAll: false };
    if (!isThread) room.newFrom.value = 0;
    chat.send(room, { text: said, replyTo, thread, mentions, mentionsAll, files: attached });
    onSent();
  }

  function onKeyDown(event: KeyboardEvent): void {
    if (event.isComposing) return;
    if (found !== undefined) {
      const { candidates, selected } = found;
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        setFound({ ...found, selected: (selected + (event.key === "ArrowDown" ? 1 : -1) + candidates.length) % candidates.length });
        return;
      }

      if (event.key === "Tab" || event.key === "Enter") {
        event.preventDefault();
        complete(candidates[selected]!);
        return;
      }

      if (event.key === "Escape") {
        event.preventDefault();
        setFound(undefined);
        return;
      }
    }

    if (event.key === "Enter" && !event.shiftKey && (!isTouch || event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      void send();
    } else if (event.key === "Escape" && current !== undefined) {
      event.preventDefault();
      intent.value = undefined;
    } else if (event.key === "ArrowUp" && field.current!.value === "" && !isThread && !event.altKey) {
      const own = room.log.findLast((entry) => canEdit(chat, room, entry));
      if (own !== undefined) {
        event.preventDefault();
        startEdit(room, own);
      }
    }
  }

  const listId = `${id}-people`;
  return (
    <div class="composer">
      {current !== undefined && (
        <div class="composer-intent">
          <Icon name={isEditing ? "edit" : "reply"} small />
          <span class="composer-intent-text">{isEditing ? "Editing your message" : <>Answering <ColoredName user={current.entry.sender} />: <span dir="auto">{shownLine(current.entry.text ?? "").slice(0, 120)}</span></>}</span>
          <button type="button" class="icon-button small" aria-label={isEditing ? "Stop editing" : "Do not answer"} title="Esc" onClick={() => (intent.value = undefined)}><Icon name="close" small /></button>
        </div>
      )}
      {files.length > 0 && (
        <ul class="composer-files" aria-label="Files to be sent">
          {files.map((file, index) => (
            <li class="file" key={`${file.name}-${index}`}>
              <Icon name="file" small /><span class="file-text"><bdi class="file-name">{shownLine(file.name)}</bdi><span class="hint">{fileSize(file.size)}</span></span>
              <button type="button" class="icon-button small" aria-label={`Do not send ${shownLine(file.name)}`} onClick={() => setFiles(files.filter((one) => one !== file))}><Icon name="close" small /></button>
            </li>
          ))}
        </ul>
      )}
      {found !== undefined && (
        <ul class="completion" role="listbox" id={listId} aria-label="People">
          {found.candidates.map((candidate, index) => (
            <li
              key={candidate.name} id={`${listId}-${index}`} role="option" aria-selected={index === found.selected} onPointerDown={(event) => { event.preventDefault(); complete(candidate); }}
              onPointerEnter={() => setFound({ ...found, selected: index })}
            >
              {candidate.user === undefined ? <span class="avatar s square"><Icon name="people" small /></span> : <Avatar user={candidate.user as UserId} size="s" />}
              <bdi class="completion-name">{shownLine(candidate.shown)}</bdi>{candidate.shown !== candidate.name && <span class="hint">@{candidate.name}</span>}
            </li>
          ))}
        </ul>
      )}
      <div class="composer-row">
        {!isEditing && <button type="button" class="icon-button" aria-label="Attach files" title="Attach files" onClick={() => picker.current!.click()}><Icon name="paperclip" /></button>}
        <input ref={picker} type="file" multiple hidden tabIndex={-1} aria-label="Files" onChange={(event) => { add([...(event.currentTarget.files ?? [])]); event.currentTarget.value = ""; }} />
        <textarea
          ref={field} id={id} class="composer-field" rows={1} value={text} placeholder={isThread ? "Reply in the thread" : `Message ${title}`} aria-label={isThread ? "Reply in the thread" : `Message ${title}`}
          dir="auto" autocomplete="off" enterkeyhint={isTouch ? "enter" : "send"} {...{ role: "combobox" as "textbox" }}
          aria-expanded={found !== undefined} aria-haspopup="listbox" aria-controls={found === undefined ? undefined : listId} aria-autocomplete="list"
          aria-activedescendant={found === undefined ? undefined : `${listId}-${found.selected}`}
          onInput={(event) => onInput(event.currentTarget.value, event.currentTarget.selectionStart)} onKeyDown={onKeyDown} onBlur={() => setFound(undefined)}
          onPaste={(event) => {
            const pasted = [...(event.clipboardData?.files ?? [])];
            if (pasted.length > 0) {
              event.preventDefault();
              add(pasted);
            }
          }}
        />
        <button
          type="button" class="icon-button" aria-label="Add a picture" title="Add a picture" onClick={(event) => openPopover(event.currentTarget, (close) => (
            <EmojiPicker
              allowsText={false} choose={(emoji) => {
                close();
                insert(emoji, field.current!.selectionStart, field.current!.selectionEnd);
              }}
            />
          ))}
        >
          <Icon name="smile" />
        </button>
        <button type="button" class="send" aria-label={isEditing ? "Save" : "Send"} title={isEditing ? "Save (Enter)" : "Send (Enter)"} disabled={text.trim() === "" && files.length === 0} onClick={() => void send()}>
          <Icon name={isEditing ? "check" : "send"} />
        </button>
      </div>
    </div>
  );
}
