import { nameOf } from "./ErrorCode.js";

/**
 * Why a connection ends (protocol.md §9). The hundreds say what a client does next: 40xx reconnect now, 41xx reconnect later, 42xx only with other credentials or on the user's word, 43xx the client broke the protocol.
 * Numbers that are not here are of a later version, and go by their hundred.
 */
export const CloseCode = {
  /** Never on the wire: the connection broke, or could not be made. */
  None: 0,
  /** The peer is done. */
  Normal: 4000,
  /** The broker shuts down. */
  Draining: 4001,
  /** Nothing was heard for two heartbeat intervals. */
  HeartbeatTimeout: 4002,
  /** The peer took no bytes. */
  WriteTimeout: 4003,
  /** A frame was begun and not finished. */
  FrameTimeout: 4004,
  /** The broker, or this address, has as many connections as it may. */
  TooManyConnections: 4100,
  /** Too busy to sign anyone in. */
  Overloaded: 4101,
  /** The store failed; the outcome of unanswered publishes is unknown. */
  StoreUnavailable: 4102,
  /** A defect of the broker. */
  InternalError: 4103,
  /** The disk has no room for what signing in would store. */
  StoreFull: 4104,
  /** No Hello came in time. */
  LoginTimeout: 4105,
  /** Too many connections, sign-ins or wrong passwords of this address. */
  RateLimited: 4106,
  /** Wrong name or password. */
  BadCredentials: 4200,
  /** The token is unknown, expired or revoked. */
  TokenInvalid: 4201,
  /** Registration: the name is taken. */
  NameTaken: 4202,
  /** Registration: the name is not one that users may have. */
  NameInvalid: 4203,
  /** Registration: the password is too short or too long. */
  PasswordInvalid: 4204,
  /** Another connection took up this session. */
  SessionReplaced: 4205,
  /** The operator makes the accounts here. */
  RegistrationClosed: 4206,
  /** No protocol version in common. */
  UnsupportedVersion: 4207,
  /** What signed in holds no longer; a newer token does. */
  TokenExpired: 4208,
  /** An operator has suspended the account. */
  Suspended: 4209,
  /** The device was ended, or the password was changed. */
  SignedOut: 4210,
  /** The assertion signs in nobody here. */
  AssertionRefused: 4211,
  /** A password, or a proof of it, is not taken in this way. */
  MechanismRefused: 4212,
  /** Cannot be read. */
  BadFrame: 4300,
  /** Over the limit of the state. */
  FrameTooLarge: 4301,
  /** Not now, or not from this side. */
  OutOfState: 4302,
} as const;

/** Why a connection ends: one of {@link CloseCode}, or a number of a later version. */
export type CloseCode = number;

/** What a client does after a close: at once, after a time, or not by itself. */
export type ReconnectAdvice = "now" | "later" | "never";

/** The advice that a code carries by its range; an unknown code below 4200 means later, any other one never. */
export function adviceOf(code: CloseCode): ReconnectAdvice {
  return code >= 4000 && code < 4100 ? "now" : code < 4200 ? "later" : "never";
}

/** A code's name, or its number when it is of a later version. */
export function nameOfClose(code: CloseCode): string {
  return nameOf(CloseCode, code);
}
