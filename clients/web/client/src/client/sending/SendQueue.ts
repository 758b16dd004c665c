import { publishSize, writePublish, type Publish } from "../../protocol/frames/Publish.js";
import type { Published } from "../../protocol/frames/Published.js";
import type { ClientMessageId, ConversationId, UserId } from "../../protocol/primitives/Ids.js";
import type { MessageKind } from "../../protocol/primitives/MessageKind.js";
import { ConnectionError, type ClientError } from "../ClientError.js";
import type { CloseReason } from "../ConnectionState.js";
import { callSafely } from "../Emitter.js";
import type { OutboxEntry } from "../Outbox.js";
import type { Publishing, PublishReceipt, PublishState } from "../Publishing.js";
import { PUBLISH_BIT } from "../requests/RequestTable.js";

/** A publish, from the call to its outcome. */
export class SendEntry implements Publishing, Publish {
  readonly conversation: ConversationId;
  readonly id: ClientMessageId;
  readonly kind: MessageKind;
  readonly body: Uint8Array;
  readonly onBehalfOf: UserId | undefined;
  readonly ifHead: number | undefined;

  /** Bytes of its frame. */
  readonly size: number;

  /** Its request number, the same for as long as it is in a queue. */
  request = 0;

  /** It may be sent: it is in the outbox, or there is none. */
  isStored: boolean;

  /** As it stands in the outbox; undefined when it does not, or not yet. */
  kept: OutboxEntry | undefined;

  #state: PublishState = "queued";
  #receipt: PublishReceipt | undefined;
  #error: ClientError | undefined;
  #handlers: ((state: PublishState, publishing: Publishing) => void)[] = [];

  constructor(publish: Publish, isStored: boolean) {
    this.conversation = publish.conversation;
    this.id = publish.id;
    this.kind = publish.kind;
    this.body = publish.body;
    this.onBehalfOf = publish.onBehalfOf;
    this.ifHead = publish.ifHead;
    this.size = publishSize(publish);
    this.isStored = isStored;
  }

  get state(): PublishState {
    return this.#state;
  }

  get receipt(): PublishReceipt | undefined {
    return this.#receipt;
  }

  get error(): ClientError | undefined {
    return this.#error;
  }

  /** It has an outcome. */
  get isAnswered(): boolean {
    return this.#state !== "queued" && this.#state !== "sent";
  }

  onState(handler: (state: PublishState, publishing: Publishing) => void): () => void {
    const own = (state: PublishState, publishing: Publishing): void => handler(state, publishing);
    this.#handlers.push(own);
    return () => {
      this.#handlers = this.#handlers.filter((one) => one !== own);
    };
  }

  then<A = PublishReceipt, B = never>(
    onFulfilled?: ((receipt: PublishReceipt) => A | PromiseLike<A>) | null,
    onRejected?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    const outcome = new Promise<PublishReceipt>((resolve, reject) => {
      const settle = (): void => {
        if (this.#receipt !== undefined) {
          resolve(this.#receipt);
        } else if (this.#error !== undefined) {
          reject(this.#error);
        }
      };
      settle();
      if (!this.isAnswered) {
        this.onState(settle);
      }
    });
    return outcome.then(onFulfilled, onRejected);
  }

  /** Comes to another state. */
  become(state: "queued" | "sent"): void {
    if (this.#state !== state && !this.isAnswered) {
      this.#tell(state);
    }
  }

  /** It is durable. */
  succeed(published: Published): void {
    this.#receipt = published;
    this.#tell("durable");
  }

  /** It has no place. */
  fail(state: "refused" | "failed", error: ClientError): void {
    this.#error = error;
    this.#tell(state);
  }

  #tell(state: PublishState): void {
    this.#state = state;
    for (const handler of this.#handlers) {
      callSafely(() => handler(state, this));
    }
  }
}

/**
 * The publishes that were not answered yet, in the order in which they were made. It outlives connections: what a broken connection left unanswered is sent again from the same bytes, with the same request numbers and client
 * message ids, before anything newer (protocol.md §6.1).
 *
 * Room is given back in order, from the oldest: one conversation that is not answered cannot make the queue grow without bound behind it. A publish's request number is its place in the queue since the client began, in the low
 * 30 bits, with bit 30 set.
 */
export class SendQueue {
  readonly #bytesMax: number;

  /** Everything from the oldest that is not answered on; before {@link #next} sent on this connection, or answered. */
  #entries: SendEntry[] = [];
  #next = 0;
  #appended = 0;
  #bytes = 0;
  readonly #sent = new Map<number, SendEntry>();

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Bytes from the oldest unanswered publish to the newest. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Publishes on this connection that wait for their answer. */
  get inFlight(): number {
    return this.#sent.size;
  }

  /** Those that are not answered, in order. */
  get unanswered(): readonly SendEntry[] {
    return this.#entries.filter((entry) => !entry.isAnswered);
  }

  /** Nothing was ever sent: what an earlier program left behind may still go first. */
  get isFresh(): boolean {
    return this.#next === 0 && this.#sent.size === 0;
  }

  /** True when a publish of this size has room. An empty queue takes any, however small its limit. */
  hasRoom(size: number): boolean {
    return this.#bytes === 0 || this.#bytes + size <= this.#bytesMax;
  }

  append(entry: SendEntry): void {
    this.#entries.push(entry);
    this.#number(entry);
  }

  /** Puts what an earlier program left behind before everything else. Only while the queue {@link isFresh}. */
  prepend(entries: readonly SendEntry[]): void {
    this.#entries.unshift(...entries);
    entries.forEach((entry) => this.#number(entry));
  }

  /** The frame of the next publish to send; undefined when there is none that may go. */
  take(): Uint8Array<ArrayBuffer> | undefined {
    // Only after a reconnect are there answered ones ahead: those that overtook an unanswered one before the break.
    while (this.#entries[this.#next]?.isAnswered) {
      this.#next++;
    }

    const entry = this.#entries[this.#next];
    if (entry === undefined || !entry.isStored) {
      return undefined;
    }

    this.#next++;
    this.#sent.set(entry.request, entry);
    entry.become("sent");
    return writePublish(entry, entry.request);
  }

  /** The publish that this request number answers, which is under way no more; undefined when no such one is unanswered on this connection. */
  answer(request: number): SendEntry | undefined {
    const entry = this.#sent.get(request);
    this.#sent.delete(request);
    return entry;
  }

  /** Lets go of what is answered, from the oldest on. True when there is more room than before. */
  release(): boolean {
    let count = 0;
    while (this.#entries[count]?.isAnswered) {
      this.#bytes -= this.#entries[count]!.size;
      count++;
    }

    if (count > 0) {
      this.#entries.splice(0, count);
      this.#next = Math.max(0, this.#next - count);
    }

    return count > 0;
  }

  /** Everything unanswered is to be sent again, in order: on a new connection, or on the same one when nothing is under way on it. */
  goBack(): void {
    this.release();
    this.#sent.clear();
    this.#next = 0;
    this.#entries.forEach((entry) => entry.become("queued"));
  }

  /** The client ends. */
  failAll(reason: CloseReason): void {
    this.#sent.clear();
    for (const entry of this.#entries) {
      if (!entry.isAnswered) {
        entry.fail("failed", new ConnectionError(reason, true));
      }
    }

    this.release();
  }

  #number(entry: SendEntry): void {
    entry.request = PUBLISH_BIT | (this.#appended++ & (PUBLISH_BIT - 1));
    this.#bytes += entry.size;
  }
}
