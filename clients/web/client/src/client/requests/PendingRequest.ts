import { CloseCode } from "../../protocol/CloseCode.js";
import { ControlFormatError, ControlMap } from "../../protocol/control/ControlMap.js";
import { FrameType } from "../../protocol/FrameType.js";
import { beginFrame, writeFrame } from "../../protocol/FrameWriter.js";
import type { Frame } from "../../protocol/FrameReader.js";
import { ProtocolViolation } from "../../protocol/ProtocolViolation.js";
import type { ClientError } from "../ClientError.js";
import type { Clock } from "../Clock.js";

/** Requests of a lane wait for one another, and not for those of others: what the broker bounds by itself has a lane of its own (protocol.md §2.3). */
export type Lane = "free" | "control" | "fetch" | "chunk";

/** A request, from the moment it is made until it is answered, given up, or lost with a connection. */
export abstract class PendingRequest {
  /** The request number, given by the table. */
  number = 0;

  /** Number of the connection that it was last written to; 0 = none. */
  sentOn = 0;

  /** Its caller stopped waiting: the answer is still awaited, because it counts against the broker's limits. */
  isAbandoned = false;

  protected constructor(
    readonly type: FrameType,
    readonly lane: Lane,
    /** The only connection that it may be written to; 0 = any. */
    readonly boundTo = 0,
  ) {}

  /** The whole frame. */
  abstract write(): Uint8Array<ArrayBuffer>;

  /** Takes an answer other than Error; true when it was the last one. @throws ProtocolViolation when it does not answer this request. */
  abstract takeAnswer(frame: Frame): boolean;

  /** The request failed, or its connection or client ended. */
  abstract fail(error: ClientError): void;

  /** The connection that it was written to broke. True when it is to be sent again; then it has forgotten what had been answered. */
  abstract survivesBreak(): boolean;

  protected unexpected(frame: Frame): ProtocolViolation {
    return new ProtocolViolation(CloseCode.BadFrame, `frame 0x${frame.type.toString(16)} does not answer 0x${this.type.toString(16)}`);
  }
}

/** A request whose caller awaits a result. */
export abstract class ResultRequest<T> extends PendingRequest {
  readonly result: Promise<T>;
  protected complete!: (result: T) => void;
  #reject!: (error: unknown) => void;

  protected constructor(type: FrameType, lane: Lane, signal: AbortSignal | undefined, boundTo = 0) {
    super(type, lane, boundTo);
    this.result = new Promise<T>((resolve, reject) => {
      const onAbort = (): void => {
        this.isAbandoned = true;
        reject(signal!.reason);
      };
      this.complete = (result) => {
        signal?.removeEventListener("abort", onAbort);
        resolve(result);
      };
      this.#reject = (error) => {
        signal?.removeEventListener("abort", onAbort);
        reject(error);
      };
      if (signal?.aborted) {
        onAbort();
      } else {
        signal?.addEventListener("abort", onAbort);
      }
    });
  }

  fail(error: ClientError): void {
    this.#reject(error);
  }
}

/** A request whose body and reply are control maps. */
export class MapRequest<T> extends ResultRequest<T> {
  readonly #body: Uint8Array;
  readonly #parse: (reply: ControlMap) => T;
  readonly #isRepeatable: boolean;

  constructor(type: FrameType, body: Uint8Array, parse: (reply: ControlMap) => T, isRepeatable: boolean, signal?: AbortSignal, boundTo = 0) {
    super(type, laneOf(type, boundTo), signal, boundTo);
    this.#body = body;
    this.#parse = parse;
    this.#isRepeatable = isRepeatable;
  }

  write(): Uint8Array<ArrayBuffer> {
    return writeFrame(this.type, this.number, this.#body);
  }

  takeAnswer(frame: Frame): boolean {
    if (frame.type !== FrameType.Reply) {
      throw this.unexpected(frame);
    }

    try {
      this.complete(this.#parse(ControlMap.parse(frame.body)));
      return true;
    } catch (failure) {
      if (failure instanceof ControlFormatError) {
        throw new ProtocolViolation(CloseCode.BadFrame, `Reply to 0x${this.type.toString(16)}: ${failure.message}`);
      }

      throw failure;
    }
  }

  survivesBreak(): boolean {
    return this.#isRepeatable;
  }
}

/** A Ping that the application sent. */
export class PingRequest extends ResultRequest<number> {
  #startedAt = 0;

  constructor(
    readonly clock: Clock,
    signal: AbortSignal | undefined,
  ) {
    super(FrameType.Ping, "control", signal);
  }

  write(): Uint8Array<ArrayBuffer> {
    this.#startedAt = this.clock.now();
    return beginFrame(FrameType.Ping, this.number, 0);
  }

  takeAnswer(frame: Frame): boolean {
    if (frame.type !== FrameType.Pong) {
      throw this.unexpected(frame);
    }

    this.complete(this.clock.now() - this.#startedAt);
    return true;
  }

  survivesBreak(): boolean {
    return false;
  }
}

function laneOf(type: FrameType, boundTo: number): Lane {
  const isChunk = type === FrameType.PutChunk || type === FrameType.GetAttachment || type === FrameType.GetExport;
  return boundTo !== 0 ? "free" : isChunk ? "chunk" : "control";
}
