import { ControlMap } from "./ControlMap.js";
import type { DeviceId, SessionId, UserId } from "../primitives/Ids.js";
import { PROTOCOL_VERSION } from "../ProtocolLimits.js";

/** The first frame of a connection (protocol.md §3.2). */
export interface Hello {
  readonly client: string;
  readonly token?: string | undefined;
  readonly refresh?: string | undefined;
  readonly assertion?: string | undefined;
  readonly renews?: boolean;
  readonly name?: string | undefined;
  readonly password?: string | undefined;
  readonly scram?: string | undefined;
  readonly register?: boolean | undefined;
  readonly device?: DeviceId | undefined;
  readonly session?: SessionId | undefined;
  readonly attempt: number;
  readonly window: number;
  readonly signals: boolean;
}

export function writeHello(hello: Hello): ControlMap {
  return new ControlMap()
    .set("version", PROTOCOL_VERSION)
    .set("client", hello.client)
    .set("token", hello.token)
    .set("refresh", hello.refresh)
    .set("assertion", hello.assertion)
    .set("renews", hello.renews || undefined)
    .set("name", hello.name)
    .set("password", hello.password)
    .set("scram", hello.scram)
    .set("register", hello.register || undefined)
    .set("device", hello.device)
    .setId("session", hello.session)
    .set("attempt", hello.attempt)
    .set("window", hello.window)
    .set("signals", hello.signals || undefined);
}

/** The broker's answer to it. */
export interface Welcome {
  readonly version: number;
  readonly server: string;
  readonly session: SessionId;
  readonly isResumed: boolean;
  readonly user: UserId;
  readonly name: string;
  readonly device: DeviceId;
  readonly tokens: TokenPair;
  /** Server-final, behind a Proof. */
  readonly scram: string | undefined;
  readonly heartbeatMs: number;
  readonly frameSizeMax: number;
  readonly bodySizeMax: number;
  readonly inFlightMax: number;
  /** The broker's clock. */
  readonly time: number;
  readonly takesSignals: boolean;
}

export function parseWelcome(map: ControlMap): Welcome {
  return {
    version: map.number("version"),
    server: map.text("server") ?? "",
    session: map.id("session"),
    isResumed: map.flag("resumed"),
    user: map.id("user"),
    name: map.text("name") ?? "",
    device: map.big("device"),
    tokens: parseTokenPair(map),
    scram: map.text("scram"),
    heartbeatMs: map.number("heartbeat_ms"),
    frameSizeMax: map.number("frame_size_max"),
    bodySizeMax: map.number("body_size_max"),
    inFlightMax: map.number("in_flight_max"),
    time: map.number("time_us") / 1000,
    takesSignals: map.flag("signals"),
  };
}

/** The tokens that Welcome, Reauthenticate and ChangePassword bring, where there are new ones, and how long the sign-in holds (protocol.md §3.4). */
export interface TokenPair {
  readonly token: string | undefined;
  readonly refresh: string | undefined;
  /** Undefined = until it is ended. */
  readonly seconds: number | undefined;
}

export function parseTokenPair(map: ControlMap): TokenPair {
  return {
    token: map.text("token"),
    refresh: map.text("refresh"),
    seconds: map.get("token_seconds") === undefined ? undefined : map.number("token_seconds"),
  };
}
