import { CloseCode } from "../../protocol/CloseCode.js";
import { ProtocolViolation } from "../../protocol/ProtocolViolation.js";

/**
 * The balance of protocol.md §7.1, seen from the client. All three figures count bytes of Deliver and Chunk frames since the client began and only grow: received, consumed, granted. The broker may send until received reaches
 * granted; granted never exceeds consumed + size.
 *
 * What lies in the subscriptions' buffers survives a reconnect, so the new connection begins with a window smaller by as much: the bound holds over any number of reconnects, and nothing is delivered twice to forget it.
 */
export class DeliveryWindow {
  readonly #size: number;
  #received = 0;
  #consumed = 0;
  #granted = 0;

  constructor(size: number) {
    this.#size = size;
  }

  /** Bytes delivered and not consumed. */
  get held(): number {
    return this.#received - this.#consumed;
  }

  /** True when so much was consumed that a Credit frame is worth its header. */
  get isCreditDue(): boolean {
    return this.#due >= this.#size / 4;
  }

  /** A frame came. @throws ProtocolViolation when the balance was used up before it: a broker that does not count would fill this process. */
  receive(bytes: number): void {
    if (this.#received >= this.#granted) {
      throw new ProtocolViolation(CloseCode.BadFrame, "a Deliver or Chunk came without credit");
    }

    this.#received += bytes;
  }

  /** The application, or the client in its place, is done with a frame. */
  consume(bytes: number): void {
    this.#consumed += bytes;
  }

  /** A new connection: the window for Hello. What the old one was granted and did not send is void. */
  begin(): number {
    // Zero would mean "without limit"; one byte lets one frame through, which the protocol allows beyond the balance anyway.
    const window = Math.max(1, this.#consumed + this.#size - this.#received);
    this.#granted = this.#received + window;
    return window;
  }

  /** The credit to send now; 0 = none. */
  takeCredit(): number {
    if (!this.isCreditDue) {
      return 0;
    }

    const due = this.#due;
    this.#granted += due;
    return due;
  }

  get #due(): number {
    return this.#consumed + this.#size - this.#granted;
  }
}
