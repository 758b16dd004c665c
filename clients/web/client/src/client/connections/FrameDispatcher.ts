import { CloseCode } from "../../protocol/CloseCode.js";
import { ControlFormatError, ControlMap } from "../../protocol/control/ControlMap.js";
import { readDeliver } from "../../protocol/frames/Deliver.js";
import { readFailure } from "../../protocol/frames/Failure.js";
import { readLag } from "../../protocol/frames/Lag.js";
import { readPresence } from "../../protocol/frames/Presence.js";
import { readPublished } from "../../protocol/frames/Published.js";
import { readSignal } from "../../protocol/frames/Signal.js";
import { readUnsubscribed } from "../../protocol/frames/Subscribe.js";
import { FrameType, isOptional } from "../../protocol/FrameType.js";
import { HEADER_SIZE, type Frame } from "../../protocol/FrameReader.js";
import type { ConversationId } from "../../protocol/primitives/Ids.js";
import { ProtocolViolation } from "../../protocol/ProtocolViolation.js";
import type { ClientSession } from "../ClientSession.js";
import { CloseReason } from "../ConnectionState.js";
import { errorOf, HEARTBEAT_BIT, PUBLISH_BIT } from "../requests/RequestTable.js";

/** What each frame from the broker means (protocol.md §4.1). Decides, and never waits. */
export class FrameDispatcher {
  readonly #session: ClientSession;

  constructor(session: ClientSession) {
    this.#session = session;
  }

  /** Handles a frame; the reason when it was a Close. @throws ProtocolViolation when the broker broke the protocol. */
  dispatch(frame: Frame): CloseReason | undefined {
    const session = this.#session;
    switch (frame.type) {
      case FrameType.Published:
        this.#onPublished(frame);
        return undefined;
      case FrameType.Deliver:
        this.#onDeliver(frame);
        return undefined;
      case FrameType.Chunk:
        const size = HEADER_SIZE + frame.body.length;
        session.window.receive(size);
        session.window.consume(size);
        this.#onAnswer(frame);
        return undefined;
      case FrameType.Error:
        if ((frame.request & PUBLISH_BIT) !== 0) {
          this.#onPublishFailed(frame);
        } else {
          this.#onAnswer(frame);
        }

        return undefined;
      case FrameType.Unsubscribed:
        if (frame.request === 0) {
          this.#onUnsubscribed(frame);
        } else {
          this.#onAnswer(frame);
        }

        return undefined;
      case FrameType.Subscribed:
      case FrameType.FetchEnd:
      case FrameType.Reply:
        this.#onAnswer(frame);
        return undefined;
      case FrameType.Pong:
        // A heartbeat's Pong has done its work by arriving.
        if ((frame.request & HEARTBEAT_BIT) === 0) {
          session.requests.tryAnswer(frame);
        }

        return undefined;
      case FrameType.Ping:
        session.connection?.pong(frame.request, frame.body);
        return undefined;
      case FrameType.Lag:
        this.#onLag(frame);
        return undefined;
      case FrameType.Notice:
        this.#onNotice(frame);
        return undefined;
      case FrameType.Signal:
        session.typing.onSignal(need(readSignal(frame.body), "a Signal"));
        return undefined;
      case FrameType.Presence:
        const presence = readPresence(frame.body);
        if (presence !== undefined) {
          session.presence.onPresence(presence);
        }

        return undefined;
      case FrameType.Close:
        const failure = need(readFailure(frame.body), "a Close");
        return new CloseReason(failure.code, failure.reason, failure.retryAfter);
      default:
        if (isOptional(frame.type)) {
          return undefined;
        }

        throw new ProtocolViolation(CloseCode.OutOfState, `frame 0x${frame.type.toString(16)} is unknown, or may not come from a broker now`);
    }
  }

  #onPublished(frame: Frame): void {
    const published = need(readPublished(frame.body), "a Published");
    const entry = this.#answered(frame);
    if (!entry.isAnswered) {
      entry.succeed(published);
    }
  }

  #onPublishFailed(frame: Frame): void {
    const session = this.#session;
    const failure = need(readFailure(frame.body), "an Error");
    const underWay = session.sends.inFlight;
    const entry = this.#answered(frame);
    if (failure.isInOrder) {
      session.hold.onRefused(failure.code, failure.retryAfter, underWay);
    } else if (!entry.isAnswered) {
      entry.fail("refused", errorOf(failure));
    }
  }

  #answered(frame: Frame) {
    const entry = this.#session.sends.answer(frame.request);
    if (entry === undefined) {
      throw new ProtocolViolation(CloseCode.BadFrame, `frame 0x${frame.type.toString(16)} answers ${frame.request}, which is no unanswered publish`);
    }

    return entry;
  }

  #onDeliver(frame: Frame): void {
    const session = this.#session;
    const size = HEADER_SIZE + frame.body.length;
    session.window.receive(size);
    const deliver = readDeliver(frame.body);
    const taken = session.subscriptions.get(deliver.conversation)?.tryDeliver(deliver, size);
    if (taken === undefined) {
      // On its way when the application stopped reading.
      session.window.consume(size);
      return;
    }

    for (const message of taken) {
      session.typing.onMessage(deliver.conversation, message.sender);
    }
  }

  #onAnswer(frame: Frame): void {
    if (!this.#session.requests.tryAnswer(frame)) {
      throw new ProtocolViolation(CloseCode.BadFrame, `frame 0x${frame.type.toString(16)} answers ${frame.request}, which is no unanswered request`);
    }
  }

  #onUnsubscribed(frame: Frame): void {
    const conversation = need(readUnsubscribed(frame.body), "an Unsubscribed");
    this.#session.subscriptions.get(conversation)?.endByBroker(this.#session.identity!.user);
  }

  #onLag(frame: Frame): void {
    const lag = need(readLag(frame.body), "a Lag");
    this.#session.subscriptions.get(lag.conversation)?.onLagged(lag);
    this.#session.events.emit("lagged", { conversation: lag.conversation, next: lag.next, head: lag.head });
  }

  #onNotice(frame: Frame): void {
    const events = this.#session.events;
    try {
      const map = ControlMap.parse(frame.body);
      const event = map.text("event");
      const conversation = map.optionalId<ConversationId>("conversation");
      if (event === undefined) {
        return;
      }

      if (event === "cursor" && conversation !== undefined) {
        events.emit("cursor", {
          conversation,
          thread: map.number("thread"),
          cursor: { user: map.id("user"), delivered: map.number("delivered"), read: map.number("read") },
        });
        return;
      }

      events.emit("notice", {
        event,
        conversation,
        user: map.optionalId("user"),
        version: map.number("version"),
        message: map.optionalId("id"),
        refused: map.number("refused"),
      });
    } catch (failure) {
      // A Notice is a hint of an optional type: one that cannot be read is one that this client does not know.
      if (!(failure instanceof ControlFormatError)) {
        throw failure;
      }
    }
  }
}

function need<T>(read: T | undefined, what: string): T {
  if (read === undefined) {
    throw new ProtocolViolation(CloseCode.BadFrame, `${what} cannot be read`);
  }

  return read;
}
