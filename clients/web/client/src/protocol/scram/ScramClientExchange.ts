import { CloseCode } from "../CloseCode.js";
import { ControlMap } from "../control/ControlMap.js";
import { utf8Encode } from "../encoding/Utf8.js";
import { ProtocolLimits } from "../ProtocolLimits.js";
import { ProtocolViolation } from "../ProtocolViolation.js";

/** What a Challenge asks (protocol.md §3.5). */
export interface Challenge {
  /** Server-first. */
  readonly scram: string;
  /** Bring the keys of the password with so many iterations; undefined = none are wanted. */
  readonly iterations: number | undefined;
}

export function parseChallenge(map: ControlMap): Challenge {
  return { scram: map.text("scram", ProtocolLimits.scramSizeMax) ?? "", iterations: map.get("iterations") === undefined ? undefined : map.number("iterations") };
}

/** What a password is worth to a broker that keeps it, and to who proves it. */
interface ScramKeys {
  readonly clientKey: Uint8Array;
  readonly storedKey: Uint8Array<ArrayBuffer>;
  readonly serverKey: Uint8Array<ArrayBuffer>;
}

/**
 * A client's half of SCRAM-SHA-256 (protocol.md §3.5, RFC 5802, RFC 7677), without channel binding: a page does not see its TLS connection. One exchange answers one challenge. The hashing is WebCrypto's, which does not hold the
 * page up.
 */
export class ScramClientExchange {
  readonly #bare: string;
  readonly #password: string;
  readonly #next: string | undefined;
  readonly #nonce: string;
  #offers: readonly string[] | undefined;
  #signature: Uint8Array | undefined;

  /** @param next Another password, whose keys go with the proof. */
  constructor(name: string, password: string, next?: string, nonce: string = toBase64(crypto.getRandomValues(new Uint8Array(24)))) {
    this.#bare = `n=${name.replaceAll("=", "=3D").replaceAll(",", "=2C")},r=${nonce}`;
    this.#password = password;
    this.#next = next;
    this.#nonce = nonce;
  }

  /** Client-first. */
  get first(): string {
    return `n,,${this.#bare}`;
  }

  /** What the broker said that it takes; undefined before its challenge. */
  get offers(): readonly string[] | undefined {
    return this.#offers;
  }

  /** The body of the answer to a challenge. @throws ProtocolViolation when it must not be answered. */
  async answer(challenge: Challenge): Promise<ControlMap> {
    const { nonce, salt, iterations } = this.#judge(challenge);
    const keys = await deriveKeys(this.#password, salt, iterations);
    const withoutProof = `c=biws,r=${nonce}`;
    const message = bytesOf(`${this.#bare},${challenge.scram},${withoutProof}`);
    this.#signature = await hmac(keys.serverKey, message);
    const mask = await hmac(keys.storedKey, message);
    const body = new ControlMap().set("scram", `${withoutProof},p=${toBase64(keys.clientKey.map((byte, i) => byte ^ mask[i]!))}`);
    if (challenge.iterations !== undefined) {
      const isSame = this.#next === undefined && challenge.iterations === iterations;
      const kept = isSame ? keys : await deriveKeys(this.#next ?? this.#password, salt, challenge.iterations);
      body.set("stored_key", kept.storedKey).set("server_key", kept.serverKey);
    }

    return body;
  }

  /** True when server-final shows that whoever answered knows the account. */
  isRight(serverFinal: string | undefined): boolean {
    const shown = serverFinal?.startsWith("v=") ? fromBase64(serverFinal.slice(2)) : undefined;
    const signature = this.#signature;
    if (signature === undefined || shown?.length !== signature.length) {
      return false;
    }

    // Each byte is looked at, whichever differs.
    return shown.reduce((difference, byte, i) => difference | (byte ^ signature[i]!), 0) === 0;
  }

  #judge(challenge: Challenge): { readonly nonce: string; readonly salt: Uint8Array<ArrayBuffer>; readonly iterations: number } {
    const parts = challenge.scram.split(",");
    const [nonce, salt, iterations] = [valueOf(parts[0], "r"), valueOf(parts[1], "s"), valueOf(parts[2], "i")];
    const saltBytes = fromBase64(salt);
    if (this.#offers !== undefined) {
      throw refused("a second challenge");
    }

    // `m=` asks for an extension that nobody knows; others are ignored, and signed.
    if (saltBytes === undefined || saltBytes.length === 0 || !/^[!-+\--~]+$/.test(nonce) || !/^[1-9][0-9]{0,8}$/.test(iterations) || parts.some((part) => !/^[A-Za-ln-z]=[^\0]/.test(part))) {
      throw refused("the challenge cannot be read");
    }

    if (!nonce.startsWith(this.#nonce) || nonce.length < this.#nonce.length + ProtocolLimits.scramNonceSizeMin) {
      throw refused("the challenge does not answer this client's nonce with one of its own");
    }

    for (const wanted of [Number(iterations), challenge.iterations ?? Number(iterations)]) {
      if (wanted < ProtocolLimits.scramIterationsMin || wanted > ProtocolLimits.scramIterationsMax) {
        throw refused(`the challenge asks for ${wanted} iterations: ${ProtocolLimits.scramIterationsMin} to ${ProtocolLimits.scramIterationsMax} are hashed`);
      }
    }

    this.#offers = valueOf(parts.find((part) => part.startsWith("o=")), "o").split(" ");
    return { nonce, salt: saltBytes, iterations: Number(iterations) };
  }
}

/** Keys of a password (RFC 5802 §3); its bytes are hashed as they were given. */
async function deriveKeys(password: string, salt: Uint8Array<ArrayBuffer>, iterations: number): Promise<ScramKeys> {
  const secret = await crypto.subtle.importKey("raw", bytesOf(password), "PBKDF2", false, ["deriveBits"]);
  const salted = new Uint8Array(await crypto.subtle.deriveBits({ name: "PBKDF2", hash: "SHA-256", salt, iterations }, secret, 256));
  const clientKey = await hmac(salted, bytesOf("Client Key"));
  return { clientKey, storedKey: new Uint8Array(await crypto.subtle.digest("SHA-256", clientKey)), serverKey: await hmac(salted, bytesOf("Server Key")) };
}

async function hmac(key: Uint8Array<ArrayBuffer>, message: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const imported = await crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, message));
}

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  const bytes = utf8Encode(text);
  if (bytes === undefined) {
    throw refused("a text holds a lone surrogate");
  }

  return bytes;
}

function valueOf(part: string | undefined, letter: string): string {
  return part?.startsWith(`${letter}=`) ? part.slice(2) : "";
}

function toBase64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

/** Undefined when it is none, or not in the form that there is one of. */
function fromBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    return toBase64(bytes) === text ? bytes : undefined;
  } catch {
    return undefined;
  }
}

function refused(reason: string): ProtocolViolation {
  return new ProtocolViolation(CloseCode.MechanismRefused, reason);
}
