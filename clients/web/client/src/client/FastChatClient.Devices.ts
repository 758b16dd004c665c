import { ControlMap } from "../protocol/control/ControlMap.js";
import { parseDeviceInfo } from "../protocol/control/DeviceInfo.js";
import { FrameType } from "../protocol/FrameType.js";
import type { DeviceId } from "../protocol/primitives/Ids.js";
import type { PageOptions, RequestOptions } from "./ClientCore.js";
import { AttachmentRequests } from "./FastChatClient.Attachments.js";
import type { DevicePage } from "./Pages.js";

/** The user's devices, and the password (protocol.md §4.11). */
export abstract class DeviceRequests extends AttachmentRequests {
  /** A page of the user's devices, in the order of their numbers. */
  listDevices(options: PageOptions<DeviceId> = {}): Promise<DevicePage> {
    return this.ask(FrameType.ListDevices, devicePageBody(options), parseDevicePage, options);
  }

  /** Gives a device (absent: this one) a name of 1–64 bytes without control characters. */
  nameDevice(name: string, device?: DeviceId, options?: RequestOptions): Promise<void> {
    return this.ask(FrameType.NameDevice, new ControlMap().set("name", name).set("device", device), () => undefined, options);
  }

  /** Signs a device out: none of its tokens signs in any more, and its connections are closed. When it is this one, the client ends. Not asked again by itself; asking again is harmless. */
  endDevice(device: DeviceId, options?: RequestOptions): Promise<void> {
    return this.ask(FrameType.EndDevices, new ControlMap().set("device", device), () => undefined, options, false);
  }

  /** Signs all other devices of the user out; returns how many. Not asked again by itself; asking again is harmless. */
  endOtherDevices(options?: RequestOptions): Promise<number> {
    return this.ask(FrameType.EndDevices, new ControlMap().set("others", true), (reply) => reply.number("ended"), options, false);
  }

  /**
   * Changes the password. All other devices are signed out; this one gets new tokens, which go to the token store, or are told by {@link FastChatClient.token}. Returns how many devices were signed out. When the connection
   * breaks before the answer, sign in with either password to learn which one holds.
   * Neither password is shown where the broker takes proofs ({@link ClientOptions.passwordMechanism}).
   * @throws RequestError WRONG_CREDENTIALS, PASSWORD_INVALID, MECHANISM_REFUSED (also when the broker could not show that it knows the account), RATE_LIMITED, OVERLOADED.
   */
  changePassword(password: string, next: string, options: RequestOptions = {}): Promise<number> {
    return this.session.changePassword(password, next, options.signal);
  }
}

/** @internal */
export function devicePageBody(options: PageOptions<DeviceId>): ControlMap {
  return new ControlMap().set("after", options.after).set("limit", options.limit);
}

/** @internal */
export function parseDevicePage(reply: ControlMap): DevicePage {
  const devices = reply.maps("devices", parseDeviceInfo);
  return { devices, next: reply.flag("complete") ? undefined : devices.at(-1)?.device };
}
