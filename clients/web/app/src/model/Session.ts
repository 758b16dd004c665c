import { signal } from "@preact/signals";
import { type ClientOptions, ConnectionError, type DeviceTokens, FastChatClient, type Identity, IndexedDbOutbox, IndexedDbTokenStore } from "@fastchat/client";
import { Chat } from "./Chat.ts";
import { explain } from "./problems.ts";
import { go } from "./Route.ts";
import { serverUrl } from "./server.ts";

/** Whether somebody is signed in, and as whom. */
export type Session =
  | { readonly state: "starting" }
  | { readonly state: "out"; readonly reason: string | undefined }
  | { readonly state: "in"; readonly chat: Chat };

export const session = signal<Session>({ state: "starting" });

const tokens = new IndexedDbTokenStore();
const outbox = new IndexedDbOutbox();

const CLIENT_NAME = `FastChat web, ${browserName()}`;

/** Takes up what was left, if somebody is signed in on this device: without waiting for the broker, which may be away. */
export async function resume(): Promise<void> {
  let known: DeviceTokens | undefined;
  try {
    known = await tokens.peek();
  } catch {
    // This browser keeps nothing for pages: whoever signs in does so until the page is closed.
  }

  if (known === undefined) {
    session.value = { state: "out", reason: undefined };
    return;
  }

  begin(FastChatClient.start(options()), { user: known.user, name: known.name, device: known.device });
}

/** Signs in, or makes an account first. @throws why not, for {@link explain}. */
export async function signIn(name: string, password: string, register: boolean): Promise<void> {
  const client = await FastChatClient.connect({ ...options(), name, password, register });
  begin(client, client.identity!);
}

function options(): ClientOptions {
  const url = serverUrl();
  return { ...(url === undefined ? {} : { url }), tokenStore: tokens, outbox, clientName: CLIENT_NAME };
}

function begin(client: FastChatClient, identity: Identity): void {
  const chat = new Chat(client, identity);
  session.value = { state: "in", chat };
  void client.closed.then(async (state) => {
    const current = session.peek();
    if (current.state !== "in" || current.chat !== chat) return;
    chat.stop();
    // What signed in is worth nothing any more; what was not sent stays in the outbox for whoever signs in again.
    if (state.lastClose?.advice === "never") await tokens.clear();
    session.value = { state: "out", reason: state.lastClose === undefined ? undefined : explain(new ConnectionError(state.lastClose, true)) };
  });
  void chat.start();
}

/** Ends this device: nobody signs in with what is stored here any more. */
export async function signOut(): Promise<void> {
  const current = session.peek();
  if (current.state !== "in") return;
  current.chat.stop();
  session.value = { state: "out", reason: undefined };
  // Where this user was is nobody else's business.
  go("#/", { replace: true });
  try {
    await current.chat.client.endDevice(current.chat.client.device);
  } catch {
    // Its connection ends with it, and the answer perhaps before it came; without a connection the device goes by itself.
  }

  await tokens.clear();
  await current.chat.client.close();
}

/** A word for the list of devices. */
function browserName(): string {
  const agent = navigator.userAgent;
  const browser = /Edg\//.test(agent) ? "Edge" : /Firefox\//.test(agent) ? "Firefox" : /Chrom(e|ium)\//.test(agent) ? "Chrome" : /Safari\//.test(agent) ? "Safari" : "a browser";
  const system = /Android/.test(agent) ? "Android" : /iPhone|iPad/.test(agent) ? "iOS" : /Windows/.test(agent) ? "Windows" : /Mac OS/.test(agent) ? "macOS" : /Linux/.test(agent) ? "Linux" : "";
  return system === "" ? browser : `${browser} on ${system}`;
}
