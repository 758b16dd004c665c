/** UTF-8, strictly: what is ill-formed is no text, in either direction (protocol.md §5.2). Nothing is replaced, and a byte order mark is a character like any other. */

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The bytes of a text; undefined when it holds a lone surrogate and so has none. */
export function utf8Encode(text: string): Uint8Array<ArrayBuffer> | undefined {
  return isWellFormed(text) ? ENCODER.encode(text) : undefined;
}

/** How many bytes a text has. */
export function utf8Size(text: string): number {
  return ENCODER.encode(text).length;
}

/** The text of bytes; undefined when they are ill-formed. */
export function utf8Decode(bytes: Uint8Array): string | undefined {
  try {
    return DECODER.decode(bytes);
  } catch {
    return undefined;
  }
}

function isWellFormed(text: string): boolean {
  // String.prototype.isWellFormed is younger than the browsers that this library runs in.
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0xd800 && unit <= 0xdfff) {
      const next = text.charCodeAt(i + 1);
      if (unit > 0xdbff || !(next >= 0xdc00 && next <= 0xdfff)) {
        return false;
      }

      i++;
    }
  }

  return true;
}
