import type { ClientMessageId, UserId } from "../../protocol/primitives/Ids.js";
import { DiscardedError, QueueFullError, RequestError } from "../ClientError.js";
import type { Clock } from "../Clock.js";
import type { Identity } from "../FastChatClient.js";
import type { Outbox, OutboxEntry, OutboxItem, OutboxStore } from "../Outbox.js";
import { SendEntry, type SendQueue } from "./SendQueue.js";

/** How long after a change in another tab to look whether that one is still there, in ms. */
const TAKE_OVER_AFTER = 1000;

/** What the keeper needs of the session. */
export interface OutboxHost {
  readonly clock: Clock;
  readonly sends: SendQueue;
  /** Listens to an entry that the keeper made. */
  adopt(entry: SendEntry): void;
  /** There may be something to send. */
  wake(): void;
  /** What waits changed. */
  onChange(): void;
}

/**
 * Keeps the send queue's entries in a store: each is stored before it is sent, and taken away when it is durable. What an earlier program of the same device left behind goes first; what another tab left behind when it closed
 * goes behind.
 */
export class OutboxKeeper implements Outbox {
  readonly #store: OutboxStore;
  readonly #host: OutboxHost;
  readonly #entriesMax: number;
  readonly #entries = new Map<ClientMessageId, SendEntry>();

  /** What stands in the store and is not to be sent: refused, or maybe sent from another device. */
  readonly #resting = new Set<ClientMessageId>();
  #toPut: SendEntry[] = [];
  #answered: SendEntry[] = [];
  #identity: Identity | undefined;
  #isReady = false;
  #isPutting = false;
  #isSettling = false;
  #isClosed = false;
  #lastOrder = 0;
  readonly #endListening: () => void;
  #timer: unknown;

