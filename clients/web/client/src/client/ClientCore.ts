import { ControlMap } from "../protocol/control/ControlMap.js";
import type { FrameType } from "../protocol/FrameType.js";
import { ProtocolLimits } from "../protocol/ProtocolLimits.js";
import type { ClientSession } from "./ClientSession.js";

/** What every request takes. */
export interface RequestOptions {
  /** Stops waiting for the answer: what was asked may be done all the same. */
  readonly signal?: AbortSignal;
}

/** What a request for a page takes. */
export interface PageOptions<T> extends RequestOptions {
  /** `next` of the previous page; absent = from the start. */
  readonly after?: T | undefined;
  /** Entries at the most; absent = as many as the broker gives. */
  readonly limit?: number;
}

/** The session that every layer of {@link FastChatClient} asks through. The layers are there to have a file for each subject; their order means nothing. */
export abstract class ClientCore {
  /** @internal */
  readonly session: ClientSession;

  protected constructor(session: ClientSession) {
    this.session = session;
  }

  /**
   * Asks a control request. One that may be repeated without harm is asked again by itself when the connection breaks; any other one fails with {@link ConnectionError} then, its outcome unknown.
   * @internal
   */
  ask<T>(type: FrameType, body: ControlMap, parse: (reply: ControlMap) => T, options: RequestOptions = {}, isRepeatable = true): Promise<T> {
    return this.session.control(type, body, parse, isRepeatable, options.signal);
  }
}

/** A body that names a conversation. */
export function ofConversation(conversation: string | undefined): ControlMap {
  return new ControlMap().setId("conversation", conversation);
}

/** A body that asks for a page whose entries are ordered by id. */
export function pageBody(options: PageOptions<string>): ControlMap {
  return new ControlMap().setId("after", options.after).set("limit", options.limit);
}

/** Where the page behind this one begins: `next` where the broker names it, else behind the last entry; undefined on the last page. */
export function nextOf<T>(reply: ControlMap, last: T | undefined): T | undefined {
  return reply.flag("complete") ? undefined : (reply.optionalId("next") as T | undefined) ?? last;
}

/** Asks about any number of things, as many at a time as one request holds. */
export async function inParts<In, Out>(all: readonly In[], ask: (part: readonly In[]) => Promise<readonly Out[]>): Promise<Out[]> {
  const answers: Out[] = [];
  for (let at = 0; at < all.length; at += ProtocolLimits.controlArrayMax) {
    answers.push(...(await ask(all.slice(at, at + ProtocolLimits.controlArrayMax))));
  }

  return answers;
}
