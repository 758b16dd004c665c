import { ErrorCode } from "../../protocol/ErrorCode.js";
import { readSubscribed, writeSubscribe, writeUnsubscribe } from "../../protocol/frames/Subscribe.js";
import { FrameType } from "../../protocol/FrameType.js";
import type { Frame } from "../../protocol/FrameReader.js";
import type { ConversationId } from "../../protocol/primitives/Ids.js";
import { ConnectionError, PositionAheadError, RequestError, type ClientError } from "../ClientError.js";
import type { Subscription } from "../delivery/Subscription.js";
import { PendingRequest } from "./PendingRequest.js";

/** Subscribe on one connection. It dies with the connection: the next one begins with Subscribes of its own. */
export class SubscribeRequest extends PendingRequest {
  readonly #subscription: Subscription;
  readonly #retryLater: (subscription: Subscription, error: RequestError) => void;

  constructor(subscription: Subscription, connection: number, retryLater: (subscription: Subscription, error: RequestError) => void) {
    super(FrameType.Subscribe, "free", connection);
    this.#subscription = subscription;
    this.#retryLater = retryLater;
  }

  write(): Uint8Array<ArrayBuffer> {
    return writeSubscribe(this.#subscription.conversation, this.#subscription.position, this.number);
  }

  takeAnswer(frame: Frame): boolean {
    const answer = frame.type === FrameType.Subscribed ? readSubscribed(frame.body) : undefined;
    if (answer === undefined) {
      throw this.unexpected(frame);
    }

    if (!this.#subscription.hasEnded && !this.#subscription.isDropped) {
      this.#subscription.onSubscribed(answer);
    }

    return true;
  }

  fail(error: ClientError): void {
    const subscription = this.#subscription;
    subscription.isOnBroker = false;
    if (error instanceof RequestError) {
      if (error.isRetryable) {
        this.#retryLater(subscription, error);
      } else if (error.code === ErrorCode.PositionAhead) {
        subscription.finish({ reason: "positionAhead", error: new PositionAheadError(subscription.conversation, subscription.position, error.reason) });
      } else {
        subscription.finish({ reason: "refused", error });
      }
    } else if (error instanceof ConnectionError && error.isFinal) {
      subscription.finish({ reason: "clientEnded", error });
    }
  }

  survivesBreak(): boolean {
    return false;
  }
}

/** Unsubscribe. Any answer will do: NOT_SUBSCRIBED when the broker ended the subscription at the same moment; a broken connection ended it as well. */
export class UnsubscribeRequest extends PendingRequest {
  readonly #conversation: ConversationId;
  readonly #onDone: () => void;

  constructor(conversation: ConversationId, connection: number, onDone: () => void) {
    super(FrameType.Unsubscribe, "free", connection);
    this.#conversation = conversation;
    this.#onDone = onDone;
  }

  write(): Uint8Array<ArrayBuffer> {
    return writeUnsubscribe(this.#conversation, this.number);
  }

  takeAnswer(frame: Frame): boolean {
    if (frame.type !== FrameType.Unsubscribed) {
      throw this.unexpected(frame);
    }

    this.#onDone();
    return true;
  }

  fail(error: ClientError): void {
    if (error instanceof RequestError) {
      this.#onDone();
    }
  }

  survivesBreak(): boolean {
    return false;
  }
}
