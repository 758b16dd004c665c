import type { ConversationId } from "../../protocol/primitives/Ids.js";
import type { LogPosition } from "../../protocol/primitives/LogPosition.js";
import { ConnectionError, type RequestError } from "../ClientError.js";
import type { CloseReason } from "../ConnectionState.js";
import type { RequestTable } from "../requests/RequestTable.js";
import { SubscribeRequest, UnsubscribeRequest } from "../requests/SubscriptionRequests.js";
import type { DeliveryWindow } from "./DeliveryWindow.js";
import { Subscription, type SubscriptionReader } from "./Subscription.js";

/**
 * The conversations that the application reads, and the order of their Subscribe and Unsubscribe frames: per conversation and connection Subscribe, Unsubscribe, its answer, Subscribe, … (protocol.md §6.2).
 */
export class SubscriptionTable {
  readonly #subscriptions = new Map<ConversationId, Subscription>();

  /** Conversations whose Unsubscribe is not answered on this connection: nobody subscribes to them meanwhile. */
  readonly #leaving = new Set<ConversationId>();
  readonly #requests: RequestTable;
  readonly #window: DeliveryWindow;
  readonly #retryLater: (subscription: Subscription, error: RequestError) => void;
  #connection = 0;
  #ended: CloseReason | undefined;

  /** @param retryLater Called when a Subscribe failed for a reason that may pass. */
  constructor(requests: RequestTable, window: DeliveryWindow, retryLater: (subscription: Subscription, error: RequestError) => void) {
    this.#requests = requests;
    this.#window = window;
    this.#retryLater = retryLater;
  }

  get(conversation: ConversationId): Subscription | undefined {
    return this.#subscriptions.get(conversation);
  }

  /** The application begins to read. @throws Error when it reads this conversation already. @throws ConnectionError when the client has ended. */
  add(conversation: ConversationId, after: LogPosition, reader: SubscriptionReader): Subscription {
    if (this.#ended !== undefined) {
      throw new ConnectionError(this.#ended, true);
    }

    if (this.#subscriptions.has(conversation)) {
      throw new Error(`conversation ${conversation} is being read already: a client reads a conversation once`);
    }

    const subscription = new Subscription(conversation, after, reader);
    this.#subscriptions.set(conversation, subscription);
    this.#subscribe(subscription);
    return subscription;
  }

  /** The application reads no more: what was not taken is given back. */
  remove(subscription: Subscription): void {
    if (this.#subscriptions.get(subscription.conversation) !== subscription) {
      return;
    }

    this.#subscriptions.delete(subscription.conversation);
    subscription.isDropped = true;
    this.#window.consume(subscription.take()?.frameBytes ?? 0);
    const { conversation } = subscription;
    if (this.#connection !== 0 && subscription.isOnBroker && !this.#leaving.has(conversation)) {
      this.#leaving.add(conversation);
      this.#requests.add(new UnsubscribeRequest(conversation, this.#connection, () => this.#onLeft(conversation)));
    }
  }

  /** Asks again after a failure that may have passed; does nothing when the application stopped reading or a new connection asked already. */
  retry(subscription: Subscription, connection: number): void {
    if (this.#connection === connection && this.#subscriptions.get(subscription.conversation) === subscription) {
      this.#subscribe(subscription);
    }
  }

  /** Signed in: every subscription is renewed from its own position, in the order in which they were begun. */
  onConnected(connection: number): void {
    this.#connection = connection;
    this.#leaving.clear();
    for (const subscription of this.#subscriptions.values()) {
      this.#subscribe(subscription);
    }
  }

  /** The connection ended. */
  onBreak(): void {
    this.#connection = 0;
    for (const subscription of this.#subscriptions.values()) {
      subscription.suspend();
    }
  }

  /** The client ended: every reader gets what was delivered and then the reason. */
  failAll(reason: CloseReason): void {
    this.#ended = reason;
    for (const subscription of this.#subscriptions.values()) {
      subscription.finish({ reason: "clientEnded", error: new ConnectionError(reason, true) });
    }
  }

  #subscribe(subscription: Subscription): void {
    if (this.#connection !== 0 && !subscription.hasEnded && !this.#leaving.has(subscription.conversation)) {
      subscription.isOnBroker = true;
      this.#requests.add(new SubscribeRequest(subscription, this.#connection, this.#retryLater));
    }
  }

  #onLeft(conversation: ConversationId): void {
    this.#leaving.delete(conversation);
    const next = this.#subscriptions.get(conversation);
    if (next !== undefined) {
      this.#subscribe(next);
    }
  }
}
