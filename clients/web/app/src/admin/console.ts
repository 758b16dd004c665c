import { signal } from "@preact/signals";
import { CloseCode, ConnectionError, ErrorCode, FastChatClient, Operator, RequestError } from "@fastchat/client";
import { explain } from "../model/problems.ts";
import { serverUrl } from "../model/server.ts";
import { Watch } from "./Watch.ts";

/** Whether an operator is signed in, in this tab. */
export type Console =
  | { readonly state: "starting" }
  | { readonly state: "out"; readonly reason: string | undefined }
  | { readonly state: "in"; readonly client: FastChatClient; readonly operator: Operator; readonly watch: Watch };

export const operatorConsole = signal<Console>({ state: "starting" });

/** The token lives as long as the tab, and no other tab sees it: what it opens is too much to be left in a browser. */
const KEY = "fastchat.operator";

/** Takes up what this tab had before it was loaded again. */
export function resume(): void {
  const token = sessionStorage.getItem(KEY);
  if (token === null) {
    operatorConsole.value = { state: "out", reason: undefined };
    return;
  }

  begin(FastChatClient.start(options(token)));
}

/** Signs in with an operator's token. @throws why not, for {@link explain}. */
export async function signIn(token: string): Promise<void> {
  const client = await FastChatClient.connect(options(token));
  try {
    // The broker decides, and not only here but at each request: a token of somebody else opens this page, and nothing behind it.
    await new Operator(client).getStats();
  } catch (error) {
    await client.close();
    throw error instanceof RequestError && error.code === ErrorCode.Forbidden ? new Error(`${client.identity?.name ?? "This account"} is no operator.`) : error;
  }

  sessionStorage.setItem(KEY, token);
  begin(client);
}

/** Forgets the token in this tab. The token itself stays good: it is a file of the broker's. */
export async function signOut(reason?: string): Promise<void> {
  const current = operatorConsole.peek();
  sessionStorage.removeItem(KEY);
  operatorConsole.value = { state: "out", reason };
  if (current.state !== "in") return;
  current.watch.stop();
  await current.client.close();
}

function options(token: string): Parameters<typeof FastChatClient.start>[0] {
  const url = serverUrl();
  return { ...(url === undefined ? {} : { url }), token, clientName: "FastChat operator's page", signals: false };
}

function begin(client: FastChatClient): void {
  const operator = new Operator(client);
  const watch = new Watch(client, operator);
  operatorConsole.value = { state: "in", client, operator, watch };
  watch.start((error) => {
    if (error instanceof RequestError && error.code === ErrorCode.Forbidden) void signOut("This account is no operator.");
  });
  void client.closed.then((state) => {
    const current = operatorConsole.peek();
    if (current.state !== "in" || current.client !== client) return;
    const last = state.lastClose;
    void signOut(last?.code === CloseCode.TokenInvalid ? "The token is not valid any more." : last === undefined ? undefined : explain(new ConnectionError(last, true)));
  });
}
