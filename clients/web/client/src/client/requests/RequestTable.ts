import { CloseCode } from "../../protocol/CloseCode.js";
import { ErrorCode } from "../../protocol/ErrorCode.js";
import { readFailure, type Failure } from "../../protocol/frames/Failure.js";
import { FrameType } from "../../protocol/FrameType.js";
import type { Frame } from "../../protocol/FrameReader.js";
import { ProtocolLimits } from "../../protocol/ProtocolLimits.js";
import { ProtocolViolation } from "../../protocol/ProtocolViolation.js";
import { ConnectionError, RateLimitedError, RequestError } from "../ClientError.js";
import type { CloseReason } from "../ConnectionState.js";
import type { Lane, PendingRequest } from "./PendingRequest.js";

/** Set in the request numbers of publishes, and only there. */
export const PUBLISH_BIT = 0x4000_0000;

/** Set in the request numbers of the client's own Pings. */
export const HEARTBEAT_BIT = 0x8000_0000;

/** How many chunks may be under way, of all uploads and downloads together: a message that is sent meanwhile waits behind them. */
const CHUNKS_MAX = 3;

/** The requests that were not answered yet, and the order in which they wait to be sent. */
export class RequestTable {
  readonly #pending = new Map<number, PendingRequest>();
  readonly #lanes: Record<Lane, { readonly max: number; sent: number; waiting: PendingRequest[] }>;
  readonly #onAdded: () => void;
  #lastNumber = 0;
  #ended: CloseReason | undefined;

  /** @param onAdded There may be something to send. */
  constructor(controlMax: number, onAdded: () => void) {
    this.#lanes = {
      free: { max: Infinity, sent: 0, waiting: [] },
      control: { max: controlMax, sent: 0, waiting: [] },
      fetch: { max: ProtocolLimits.fetchesInFlightMax, sent: 0, waiting: [] },
      chunk: { max: CHUNKS_MAX, sent: 0, waiting: [] },
    };
    this.#onAdded = onAdded;
  }

  get count(): number {
    return this.#pending.size;
  }

  /** Gives the request a number and queues it. */
  add(request: PendingRequest): void {
    if (this.#ended !== undefined) {
      request.fail(new ConnectionError(this.#ended, true));
      return;
    }

    do {
      // Below the bits that mark publishes and heartbeats. After 2³⁰ requests an old one may still be unanswered: its number is passed over.
      this.#lastNumber = (this.#lastNumber + 1) % PUBLISH_BIT;
    } while (this.#lastNumber === 0 || this.#pending.has(this.#lastNumber));

    request.number = this.#lastNumber;
    this.#pending.set(request.number, request);
    this.#lanes[request.lane].waiting.push(request);
    this.#onAdded();
  }

  /** The frame of the next request to send on this connection; undefined when none may be sent now. */
  take(connection: number, mayTakeChunks: boolean): Uint8Array<ArrayBuffer> | undefined {
    for (const lane of Object.values(this.#lanes)) {
      while (lane.waiting.length > 0 && lane.sent < lane.max && (mayTakeChunks || lane !== this.#lanes.chunk)) {
        const request = lane.waiting.shift()!;
        if (request.isAbandoned || (request.boundTo !== 0 && request.boundTo !== connection)) {
          this.#pending.delete(request.number);
          continue;
        }

        request.sentOn = connection;
        lane.sent++;
        return request.write();
      }
    }

    return undefined;
  }

  /** An answer came. False when nobody asked: the broker answered twice, or something else. */
  tryAnswer(frame: Frame): boolean {
    const request = this.#pending.get(frame.request);
    if (request === undefined || request.sentOn === 0) {
      return false;
    }

    if (frame.type === FrameType.Error) {
      const failure = readFailure(frame.body);
      if (failure === undefined) {
        throw new ProtocolViolation(CloseCode.BadFrame, "an Error cannot be read");
      }

      this.#remove(request);
      request.fail(errorOf(failure));
    } else if (request.takeAnswer(frame)) {
      this.#remove(request);
    }

    return true;
  }

  /** The connection broke: what can be asked again is queued again in its old order, the rest fails. */
  onBreak(reason: CloseReason): void {
    for (const lane of Object.values(this.#lanes)) {
      lane.sent = 0;
      lane.waiting = [];
    }

    for (const request of this.#pending.values()) {
      if (request.isAbandoned || request.boundTo !== 0 || (request.sentOn !== 0 && !request.survivesBreak())) {
        this.#pending.delete(request.number);
        request.fail(new ConnectionError(reason, false));
      } else {
        request.sentOn = 0;
        this.#lanes[request.lane].waiting.push(request);
      }
    }
  }

  /** The client ended. */
  failAll(reason: CloseReason): void {
    this.#ended = reason;
    for (const request of this.#pending.values()) {
      this.#pending.delete(request.number);
      request.fail(new ConnectionError(reason, true));
    }
  }

  #remove(request: PendingRequest): void {
    this.#pending.delete(request.number);
    this.#lanes[request.lane].sent--;
    if (this.#lanes[request.lane].waiting.length > 0) {
      this.#onAdded();
    }
  }
}

/** The error of an Error frame. */
export function errorOf(failure: Failure): RequestError {
  return failure.code === ErrorCode.RateLimited ? new RateLimitedError(failure.reason, failure.retryAfter) : new RequestError(failure.code, failure.reason, failure.retryAfter);
}
