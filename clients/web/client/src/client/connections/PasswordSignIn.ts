import { CloseCode } from "../../protocol/CloseCode.js";
import { ControlMap } from "../../protocol/control/ControlMap.js";
import { utf8Encode } from "../../protocol/encoding/Utf8.js";
import { ErrorCode } from "../../protocol/ErrorCode.js";
import { ProtocolLimits } from "../../protocol/ProtocolLimits.js";
import { ProtocolViolation } from "../../protocol/ProtocolViolation.js";
import { ScramClientExchange, type Challenge } from "../../protocol/scram/ScramClientExchange.js";
import { RequestError } from "../ClientError.js";
import type { Settings } from "../ClientOptions.js";
import { CloseReason } from "../ConnectionState.js";
import type { SignIn } from "./TokenKeeper.js";

/** What the broker says of an account whose password it has not seen since it takes proofs. */
const PLAIN = "PLAIN";

/** How a password is shown (protocol.md §3.5): proven, or, where that is refused and it is allowed, as it is. */
export class PasswordSignIn {
  readonly #settings: Settings;
  #isPlain: boolean;
  #exchange: ScramClientExchange | undefined;

  constructor(settings: Settings) {
    this.#settings = settings;

    // WebCrypto is not there in pages that came neither over HTTPS nor from localhost.
    const canProve = (globalThis.crypto as Partial<Crypto>).subtle !== undefined;
    this.#isPlain = settings.passwordMechanism === "plain" || (!canProve && this.#mayShow);
  }

  /** What signs in, as it is sent, and the exchange that it begins. What has no password stays as it is. @throws CloseReason the password is none. */
  sign(signIn: SignIn): { readonly signIn: SignIn & { readonly scram?: string }; readonly exchange: ScramClientExchange | undefined } {
    const { name, password, ...rest } = signIn;
    this.#exchange = undefined;
    if (name === undefined || password === undefined) {
      return { signIn, exchange: undefined };
    }

    if (signIn.register && !isPassword(password)) {
      // A broker that is given a proof does not see the password.
      throw new CloseReason(CloseCode.PasswordInvalid, "a password has 8 to 256 bytes", 0, true, undefined, true);
    }

    if (this.#isPlain) {
      return { signIn, exchange: undefined };
    }

    if ((globalThis.crypto as Partial<Crypto>).subtle === undefined) {
      throw new CloseReason(CloseCode.MechanismRefused, "this page cannot prove a password, and must not show it over a connection that others can read: serve it over HTTPS", 0, true, undefined, true);
    }

    this.#exchange = new ScramClientExchange(name, password);
    return { signIn: { ...rest, scram: this.#exchange.first }, exchange: this.#exchange };
  }

  /** A connection got no further than the sign-in. Undefined when it is worth another one at once, with less asked of the broker; otherwise why there is none, if need be in other words. */
  judge(reason: CloseReason): CloseReason | undefined {
    const exchange = this.#exchange;
    this.#exchange = undefined;
    if (exchange === undefined || reason.isLocal) {
      return reason;
    }

    const isUnknown = exchange.offers === undefined && (reason.code === CloseCode.MechanismRefused || reason.code === CloseCode.BadCredentials);
    const isWithoutVerifier = reason.code === CloseCode.BadCredentials && exchange.offers?.includes(PLAIN) === true;
    if ((isUnknown || isWithoutVerifier) && this.#mayShow) {
      this.#isPlain = true;
      return undefined;
    }

    return isUnknown
      ? new CloseReason(CloseCode.MechanismRefused, `the broker takes no proof of the password, and it is not to be shown${this.#settings.passwordMechanism === "scram" ? "" : " where others can read it: use wss:, or passwordMechanism 'plain'"}`)
      : reason;
  }

  /**
   * Proves the password on a connection that is signed in: the exchange, and the body of its proof. Undefined when it is to be shown instead.
   * @param next Another one, whose keys go with the proof.
   * @param begin Sends BeginProof on that connection.
   * @throws RequestError MECHANISM_REFUSED when the broker takes no proof, and the password is not to be shown.
   */
  async prove(
    name: string,
    password: string,
    next: string | undefined,
    begin: (body: ControlMap) => Promise<Challenge>,
  ): Promise<{ readonly exchange: ScramClientExchange; readonly proof: ControlMap } | undefined> {
    if (this.#settings.passwordMechanism === "plain" || (globalThis.crypto as Partial<Crypto>).subtle === undefined) {
      return undefined;
    }

    const exchange = new ScramClientExchange(name, password, next);
    try {
      const challenge = await begin(new ControlMap().set("scram", exchange.first).set("changes", next === undefined ? undefined : true));
      return { exchange, proof: await exchange.answer(challenge) };
    } catch (failure) {
      if (failure instanceof ProtocolViolation) {
        throw new RequestError(ErrorCode.MechanismRefused, failure.message);
      }

      const isRefused = failure instanceof RequestError && (failure.code === ErrorCode.MechanismRefused || failure.code === ErrorCode.Unsupported);
      if (!isRefused || !this.#mayShow) {
        throw failure;
      }

      return undefined;
    }
  }

  /** The password may be seen by whoever answers. */
  get #mayShow(): boolean {
    const { passwordMechanism, url } = this.#settings;
    return passwordMechanism === "plain" || (passwordMechanism === "preferScram" && isPrivate(new URL(url)));
  }
}

/** True for what an account may have as a password. */
export function isPassword(password: string): boolean {
  const size = utf8Encode(password)?.length ?? 0;
  return size >= ProtocolLimits.passwordSizeMin && size <= ProtocolLimits.passwordSizeMax;
}

/** True where nobody but the broker can read what is sent, or whoever the certificate is of. */
function isPrivate(url: URL): boolean {
  return url.protocol === "wss:" || url.hostname === "localhost" || url.hostname === "[::1]" || /^127(\.\d+){3}$/.test(url.hostname);
}
