import { signal } from "@preact/signals";

/**
 * Where the user is, as the part of the address behind the #: nothing of it is ever sent to a server, so an invitation in it stays between the two browsers.
 *
 *     #/c/<conversation>            a conversation
 *     #/c/<conversation>/<sequence> … and a message in it
 *     #/room/<name>                 a room by its name
 *     #/join/<link>                 an invitation
 */
export type Route =
  | { readonly page: "none" }
  | { readonly page: "conversation"; readonly conversation: string; readonly sequence: number | undefined }
  | { readonly page: "room"; readonly name: string }
  | { readonly page: "join"; readonly link: string };

export const route = signal<Route>(parse(location.hash));

window.addEventListener("hashchange", () => (route.value = parse(location.hash)));

export function parse(hash: string): Route {
  const parts = hash.replace(/^#\/?/, "").split("/");
  const [page, first = "", second] = parts;
  if (page === "c" && /^[0-9a-f]{32}$/.test(first)) {
    const sequence = Number(second);
    return { page: "conversation", conversation: first, sequence: Number.isSafeInteger(sequence) && sequence > 0 ? sequence : undefined };
  }

  if (page === "room" && /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(first)) return { page: "room", name: first };
  if (page === "join" && /^[A-Za-z0-9_-]{20,64}$/.test(first)) return { page: "join", link: first };
  return { page: "none" };
}

/** Goes somewhere. Going back leads to where one was. */
export function go(hash: string, options: { replace?: boolean } = {}): void {
  if (options.replace === true) {
    history.replaceState(null, "", hash);
    route.value = parse(hash);
  } else if (location.hash !== hash) {
    location.hash = hash;
  }
}

export function toConversation(conversation: string, sequence?: number): string {
  return sequence === undefined ? `#/c/${conversation}` : `#/c/${conversation}/${sequence}`;
}
