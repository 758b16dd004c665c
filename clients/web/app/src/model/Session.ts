import { signal } from "@preact/signals";
import { BrowserOutboxStore, BrowserTokenStore, ConnectionError, FastChatClient } from "@fastchat/client";
import { Chat } from "./Chat.ts";
import { explain } from "./problems.ts";

/** Whether somebody is signed in, and as whom. */
export type Session =
  | { readonly state: "starting" }
  | { readonly state: "out"; readonly reason: string | undefined }
  | { readonly state: "in"; readonly chat: Chat };

export const session = signal<Session>({ state: "starting" });

/** Where the broker is: where the page comes from, unless the page says otherwise. */
export function serverUrl(): string | undefined {
  const said = document.querySelector<HTMLMetaElement>('meta[name="fastchat-server"]')?.content;
  return said === undefined || said === "" ? undefined : said;
}

const tokens = new BrowserTokenStore();
const outbox = new BrowserOutboxStore();

const CLIENT_NAME = `FastChat web, ${browserName()}`;

/** Takes up what was left, if somebody is signed in on this device. */
export async function resume(): Promise<void> {
  if ((await tokens.peek()) === undefined) {
    session.value = { state: "out", reason: undefined };
    return;
  }

  try {
    await begin({});
  } catch (error) {
    if (error instanceof ConnectionError && error.close.advice === "never") await tokens.clear();
    session.value = { state: "out", reason: explain(error) };
  }
}

/** Signs in, or makes an account first. @throws why not, for {@link explain}. */
export async function signIn(name: string, password: string, register: boolean): Promise<void> {
  await begin({ name, password, register });
}

async function begin(how: { name?: string; password?: string; register?: boolean }): Promise<void> {
  const url = serverUrl();
  const client = await FastChatClient.connect({
    ...(url === undefined ? {} : { url }),
    ...how,
    tokenStore: tokens,
    outbox,
    clientName: CLIENT_NAME,
    // With a password the first answer counts; who is signed in already waits for the broker as long as it takes.
    reconnect: how.name === undefined ? {} : { attemptsMax: Infinity },
  });
  const chat = new Chat(client);
  session.value = { state: "in", chat };
  client.on("state", (state) => {
    if (state.phase !== "closed" || session.peek().state !== "in") return;
    chat.stop();
    if (state.lastClose?.advice === "never") void tokens.clear();
    session.value = { state: "out", reason: state.lastClose === undefined ? undefined : explain(new ConnectionError(state.lastClose, true)) };
  });
  await chat.start();
}

/** Ends this device: nobody signs in with what is stored here any more. */
export async function signOut(): Promise<void> {
  const current = session.peek();
  if (current.state !== "in") return;
  current.chat.stop();
  session.value = { state: "out", reason: undefined };
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
