/**
 * What others wrote, made harmless for showing (protocol.md §5.2): control characters and characters that turn the direction of what follows become signs of their own. Everything else stays as it is; that it cannot break
 * the layout is the styles' business.
 */

// Control characters but tab and line feed, and the embeddings, overrides and isolates of bidirectional text.
// eslint-disable-next-line no-control-regex
const HARMFUL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\ufff9-\ufffb]/g;

/** A text of several lines. */
export function shownText(text: string): string {
  return text.replace(/\r\n?/g, "\n").replace(HARMFUL, (sign) => {
    const code = sign.charCodeAt(0);
    // The pictures of control characters; a box for the others.
    return code < 0x20 ? String.fromCharCode(0x2400 + code) : code === 0x7f ? "\u2421" : "\u25a1";
  });
}

/** A name or a title: one line. */
export function shownLine(text: string): string {
  return shownText(text).replace(/[\n\t]+/g, " ");
}

/** A piece of a message: words, an address, code. */
export type TextPart =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "link"; readonly text: string; readonly href: string }
  | { readonly kind: "mention"; readonly text: string; readonly name: string }
  | { readonly kind: "code"; readonly text: string }
  | { readonly kind: "block"; readonly text: string };

const PATTERN = /```\n?([\s\S]+?)```|`([^`\n]+)`|\b(https?:\/\/[^\s<>"'`\u25a1\u2400-\u2426]{1,2000})|(^|[\s([{])@([A-Za-z0-9][A-Za-z0-9._-]{0,63})/g;

/** Takes a text apart. Addresses are only http and https, and what is shown of one is what it leads to. */
export function partsOf(text: string): TextPart[] {
  const parts: TextPart[] = [];
  let done = 0;
  const add = (part: TextPart): void => void (part.text !== "" && parts.push(part));
  for (const match of text.matchAll(PATTERN)) {
    const at = match.index;
    if (at < done) continue;
    const [whole, block, code, address, before, name] = match;
    if (block !== undefined) {
      add({ kind: "text", text: text.slice(done, at).replace(/\n$/, "") });
      add({ kind: "block", text: block.replace(/\n$/, "") });
      done = at + whole.length;
      if (text[done] === "\n") done++;
    } else if (code !== undefined) {
      add({ kind: "text", text: text.slice(done, at) });
      add({ kind: "code", text: code });
      done = at + whole.length;
    } else if (address !== undefined) {
      const link = trimAddress(address);
      const href = hrefOf(link);
      if (href === undefined) continue;
      add({ kind: "text", text: text.slice(done, at) });
      add({ kind: "link", text: link, href });
      done = at + link.length;
    } else if (name !== undefined) {
      const trimmed = name.replace(/[._-]+$/, "");
      const start = at + (before?.length ?? 0);
      add({ kind: "text", text: text.slice(done, start) });
      add({ kind: "mention", text: `@${trimmed}`, name: trimmed });
      done = start + 1 + trimmed.length;
    }
  }

  add({ kind: "text", text: text.slice(done) });
  return parts;
}

/** Punctuation behind an address belongs to the sentence; a closing bracket does when the address did not open it. */
function trimAddress(address: string): string {
  const count = (sign: string): number => address.split(sign).length - 1;
  const surplus: Record<string, number> = { ")": count(")") - count("("), "]": count("]") - count("[") };
  let end = address.length;
  for (; end > 0; end--) {
    const last = address[end - 1]!;
    if (".,;:!?".includes(last)) continue;
    if ((surplus[last] ?? 0) <= 0) break;
    surplus[last] = surplus[last]! - 1;
  }

  return address.slice(0, end);
}

function hrefOf(address: string): string | undefined {
  try {
    const url = new URL(address);
    // Whoever wrote name:password@ wants to be taken for somebody else.
    return (url.protocol === "https:" || url.protocol === "http:") && url.username === "" && url.password === "" && url.hostname !== "" ? url.href : undefined;
  } catch {
    return undefined;
  }
}

const ONLY_EMOJI = /^(?:[\p{Extended_Pictographic}\u{1f1e6}-\u{1f1ff}][\u{1f3fb}-\u{1f3ff}\u200d\ufe0f\u20e3]*\s*){1,12}$/u;

/** True for a message of a few pictures and nothing else, which are shown larger. */
export function isOnlyEmoji(text: string): boolean {
  return text.length <= 80 && ONLY_EMOJI.test(text.trim());
}
