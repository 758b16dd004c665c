import { CloseCode } from "../../protocol/CloseCode.js";
import { readDeliver, readRun } from "../../protocol/frames/Deliver.js";
import { readFetchEnd, writeFetch, type Fetch } from "../../protocol/frames/Fetch.js";
import { FrameType } from "../../protocol/FrameType.js";
import type { Frame } from "../../protocol/FrameReader.js";
import { ProtocolViolation } from "../../protocol/ProtocolViolation.js";
import { ChatMessage, type HistoryPage } from "../ChatMessage.js";
import { ResultRequest } from "./PendingRequest.js";

/** A page of history that is being received. After a break it is asked for again from the start: a page is one answer. */
export class FetchRequest extends ResultRequest<HistoryPage> {
  #messages: ChatMessage[] = [];

  constructor(
    readonly fetch: Fetch,
    signal: AbortSignal | undefined,
  ) {
    super(FrameType.Fetch, "fetch", signal);
  }

  write(): Uint8Array<ArrayBuffer> {
    return writeFetch(this.fetch, this.number);
  }

  takeAnswer(frame: Frame): boolean {
    if (frame.type === FrameType.Chunk) {
      this.#takeChunk(frame.body);
      return false;
    }

    const end = frame.type === FrameType.FetchEnd ? readFetchEnd(frame.body) : undefined;
    if (end === undefined) {
      throw this.unexpected(frame);
    }

    const messages = this.#messages;
    if (end.count !== messages.length || (messages.length > 0 && (messages[0]!.sequence !== end.first || messages.at(-1)!.sequence !== end.last))) {
      throw new ProtocolViolation(CloseCode.BadFrame, `FetchEnd speaks of ${end.count} records, ${messages.length} came`);
    }

    this.complete({ messages, isComplete: end.isComplete, epoch: end.epoch, head: end.head });
    return true;
  }

  survivesBreak(): boolean {
    this.#messages = [];
    return true;
  }

  #takeChunk(body: Uint8Array): void {
    const chunk = readDeliver(body);
    const last = this.#messages.at(-1);
    if (chunk.conversation !== this.fetch.conversation || (last !== undefined && last.epoch !== chunk.epoch)) {
      throw new ProtocolViolation(CloseCode.BadFrame, "a Chunk is of another conversation, or another epoch than the one before it");
    }

    // The first record behind a position may be a later one where old records are no longer kept, so only what follows is certain.
    for (const record of readRun(chunk, last === undefined ? 0 : last.sequence + 1)) {
      this.#messages.push(new ChatMessage(chunk.conversation, chunk.epoch, record));
    }
  }
}
