import type { ConversationId } from "../../protocol/primitives/Ids.js";
import type { LogPosition } from "../../protocol/primitives/LogPosition.js";
import { AsyncSignal } from "../AsyncSignal.js";
import type { ChatMessage } from "../ChatMessage.js";
import { callSafely, report } from "../Emitter.js";
import type { ConversationReading, ConversationSubscription, SubscriptionHandler } from "../Reading.js";
import type { Subscription, SubscriptionReader } from "./Subscription.js";

/** What readers need of the session. */
export interface ReadingHost {
  begin(conversation: ConversationId, after: LogPosition, reader: SubscriptionReader): Subscription;
  stopReading(subscription: Subscription): void;
  consume(frameBytes: number): void;
  /** Calls back in time for the next frame of the screen. */
  schedule(run: () => void): void;
}

/** Hands batches to a handler: one at a time, at most one for each frame of the screen. */
export class HandlerReader implements SubscriptionReader, ConversationSubscription {
  readonly #host: ReadingHost;
  readonly #handler: SubscriptionHandler;
  readonly #subscription: Subscription;
  #position: LogPosition;
  #isScheduled = false;
  #isBusy = false;
  #isClosed = false;

  constructor(
    host: ReadingHost,
    readonly conversation: ConversationId,
    after: LogPosition,
    handler: SubscriptionHandler,
  ) {
    this.#host = host;
    this.#handler = handler;
    this.#position = after;
    this.#subscription = host.begin(conversation, after, this);
  }

  get position(): LogPosition {
    return this.#position;
  }

  close(): void {
    this.#isClosed = true;
    this.#host.stopReading(this.#subscription);
  }

  onSubscribed(position: LogPosition, head: number): void {
    this.#call(() => this.#handler.onSubscribed?.(position, head));
  }

  onLagged(next: number, head: number): void {
    this.#call(() => this.#handler.onLagged?.(next, head));
  }

  onNews(): void {
    if (!this.#isScheduled && !this.#isBusy && !this.#isClosed) {
      this.#isScheduled = true;
      this.#host.schedule(() => {
        this.#isScheduled = false;
        this.#deliver();
      });
    }
  }

  #deliver(): void {
    if (this.#isClosed || this.#isBusy) {
      return;
    }

    const batch = this.#subscription.take();
    if (batch !== undefined) {
      this.#position = batch.messages.at(-1)!.position;
      const result = callSafely(() => this.#handler.onMessages(batch.messages, this));
      const done = (): void => {
        this.#isBusy = false;
        this.#host.consume(batch.frameBytes);
        this.onNews();
      };
      if (result instanceof Promise) {
        this.#isBusy = true;
        result.catch(report).then(done);
        return;
      }

      this.#host.consume(batch.frameBytes);
    }

    const end = this.#subscription.end;
    if (end !== undefined && !this.#isClosed) {
      this.close();
      callSafely(() => this.#handler.onEnd?.(end));
    }
  }

  #call(callback: () => void): void {
    if (!this.#isClosed) {
      callSafely(callback);
    }
  }
}

/** The same as an enumeration. It begins to read when it is enumerated. */
export class EnumeratingReader implements ConversationReading {
  readonly #host: ReadingHost;
  readonly #signal: AbortSignal | undefined;
  #position: LogPosition;
  #isTaken = false;

  constructor(
    host: ReadingHost,
    readonly conversation: ConversationId,
    after: LogPosition,
    signal: AbortSignal | undefined,
  ) {
    this.#host = host;
    this.#position = after;
    this.#signal = signal;
  }

  get position(): LogPosition {
    return this.#position;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<ChatMessage, void, undefined> {
    for await (const batch of this.#take(false)) {
      for (const message of batch) {
        this.#position = message.position;
        yield message;
      }
    }
  }

  batches(): AsyncIterable<readonly ChatMessage[]> {
    return this.#take(true);
  }

  async *#take(isWhole: boolean): AsyncGenerator<readonly ChatMessage[], void, undefined> {
    if (this.#isTaken) {
      throw new Error(`this reading of conversation ${this.conversation} is being enumerated already`);
    }

    this.#isTaken = true;
    const news = new AsyncSignal();
    const subscription = this.#host.begin(this.conversation, this.#position, { onNews: () => news.raise() });
    try {
      for (;;) {
        this.#signal?.throwIfAborted();
        const batch = subscription.take();
        if (batch !== undefined) {
          try {
            if (isWhole) {
              this.#position = batch.messages.at(-1)!.position;
            }

            yield batch.messages;
          } finally {
            this.#host.consume(batch.frameBytes);
          }

          continue;
        }

        const end = subscription.end;
        if (end?.reason === "removed" || end?.reason === "erased") {
          return;
        }

        if (end !== undefined) {
          throw end.error;
        }

        await news.wait(this.#signal);
      }
    } finally {
      this.#host.stopReading(subscription);
    }
  }
}
