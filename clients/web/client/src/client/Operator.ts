import { parseBrokerActivity, type BrokerActivity } from "../protocol/control/BrokerActivity.js";
import { ControlFloat, ControlFormatError, ControlMap } from "../protocol/control/ControlMap.js";
import { parseAccountInfo, parseBackupStatus, parseServiceInfo, parseSessionInfo, type BackupStatus } from "../protocol/control/DeviceInfo.js";
import { FrameType } from "../protocol/FrameType.js";
import type { ConversationId, DeviceId, SessionId, UserId } from "../protocol/primitives/Ids.js";
import type { ServiceRight } from "../protocol/primitives/Words.js";
import { inParts, nextOf, pageBody, type ClientCore, type PageOptions, type RequestOptions } from "./ClientCore.js";
import type { FastChatClient } from "./FastChatClient.js";
import type { DownloadOptions } from "./FastChatClient.Attachments.js";
import { devicePageBody, parseDevicePage } from "./FastChatClient.Devices.js";
import { askErasure, askExport, fetchExport, personBody } from "./FastChatClient.Privacy.js";
import type { AccountPage, DevicePage, ErasureStatus, ExportStatus, ServiceCreated, ServicePage, SessionPage } from "./Pages.js";

/** A limit of the broker: a switch, a number, or a list of networks. */
export type LimitValue = boolean | number | readonly string[];

/** What a broker counts. */
export interface BrokerCounts {
  /** By the names of its metrics. */
  readonly stats: ReadonlyMap<string, number>;
  /** What some of them are made of: by the metric's name, then by code or limit. Empty with a broker that does not say. */
  readonly parts: ReadonlyMap<string, ReadonlyMap<string, number>>;
}

/**
 * What only operators may do (FORBIDDEN for everybody else), apart from the client so that a page for chatting does not load it: `new Operator(client)`.
 * All of these but those that say so are asked again by themselves when the connection breaks.
 */
export class Operator {
  readonly #client: ClientCore;

  constructor(client: FastChatClient) {
    this.#client = client;
  }

  /** What the broker counts, by the names of its metrics (docs/operations.md). */
  async getStats(options?: RequestOptions): Promise<ReadonlyMap<string, number>> {
    return (await this.getCounts(options)).stats;
  }

  /** The same, with what errors, closes and refusals are made of. */
  getCounts(options?: RequestOptions): Promise<BrokerCounts> {
    return this.#client.ask(FrameType.GetStats, new ControlMap(), countsOf, options);
  }

  /** What the broker has been busy with of late: its shards, the conversations in which most is written, and what it refused. */
  getActivity(options?: RequestOptions): Promise<BrokerActivity> {
    return this.#client.ask(FrameType.GetActivity, new ControlMap(), parseBrokerActivity, options);
  }

  /** The limits in force, by the names that they have in the broker's settings file. */
  getLimits(options?: RequestOptions): Promise<ReadonlyMap<string, LimitValue>> {
    return this.#client.ask(FrameType.GetLimits, new ControlMap(), limitsOf, options);
  }

  /**
   * Changes limits for everybody, at once, until the broker ends or reads its settings file again; gives all of them, as they are now. All or nothing: SETTING_INVALID. Not asked again by itself; asking again is harmless.
   */
  setLimits(changes: ReadonlyMap<string, LimitValue> | Readonly<Record<string, LimitValue>>, options?: RequestOptions): Promise<ReadonlyMap<string, LimitValue>> {
    const limits = new ControlMap();
    for (const [name, value] of changes instanceof Map ? (changes as ReadonlyMap<string, LimitValue>) : Object.entries(changes as Readonly<Record<string, LimitValue>>)) {
      limits.set(name, typeof value === "number" && !Number.isInteger(value) ? new ControlFloat(value) : value);
    }

    return this.#client.ask(FrameType.SetLimits, new ControlMap().set("limits", limits), limitsOf, options, false);
  }

