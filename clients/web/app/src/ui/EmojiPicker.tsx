import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { findEmoji } from "./emoji.ts";

const COLUMNS = 8;

/** True for what the broker takes as a reaction. */
function isReaction(text: string): boolean {
  return text !== "" && new TextEncoder().encode(text).length <= 64;
}

/** Pictures to choose from, by looking, by word, or by arrow keys; and anything else that somebody types. */
export function EmojiPicker({ choose, allowsText }: { choose: (emoji: string) => void; allowsText: boolean }): JSX.Element {
  const [query, setQuery] = useState("");
  const found = findEmoji(query);
  const typed = query.trim();
  const isTyped = allowsText && found.length === 0 && isReaction(typed);

  function onKeyDown(event: KeyboardEvent): void {
    const buttons = [...(event.currentTarget as HTMLElement).querySelectorAll<HTMLButtonElement>(".emoji-grid button")];
    const at = buttons.indexOf(document.activeElement as HTMLButtonElement);
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : event.key === "ArrowDown" ? (at < 0 ? 1 : COLUMNS) : event.key === "ArrowUp" ? -COLUMNS : 0;
    if (step === 0 || (at < 0 && event.key !== "ArrowDown")) {
      if (event.key === "Enter" && at < 0) {
        event.preventDefault();
        // By what is written, and not by what was drawn last: a fast typist is ahead of it.
        const written = (event.target as HTMLInputElement).value;
        const first = findEmoji(written)[0]?.[0] ?? (allowsText && isReaction(written.trim()) ? written.trim() : undefined);
        if (first !== undefined) choose(first);
      }

      return;
    }

    event.preventDefault();
    buttons[Math.min(buttons.length - 1, Math.max(0, at + step))]?.focus();
  }

  return (
    <div class="emoji-picker" role="dialog" aria-label="Choose a picture" onKeyDown={onKeyDown}>
      <input class="input" type="search" placeholder={allowsText ? "Search, or type a reaction" : "Search"} aria-label="Search" value={query} onInput={(event) => setQuery(event.currentTarget.value)} autoFocus />
      <div class="emoji-grid">
        {found.map(([emoji, words]) => <button type="button" key={emoji} aria-label={words} title={words.split(" ")[0]} onClick={() => choose(emoji)}>{emoji}</button>)}
        {isTyped && <button type="button" class="typed" onClick={() => choose(typed)}>{typed}</button>}
        {found.length === 0 && !isTyped && <p class="hint">Nothing of that name</p>}
      </div>
    </div>
  );
}