  constructor(store: OutboxStore, host: OutboxHost, entriesMax: number) {
    this.#store = store;
    this.#host = host;
    this.#entriesMax = entriesMax;
    this.#endListening = store.onChange(() => {
      host.onChange();

      // Maybe a tab has ended and left something behind.
      this.#timer ??= host.clock.setTimeout(() => {
        this.#timer = undefined;
        void this.#takeOver();
      }, TAKE_OVER_AFTER);
    });
  }

  /** It is known who sends. The first call takes what was left behind; every later one, with each connection, what tabs that closed meanwhile have left. */
  begin(identity: Identity): Promise<void> {
    this.#identity = identity;
    return this.#takeOver();
  }

  /** True when another entry has room. */
  get hasRoom(): boolean {
    return this.#entries.size + this.#resting.size < this.#entriesMax;
  }

  /** Stores an entry; it may be sent when that is done. */
  add(entry: SendEntry): void {
    this.#entries.set(entry.id, entry);
    this.#toPut.push(entry);
    this.#put();
  }

  /** An entry has its outcome. */
  onAnswered(entry: SendEntry): void {
    const kept = entry.kept;
    if (kept === undefined || entry.state === "failed") {
      this.#entries.delete(entry.id);
      return;
    }

    this.#answered.push(entry);
    this.#settle();
  }

  /** The client ends: what is unanswered is for the next one. */
  close(): void {
    this.#isClosed = true;
    this.#endListening();
    this.#host.clock.clearTimeout(this.#timer);
    this.#closeWhenStored();
  }

  async list(): Promise<readonly OutboxItem[]> {
    const identity = this.#identity;
    return identity === undefined ? [] : (await this.#store.load(identity.user)).map((entry) => ({ ...entry, state: stateOf(entry, identity) }));
  }

  async discard(id: ClientMessageId): Promise<void> {
    const kept = await this.#find(id);
    if (kept !== undefined) {
      await this.#store.remove([kept]);
    }

    const entry = this.#entries.get(id);
    this.#entries.delete(id);
    this.#resting.delete(id);
    entry?.fail("refused", new DiscardedError("the application threw it away"));
    this.#host.onChange();
  }

  async retry(id: ClientMessageId): Promise<void> {
    const kept = await this.#find(id);
    const identity = this.#identity;
    if (kept === undefined || identity === undefined || this.#entries.has(id) || stateOf(kept, identity) === "queued") {
      return;
    }

    const { refused: _, ...rest } = kept;
    const again: OutboxEntry = { ...rest, order: this.#nextOrder(), device: String(identity.device), owner: this.#store.owner };
    await this.#store.put([again]);
    this.#resting.delete(id);
    this.#host.sends.append(this.#enter(again));
    this.#host.onChange();
    this.#host.wake();
  }

  async #takeOver(): Promise<void> {
    const identity = this.#identity;
    if (identity === undefined || this.#isClosed) {
      return;
    }

    const isFirst = !this.#isReady;
    let left: OutboxEntry[] = [];
    try {
      left = await this.#store.adopt(identity.user);
    } catch {
      // A store that cannot be read cannot be written either: whoever publishes is told so, and the next connection tries again.
    }

    if (this.#isClosed) {
      this.#closeWhenStored();
      return;
    }

    for (const entry of left) {
      if (stateOf(entry, identity) !== "queued") {
        this.#resting.add(entry.id);
      }
    }

    const entries = left.filter((entry) => stateOf(entry, identity) === "queued" && !this.#entries.has(entry.id)).map((entry) => this.#enter(entry));
    if (isFirst && this.#host.sends.isFresh) {
      this.#host.sends.prepend(entries);
    } else {
      entries.forEach((entry) => this.#host.sends.append(entry));
    }

    this.#isReady = true;
    this.#put();
    if (entries.length > 0) {
      this.#host.onChange();
      this.#host.wake();
    }
  }

  async #find(id: ClientMessageId): Promise<OutboxEntry | undefined> {
    const user: UserId | undefined = this.#identity?.user;
    return user === undefined ? undefined : (await this.#store.load(user)).find((entry) => entry.id === id);
  }

  #enter(kept: OutboxEntry): SendEntry {
    const entry = new SendEntry(kept, true);
    entry.kept = kept;
    this.#lastOrder = Math.max(this.#lastOrder, kept.order);
    this.#entries.set(kept.id, entry);
    this.#host.adopt(entry);
    return entry;
  }

  /** Stores what waits for it, all at once: the next call stores what has come meanwhile. */
  #put(): void {
    const identity = this.#identity;
    if (!this.#isReady || this.#isPutting || this.#toPut.length === 0 || identity === undefined) {
      return;
    }

    this.#isPutting = true;
    queueMicrotask(() => {
      const entries = this.#toPut;
      this.#toPut = [];
      const kept = entries.map((entry) => this.#keep(entry, identity));
      this.#store
        .put(kept)
        .then(
          () => entries.forEach((entry, i) => this.#onStored(entry, kept[i]!)),
          (failure: unknown) => entries.forEach((entry) => entry.fail("refused", new QueueFullError(`the outbox cannot keep it: ${String(failure)}`))),
        )
        .finally(() => {
          this.#isPutting = false;
          this.#host.wake();
          this.#host.onChange();
          this.#put();
          if (this.#isClosed) {
            this.#closeWhenStored();
          }
        });
    });
  }

  #onStored(entry: SendEntry, kept: OutboxEntry): void {
    if (entry.state === "refused") {
      // Discarded meanwhile.
      void this.#store.remove([kept]).catch(() => undefined);
      return;
    }

    entry.kept = kept;
    entry.isStored = true;
  }

  /** Notes outcomes in the store, all that have come at once. */
  #settle(): void {
    if (this.#isSettling || this.#answered.length === 0) {
      return;
    }

    this.#isSettling = true;
    queueMicrotask(() => {
      const entries = this.#answered;
      this.#answered = [];
      const refused = entries.flatMap((entry) => (entry.error instanceof RequestError ? [{ ...entry.kept!, refused: { code: entry.error.code, reason: entry.error.reason } }] : []));
      const done = entries.flatMap((entry) => (entry.error instanceof RequestError ? [] : [entry.kept!]));
      Promise.all([refused.length > 0 && this.#store.put(refused), done.length > 0 && this.#store.remove(done)])
        .catch(() => {
          // They stay as they were and are sent again by the next program: duplicates, which the broker knows, or the same refusals.
        })
        .finally(() => {
          // Until now they could have been found in the store and taken for some that were left behind.
          entries.forEach((entry) => this.#entries.delete(entry.id));
          refused.forEach((entry) => this.#resting.add(entry.id));
          this.#isSettling = false;
          this.#host.onChange();
          this.#settle();
          if (this.#isClosed) {
            this.#closeWhenStored();
          }
        });
    });
  }

  /** Lets others take over what is left, but not before it is there. */
  #closeWhenStored(): void {
    if (!this.#isPutting && !this.#isSettling && (this.#toPut.length === 0 || !this.#isReady)) {
      this.#store.close();
    }
  }

  #keep(entry: SendEntry, identity: Identity): OutboxEntry {
    return {
      id: entry.id,
      order: this.#nextOrder(),
      user: identity.user,
      conversation: entry.conversation,
      kind: entry.kind,
      body: entry.body,
      ...(entry.onBehalfOf === undefined ? {} : { onBehalfOf: entry.onBehalfOf }),
      ...(entry.ifHead === undefined ? {} : { ifHead: entry.ifHead }),
      queuedAt: this.#host.clock.date(),
      device: String(identity.device),
      owner: this.#store.owner,
    };
  }

  /** Grows, also over reloads: it begins with the time. */
  #nextOrder(): number {
    this.#lastOrder = Math.max(this.#lastOrder + 1, Math.floor(this.#host.clock.date() * 1000));
    return this.#lastOrder;
  }
}

function stateOf(entry: OutboxEntry, identity: Identity): OutboxItem["state"] {
  return entry.refused !== undefined ? "refused" : entry.device === undefined || entry.device === String(identity.device) ? "queued" : "unknown";
}