  /** A page of the accounts, in the order of their ids; with `prefix` of those whose name begins so, upper and lower case alike, in the order of their names. */
  listUsers(options: PageOptions<UserId> & { readonly prefix?: string } = {}): Promise<AccountPage> {
    return this.#client.ask(
      FrameType.ListUsers,
      pageBody(options).set("prefix", options.prefix),
      (reply) => {
        const users = reply.maps("users", parseAccountInfo);
        return { users, next: nextOf(reply, users.at(-1)?.user) };
      },
      options,
    );
  }

  /** A page of the sessions that have a connection, in the order of their ids; of one user, or of all. */
  listSessions(options: PageOptions<SessionId> & { readonly user?: UserId } = {}): Promise<SessionPage> {
    return this.#client.ask(
      FrameType.ListSessions,
      pageBody(options).setId("user", options.user),
      (reply) => {
        const sessions = reply.maps("sessions", parseSessionInfo);
        return { sessions, next: nextOf(reply, sessions.at(-1)?.session) };
      },
      options,
    );
  }

  /** Shuts somebody out, or lets them in again; true when that changed something. */
  suspendUser(user: UserId, isSuspended = true, options?: RequestOptions): Promise<boolean> {
    return this.#client.ask(FrameType.SuspendUser, personBody(user).set("suspended", isSuspended), (reply) => reply.flag("changed"), options);
  }

  /** A page of somebody's devices. */
  listDevices(user: UserId, options: PageOptions<DeviceId> = {}): Promise<DevicePage> {
    return this.#client.ask(FrameType.ListDevices, devicePageBody(options).setId("user", user), parseDevicePage, options);
  }

  /** Signs a device of somebody out. Not asked again by itself; asking again is harmless. */
  endDevice(user: UserId, device: DeviceId, options?: RequestOptions): Promise<number> {
    return this.#client.ask(FrameType.EndDevices, personBody(user).set("device", device), (reply) => reply.number("ended"), options, false);
  }

  /** Signs all devices of somebody out; returns how many. Not asked again by itself; asking again is harmless. */
  endAllDevices(user: UserId, options?: RequestOptions): Promise<number> {
    return this.#client.ask(FrameType.EndDevices, personBody(user).set("all", true), (reply) => reply.number("ended"), options, false);
  }

  /** Has the broker answer what it accepted, close every connection with DRAINING, and end. Not asked again by itself. */
  drainBroker(options?: RequestOptions): Promise<boolean> {
    return this.#client.ask(FrameType.Drain, new ControlMap(), (reply) => reply.flag("draining"), options, false);
  }

  /** Makes people of another system known here and returns their ids, in the order asked; the same name is the same user. Needs the import right. Any number. */
  importUsers(names: readonly string[], options?: RequestOptions): Promise<UserId[]> {
    return inParts(names, async (part) => {
      const ids = await this.#client.ask(FrameType.ImportUsers, new ControlMap().set("names", part), (reply) => reply.ids<UserId>("users"), options);
      if (ids.length !== part.length) {
        throw new ControlFormatError(`users: ${part.length} elements are expected`);
      }

      return ids;
    });
  }

  /** Makes the account of a program, which signs in with the token that comes back, and only with it. Not asked again by itself: end the account if it is there, for nobody has its token. */
  createService(name: string, rights: readonly ServiceRight[], conversations?: readonly ConversationId[], options?: RequestOptions): Promise<ServiceCreated> {
    const body = new ControlMap().set("name", name).set("rights", rights).setIds("conversations", conversations);
    return this.#client.ask(
      FrameType.CreateService,
      body,
      (reply) => {
        const token = reply.text("token");
        if (token === undefined) {
          throw new ControlFormatError("token: a text is expected");
        }

        return { user: reply.id("user"), token };
      },
      options,
      false,
    );
  }

  /** The same for a program that signs in with assertions of its own: a public key, as a JWK or in PEM. Gives the key's thumbprint. */
  createServiceWithKey(name: string, rights: readonly ServiceRight[], key: string, conversations?: readonly ConversationId[], options?: RequestOptions): Promise<{ readonly user: UserId; readonly key: string }> {
    const body = new ControlMap().set("name", name).set("rights", rights).set("key", key).setIds("conversations", conversations);
    return this.#client.ask(FrameType.CreateService, body, (reply) => ({ user: reply.id("user"), key: reply.text("key") ?? "" }), options, false);
  }

  /** The same for a program that shows a TLS certificate with a name, `dns:NAME` or `uri:URI`. */
  createServiceWithCertificate(name: string, rights: readonly ServiceRight[], certificate: string, conversations?: readonly ConversationId[], options?: RequestOptions): Promise<UserId> {
    const body = new ControlMap().set("name", name).set("rights", rights).set("certificate", certificate).setIds("conversations", conversations);
    return this.#client.ask(FrameType.CreateService, body, (reply) => reply.id<UserId>("user"), options, false);
  }

  /** Adds a public key to a program's account, takes one away by its thumbprint, or both; gives the thumbprints of those that there are now. */
  changeServiceKeys(user: UserId, change: { readonly add?: string; readonly remove?: string }, options?: RequestOptions): Promise<string[]> {
    return this.#client.ask(FrameType.ChangeServiceKeys, personBody(user).set("add", change.add).set("remove", change.remove), (reply) => reply.texts("keys"), options);
  }

  /** A page of the accounts of programs. */
  listServices(options: PageOptions<UserId> = {}): Promise<ServicePage> {
    return this.#client.ask(
      FrameType.ListServices,
      pageBody(options),
      (reply) => {
        const services = reply.maps("services", parseServiceInfo);
        return { services, next: nextOf(reply, services.at(-1)?.user) };
      },
      options,
    );
  }

  /** Ends the account of a program; its open sessions are closed at once. Not asked again by itself; asking again is harmless. */
  revokeService(user: UserId, options?: RequestOptions): Promise<void> {
    return this.#client.ask(FrameType.RevokeService, personBody(user), () => undefined, options, false);
  }

  /** Has the broker begin a backup of its store into an absolute path on its machine; it goes on by itself. `keep`: how many backups stay there; 0 = all. Not asked again by itself. */
  beginBackup(directory: string, keep = 0, options?: RequestOptions): Promise<BackupStatus> {
    return this.#client.ask(FrameType.Backup, new ControlMap().set("directory", directory).set("keep", keep), parseBackupStatus, options, false);
  }

  /** The broker's latest backup, and how it goes. */
  getBackup(options?: RequestOptions): Promise<BackupStatus> {
    return this.#client.ask(FrameType.Backup, new ControlMap(), parseBackupStatus, options);
  }

  /** Ends the backup that is under way, if one is. */
  stopBackup(options?: RequestOptions): Promise<BackupStatus> {
    return this.#client.ask(FrameType.Backup, new ControlMap().set("stop", true), parseBackupStatus, options);
  }

  /** Has an archive made of everything that is somebody's. */
  beginExport(user: UserId, options?: RequestOptions): Promise<ExportStatus> {
    return askExport(this.#client, personBody(user).set("begin", true), options);
  }

  /** How that archive goes. */
  getExport(user: UserId, options?: RequestOptions): Promise<ExportStatus> {
    return askExport(this.#client, personBody(user), options);
  }

  /** Stops making that archive, or deletes it. */
  discardExport(user: UserId, options?: RequestOptions): Promise<ExportStatus> {
    return askExport(this.#client, personBody(user).set("discard", true), options);
  }

  /** That archive, when it is ready. */
  downloadExport(user: UserId, status: ExportStatus, options?: DownloadOptions): Promise<Blob> {
    return fetchExport(this.#client, status, user, options);
  }

  /** Erases a person; begun before, it says how that goes. There is no way back. */
  eraseUser(user: UserId, options?: RequestOptions): Promise<ErasureStatus> {
    return askErasure(this.#client, personBody(user).set("begin", true), options);
  }

  /** How the erasure of a person goes. */
  getErasure(user: UserId, options?: RequestOptions): Promise<ErasureStatus> {
    return askErasure(this.#client, personBody(user), options);
  }
}

function countsOf(reply: ControlMap): BrokerCounts {
  const stats = reply.map("stats");
  if (stats === undefined) {
    throw new ControlFormatError("stats: a map is expected");
  }

  const parts = reply.map("parts");
  return { stats: numbersOf(stats), parts: new Map((parts?.keys ?? []).map((name) => [name, numbersOf(parts!.map(name) ?? new ControlMap())])) };
}

function numbersOf(map: ControlMap): ReadonlyMap<string, number> {
  return new Map(map.keys.map((key) => [key, map.number(key)]));
}

function limitsOf(reply: ControlMap): ReadonlyMap<string, LimitValue> {
  const limits = reply.map("limits");
  if (limits === undefined) {
    throw new ControlFormatError("limits: a map is expected");
  }

  const values = new Map<string, LimitValue>();
  for (const [name, value] of limits.entries()) {
    if (typeof value === "boolean" || typeof value === "number") {
      values.set(name, value);
    } else if (value instanceof ControlFloat) {
      values.set(name, value.value);
    } else if (Array.isArray(value)) {
      values.set(name, limits.texts(name));
    }

    // A setting of another kind is of a later version.
  }

  return values;
}
