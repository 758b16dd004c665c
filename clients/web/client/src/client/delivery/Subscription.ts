import { CloseCode } from "../../protocol/CloseCode.js";
import { readRun, type Deliver } from "../../protocol/frames/Deliver.js";
import type { Lag } from "../../protocol/frames/Lag.js";
import type { Subscribed } from "../../protocol/frames/Subscribe.js";
import type { MessageRecord } from "../../protocol/MessageRecord.js";
import { ProtocolViolation } from "../../protocol/ProtocolViolation.js";
import { readMembership } from "../../protocol/messages/MessageBodies.js";
import { MessageKind } from "../../protocol/primitives/MessageKind.js";
import type { ConversationId, UserId } from "../../protocol/primitives/Ids.js";
import type { LogPosition } from "../../protocol/primitives/LogPosition.js";
import { ChatMessage } from "../ChatMessage.js";
import { EpochChangedError, HistoryTruncatedError } from "../ClientError.js";
import type { SubscriptionEnd } from "../Reading.js";

const RESUMED = 0;
const TRUNCATED = 1;
const EPOCH_CHANGED = 2;

/** What has come and was not taken. */
export interface DeliveredBatch {
  readonly messages: readonly ChatMessage[];
  /** What the frames took from the window: given back when the messages are consumed. */
  readonly frameBytes: number;
}

/** Who takes what a subscription brings. */
export interface SubscriptionReader {
  /** There is something to take, or an end. */
  onNews(): void;

  /** The broker took the subscription. */
  onSubscribed?(position: LogPosition, head: number): void;

  /** The session fell behind here. */
  onLagged?(next: number, head: number): void;
}

/**
 * One conversation that the application reads. It outlives connections: each begins with a Subscribe from {@link position}, the last record that was accepted. What lies in the queue at a break stays there and is not asked
 * for again.
 */
export class Subscription {
  #queue: ChatMessage[] = [];
  #frameBytes = 0;
  #end: SubscriptionEnd | undefined;
  #isActive = false;
  #last: MessageRecord | undefined;

  /** The application reads no more. */
  isDropped = false;

  /** The broker has it, or will have: it is to be told when nobody reads any more. */
  isOnBroker = false;

  constructor(
    readonly conversation: ConversationId,
    /** The last record accepted, or where the application wants to begin. */
    public position: LogPosition,
    readonly reader: SubscriptionReader,
  ) {}

  get hasEnded(): boolean {
    return this.#end !== undefined;
  }

  /** How it ended, once everything that came before was taken. */
  get end(): SubscriptionEnd | undefined {
    return this.#queue.length > 0 ? undefined : this.#end;
  }

  /** The connection ended: what arrives before the next Subscribed is not this subscription's. */
  suspend(): void {
    this.#isActive = false;
    this.isOnBroker = false;
  }

  /** The broker answered Subscribe. @throws ProtocolViolation when the answer contradicts the position that was asked for. */
  onSubscribed(answer: Subscribed): void {
    const asked = this.position;
    if (answer.status === EPOCH_CHANGED) {
      this.isOnBroker = false;
      this.finish({ reason: "epochChanged", error: new EpochChangedError(this.conversation, asked, answer.epoch, answer.head) });
    } else if (answer.status === TRUNCATED && answer.first - asked.sequence > 1) {
      this.finish({ reason: "truncated", error: new HistoryTruncatedError(this.conversation, asked, answer.epoch, answer.first, answer.head) });
    } else if (answer.status === RESUMED && answer.first > 0 && isNext(asked, answer)) {
      this.position = { epoch: answer.epoch, sequence: answer.first - 1 };
      this.#isActive = true;
      this.reader.onSubscribed?.(this.position, answer.head);
    } else {
      throw new ProtocolViolation(CloseCode.BadFrame, `Subscribed ${answer.status} first=${answer.first} does not follow ${asked.epoch}:${asked.sequence}`);
    }
  }

  /**
   * Takes the records of a Deliver frame, and returns them; undefined when it belongs to an earlier subscription of the same conversation, or nobody reads any more.
   * @throws ProtocolViolation as protocol.md §6.3 asks for.
   */
  tryDeliver(deliver: Deliver, frameBytes: number): readonly MessageRecord[] | undefined {
    if (!this.#isActive || this.isDropped) {
      return undefined;
    }

    if (deliver.epoch !== this.position.epoch) {
      throw new ProtocolViolation(CloseCode.BadFrame, `Deliver of epoch ${deliver.epoch} in a subscription at ${this.position.epoch}:${this.position.sequence}`);
    }

    const records = readRun(deliver, this.position.sequence + 1);
    for (const record of records) {
      this.#queue.push(new ChatMessage(this.conversation, deliver.epoch, record));
    }

    this.#last = records.at(-1)!;
    this.position = { epoch: deliver.epoch, sequence: this.#last.sequence };
    this.#frameBytes += frameBytes;
    this.reader.onNews();
    return records;
  }

  /** The session fell behind here; delivery goes on from the log by itself, unless the log was cut off before it (protocol.md §7.2). */
  onLagged({ isCut, epoch, next, head }: Lag): void {
    if (!this.#isActive || this.isDropped) {
      return;
    }

    this.reader.onLagged?.(next, head);
    if (isCut && next > this.position.sequence + 1) {
      this.finish({ reason: "truncated", error: new HistoryTruncatedError(this.conversation, this.position, epoch, next, head) });
    }
  }

  /** Unsubscribed with request 0. It may be about an earlier subscription. Who was removed got the record that says so; nobody gets one of a conversation that was erased. */
  endByBroker(user: UserId): void {
    if (this.#isActive) {
      this.isOnBroker = false;
      const last = this.#last;
      this.finish({ reason: last?.kind === MessageKind.MemberRemoved && readMembership(last.body)?.user === user ? "removed" : "erased" });
    }
  }

  /** No record follows. The first end counts. */
  finish(end: SubscriptionEnd): void {
    this.#isActive = false;
    this.#end ??= end;
    this.reader.onNews();
  }

  /** Everything that has come; undefined when there is nothing. Who takes it consumes its bytes afterwards. */
  take(): DeliveredBatch | undefined {
    if (this.#queue.length === 0) {
      return undefined;
    }

    const batch = { messages: this.#queue, frameBytes: this.#frameBytes };
    this.#queue = [];
    this.#frameBytes = 0;
    return batch;
  }
}

function isNext(asked: LogPosition, answer: Subscribed): boolean {
  return (asked.epoch === 0 || asked.epoch === answer.epoch) && answer.first === (asked.sequence === Infinity ? answer.head : asked.sequence) + 1;
}
