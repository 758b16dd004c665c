import { ControlMap } from "../../protocol/control/ControlMap.js";
import { ErrorCode } from "../../protocol/ErrorCode.js";
import { FrameType } from "../../protocol/FrameType.js";
import { parseChallenge } from "../../protocol/scram/ScramClientExchange.js";
import { RequestError } from "../ClientError.js";
import type { PasswordSignIn } from "../connections/PasswordSignIn.js";

/** A request that takes the password once more. */
export interface PasswordRequest<T> {
  readonly type: FrameType;
  /** Everything but the password. */
  readonly body: ControlMap;
  readonly password: string;
  /** The one that it is to be from now on. */
  readonly next?: string;
  readonly parse: (reply: ControlMap) => T;
}

/** Sends a request; a bound one on the connection of this moment and no other. */
type Ask = <T>(type: FrameType, body: ControlMap, parse: (reply: ControlMap) => T, isBound: boolean) => Promise<T>;

/** Proves the password, and asks on the same connection; shows it where that is how it goes. */
export async function askWithPassword<T>(request: PasswordRequest<T>, name: string, passwords: PasswordSignIn, ask: Ask): Promise<T> {
  const { type, body, password, next, parse } = request;
  const proven = await passwords.prove(name, password, next, (first) => ask(FrameType.BeginProof, first, parseChallenge, true));
  if (proven === undefined) {
    body.set("password", password);
    return ask(type, next === undefined ? body : body.set("new", next), parse, false);
  }

  for (const [key, value] of proven.proof.entries()) {
    body.set(key, value);
  }

  const { result, isRight } = await ask(
    type, body, (reply) => ({ result: parse(reply), isRight: type !== FrameType.ChangePassword || proven.exchange.isRight(reply.text("scram")) }), true,
  );
  if (!isRight) {
    throw new RequestError(ErrorCode.MechanismRefused, "the broker did not show that it knows the account");
  }

  return result;
}
