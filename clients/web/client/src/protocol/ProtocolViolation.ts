import type { CloseCode } from "./CloseCode.js";

/** The broker broke the protocol: the connection is closed with this code and taken up again. */
export class ProtocolViolation extends Error {
  override readonly name = "ProtocolViolation";

  constructor(
    readonly code: CloseCode,
    message: string,
  ) {
    super(message);
  }
}
