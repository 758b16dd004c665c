import { ControlMap } from "../../protocol/control/ControlMap.js";
import type { Presence } from "../../protocol/frames/Presence.js";
import { FrameType } from "../../protocol/FrameType.js";
import type { ConversationId } from "../../protocol/primitives/Ids.js";
import { ConnectionError, RequestError } from "../ClientError.js";
import type { CloseReason } from "../ConnectionState.js";
import type { PresenceUpdate } from "../Pages.js";
import { MapRequest } from "../requests/PendingRequest.js";
import type { RequestTable } from "../requests/RequestTable.js";
import { parseSnapshot, PresenceWatch } from "./PresenceWatch.js";

/** The watches of a client and the order of their requests: per conversation and connection watch, unwatch, watch, … */
export class PresenceTable {
  readonly #watches = new Map<ConversationId, PresenceWatch>();
  readonly #requests: RequestTable;
  readonly #retryLater: (watch: PresenceWatch, error: RequestError) => void;
  #connection = 0;
  #ended: CloseReason | undefined;

  constructor(requests: RequestTable, retryLater: (watch: PresenceWatch, error: RequestError) => void) {
    this.#requests = requests;
    this.#retryLater = retryLater;
  }

  /** A Presence frame came; of a conversation that nobody watches any more it says nothing. */
  onPresence(presence: Presence): void {
    this.#watches.get(presence.conversation)?.onPresence(presence);
  }

  /** Watches for as long as the caller enumerates. */
  async *watch(conversation: ConversationId, signal?: AbortSignal): AsyncGenerator<PresenceUpdate, void, undefined> {
    if (this.#ended !== undefined) {
      throw new ConnectionError(this.#ended, true);
    }

    if (this.#watches.has(conversation)) {
      throw new Error(`conversation ${conversation} is being watched already: a client watches a conversation once`);
    }

    const watch = new PresenceWatch(conversation);
    this.#watches.set(conversation, watch);
    this.#ask(watch);
    try {
      for (;;) {
        signal?.throwIfAborted();

        // The end is read first: it is set behind the last change.
        const hasEnded = watch.hasEnded;
        const update = watch.take();
        if (update !== undefined) {
          yield update;
        } else if (hasEnded) {
          return;
        } else {
          await watch.news.wait(signal);
        }
      }
    } finally {
      this.#watches.delete(conversation);
      if (this.#connection !== 0) {
        this.#send(conversation, false).catch(() => {
          // The watch is over either way.
        });
      }
    }
  }

  /** Asks again after a failure that may have passed; does nothing when the application stopped watching or a new connection asked already. */
  retry(watch: PresenceWatch, connection: number): void {
    if (this.#connection === connection && this.#watches.get(watch.conversation) === watch) {
      this.#ask(watch);
    }
  }

  /** Signed in: every watch begins anew. */
  onConnected(connection: number): void {
    this.#connection = connection;
    for (const watch of this.#watches.values()) {
      this.#ask(watch);
    }
  }

  /** The connection ended. */
  onBreak(): void {
    this.#connection = 0;
    for (const watch of this.#watches.values()) {
      watch.suspend();
    }
  }

  /** The client ended. */
  failAll(reason: CloseReason): void {
    this.#ended = reason;
    for (const watch of this.#watches.values()) {
      watch.finish(new ConnectionError(reason, true));
    }
  }

  #ask(watch: PresenceWatch): void {
    if (this.#connection === 0 || watch.hasEnded) {
      return;
    }

    this.#send(watch.conversation, undefined, (reply) => {
      // The snapshot is taken as the frame is read: a Presence frame behind it must find it there.
      if (this.#watches.get(watch.conversation) === watch) {
        watch.onSnapshot(parseSnapshot(reply));
      }
    }).catch((error: unknown) => {
      if (error instanceof RequestError) {
        if (error.isRetryable) {
          this.#retryLater(watch, error);
        } else {
          watch.finish(error);
        }
      }
    });
  }

  #send(conversation: ConversationId, watch: boolean | undefined, parse: (reply: ControlMap) => void = () => undefined): Promise<void> {
    const body = new ControlMap().setId("conversation", conversation).set("watch", watch);
    const request = new MapRequest(FrameType.WatchPresence, body.toBytes(), parse, false, undefined, this.#connection);
    this.#requests.add(request);
    return request.result;
  }
}
