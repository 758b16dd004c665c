import type { JSX } from "preact";
import { isOnlyEmoji, partsOf, shownText } from "./safeText.ts";
import { useChat } from "./state.ts";

/** What somebody said. Text stays text: it becomes nodes with words in them, and never markup. */
export function MessageText({ text }: { text: string }): JSX.Element {
  const chat = useChat();
  const shown = shownText(text);
  const own = chat.name.toLowerCase();
  return (
    <p class={isOnlyEmoji(shown) ? "text large" : "text"} dir="auto">
      {partsOf(shown).map((part, index) => {
        switch (part.kind) {
          case "link":
            return <a key={index} href={part.href} target="_blank" rel="noopener noreferrer nofollow">{part.text}</a>;
          case "mention":
            return <span key={index} class={part.name.toLowerCase() === own ? "mention self" : "mention"}>{part.text}</span>;
          case "code":
            return <code key={index}>{part.text}</code>;
          case "block":
            return <code key={index} class="block" dir="ltr">{part.text}</code>;
          default:
            return part.text;
        }
      })}
    </p>
  );
}
