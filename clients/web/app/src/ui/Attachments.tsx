import { signal, type Signal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { AttachmentId, MessageAttachment } from "@fastchat/client";
import type { Chat } from "../model/Chat.ts";
import type { Entry } from "../model/Entry.ts";
import { explain } from "../model/problems.ts";
import type { Room } from "../model/Room.ts";
import { Icon } from "./icons.tsx";
import { shownLine } from "./safeText.ts";
import { dialog, say, useChat } from "./state.ts";
import { fileSize } from "./times.ts";

/** Pictures that a browser draws without running anything; SVG is not among them. The sender's word is enough: what is none is not drawn. */
const PICTURES = new Set(["image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/bmp"]);
/** Pictures up to this size are fetched when they come into view. */
const PREVIEW_BYTES_MAX = 12_000_000;
const PREVIEWS_MAX = 80;

/** Pictures that were fetched, by their content; the oldest go first. */
const previews = new Map<AttachmentId, Signal<string | undefined | null>>();

function previewOf(chat: Chat, room: Room, entry: Entry, attachment: MessageAttachment): Signal<string | undefined | null> {
  let known = previews.get(attachment.id);
  if (known === undefined) {
    known = signal<string | undefined | null>(undefined);
    previews.set(attachment.id, known);
    const state = known;
    void chat.client.download(room.id, entry.sequence, attachment).then(
      // Of the type that it is drawn as, whatever else the sender said.
      (blob) => (state.value = URL.createObjectURL(new Blob([blob], { type: attachment.mediaType }))),
      () => {
        state.value = null;
        previews.delete(attachment.id);
      },
    );
    if (previews.size > PREVIEWS_MAX) {
      const [oldest] = previews;
      if (oldest !== undefined) {
        previews.delete(oldest[0]);
        const url = oldest[1].peek();
        if (url) URL.revokeObjectURL(url);
      }
    }
  }

  return known;
}

export function Attachments({ room, entry, attachments }: { room: Room; entry: Entry; attachments: readonly MessageAttachment[] }): JSX.Element | null {
  const chat = useChat();
  const upload = entry.delivery === "uploading" ? chat.uploads.value.get(entry.key) : undefined;
  if (attachments.length === 0 && upload === undefined) return null;
  return (
    <div class="attachments">
      {attachments.map((attachment) =>
        PICTURES.has(attachment.mediaType) && attachment.size <= PREVIEW_BYTES_MAX && entry.sequence > 0
          ? <Picture key={attachment.id} room={room} entry={entry} attachment={attachment} />
          : <File key={attachment.id} room={room} entry={entry} attachment={attachment} />)}
      {upload !== undefined && (
        <div class="file">
          <Icon name="file" />
          <span class="file-text"><bdi class="file-name">{shownLine(upload.name)}</bdi><progress value={upload.done} max={Math.max(1, upload.total)} aria-label={`Sending ${shownLine(upload.name)}`} /></span>
          <span class="hint">{upload.total > 0 ? Math.floor((upload.done / upload.total) * 100) : 0} %</span>
        </div>
      )}
    </div>
  );
}

function Picture({ room, entry, attachment }: { room: Room; entry: Entry; attachment: MessageAttachment }): JSX.Element {
  const chat = useChat();
  const place = useRef<HTMLDivElement>(null);
  const [preview, setPreview] = useState<Signal<string | undefined | null> | undefined>(previews.get(attachment.id));
  const name = shownLine(attachment.name);
  useEffect(() => {
    if (preview !== undefined) return;
    const observer = new IntersectionObserver((seen) => {
      if (seen.some((one) => one.isIntersecting)) {
        observer.disconnect();
        setPreview(previewOf(chat, room, entry, attachment));
      }
    }, { rootMargin: "400px" });
    observer.observe(place.current!);
    return () => observer.disconnect();
  }, [chat, attachment]);
  const url = preview?.value;
  if (url === null) return <File room={room} entry={entry} attachment={attachment} />;
  return (
    <div class="picture" ref={place}>
      {url === undefined ? (
        <div class="picture-wait" role="img" aria-label={`${name} is loading`}><div class="spinner" /></div>
      ) : (
        <button type="button" class="picture-open" aria-label={`Enlarge ${name}`} onClick={() => (dialog.value = { kind: "picture", url, name: attachment.name })}>
          <img src={url} alt={name} decoding="async" draggable={false} onError={() => setPreview(signal(null))} />
        </button>
      )}
      <div class="picture-name"><bdi>{name}</bdi><Download room={room} entry={entry} attachment={attachment} /></div>
    </div>
  );
}

function File({ room, entry, attachment }: { room: Room; entry: Entry; attachment: MessageAttachment }): JSX.Element {
  return (
    <div class="file">
      <Icon name="file" />
      <span class="file-text"><bdi class="file-name">{shownLine(attachment.name)}</bdi><span class="hint">{fileSize(attachment.size)}</span></span>
      {entry.sequence > 0 && <Download room={room} entry={entry} attachment={attachment} />}
    </div>
  );
}

function Download({ room, entry, attachment }: { room: Room; entry: Entry; attachment: MessageAttachment }): JSX.Element {
  const chat = useChat();
  const [done, setDone] = useState<number | undefined>(undefined);
  async function download(): Promise<void> {
    setDone(0);
    try {
      const blob = await chat.client.download(room.id, entry.sequence, attachment, { onProgress: (progress) => setDone(progress.total > 0 ? progress.done / progress.total : 1) });
      save(blob, attachment.name);
    } catch (error) {
      say(explain(error), true);
    }

    setDone(undefined);
  }

  const name = shownLine(attachment.name);
  return (
    <button type="button" class="icon-button small" aria-label={`Download ${name}`} title="Download" disabled={done !== undefined} onClick={() => void download()}>
      {done === undefined ? <Icon name="download" small /> : <span class="hint">{Math.floor(done * 100)}</span>}
    </button>
  );
}

/** Gives a file to the browser to keep. Never opened in the page: its type says nothing but "bytes". */
export function save(blob: Blob, name: string): void {
  const url = URL.createObjectURL(new Blob([blob], { type: "application/octet-stream" }));
  const link = document.createElement("a");
  link.href = url;
  // A name is no path, and what turns its direction does not belong into it: "exe.gpj" would look like a picture.
  link.download = shownLine(name).replace(/[/\\:]/g, "_");
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
