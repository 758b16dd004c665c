import type { ChatMessage, ConversationId, FastChatClient, MessageState, UserId } from "@fastchat/client";
import { MessageKind } from "@fastchat/client";
import type { LogSource } from "../ui/LogView.tsx";
import { type Entry, entryOf, withReaction } from "./Entry.ts";

/** Sequences that are kept of one log; what is farthest from what is drawn goes first. */
const KEPT_MAX = 12_000;
/** Records of a page. */
const PAGE = 120;
/** Records that change others and came live: a page that is loaded meanwhile may have been read before they were written. */
const RECENT_CHANGES_MAX = 1000;

/**
 * A conversation's log as far as this page has it: entries by sequence, loaded in pages as somebody scrolls, and what arrives live. Every record that changes another one (an edit, a reaction, …) is applied here, once, to what is
 * there; what is loaded later comes with its state (GetMessageStates), and with what changed since.
 */
export class RoomLog implements LogSource<Entry> {
  first = 1;
  head = 0;
  pending: readonly Entry[] = [];
  /** Why the last page could not be loaded; undefined when it could. */
  failure: unknown;

  readonly #client: FastChatClient;
  readonly #conversation: ConversationId;
  readonly #self: UserId;
  readonly #entries = new Map<number, Entry | null>();
  readonly #changes: ChatMessage[] = [];
  readonly #listeners = new Set<() => void>();
  #epoch = 0;
  #loading = new Set<string>();
  #retryAt = 0;

  constructor(client: FastChatClient, conversation: ConversationId, self: UserId) {
    this.#client = client;
    this.#conversation = conversation;
    this.#self = self;
  }

  /** Calls a function whenever something in it has changed, many times a frame perhaps. Returns what ends that. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  at(sequence: number): Entry | null | undefined {
    return this.#entries.get(sequence);
  }

  /** How many sequences are in memory. */
  get size(): number {
    return this.#entries.size;
  }

  /** Sets what the log is: when the conversation becomes known, and when its log is another one. */
  begin(epoch: number, first: number, head: number): void {
    if (epoch !== this.#epoch) {
      this.#entries.clear();
      this.#changes.length = 0;
      this.head = 0;
      this.first = 1;
    }

    this.#epoch = epoch;
    this.first = Math.max(this.first, first);
    if (head > this.head) this.head = head;
    this.#tell();
  }

  /** Takes records that came live. They come in order, each once. */
  receive(records: readonly ChatMessage[]): void {
    for (const record of records) {
      if (record.sequence > this.head) this.head = record.sequence;
      this.#store(record);
      this.#apply(record, true);
    }

    this.#tell();
  }

  keep(from: number, to: number): void {
    if (this.#entries.size <= KEPT_MAX) return;
    // A quarter more than is necessary goes at once, so that this is done rarely.
    const middle = (from + to) / 2;
    const sequences = [...this.#entries.keys()].filter((sequence) => sequence < from - PAGE || sequence > to + PAGE);
    sequences.sort((a, b) => Math.abs(b - middle) - Math.abs(a - middle));
    for (const sequence of sequences.slice(0, this.#entries.size - KEPT_MAX * 0.75)) this.#entries.delete(sequence);
  }

  request(sequence: number, direction: "older" | "newer" | "around"): void {
    void this.load(sequence, direction);
  }

  /** Loads a page that ends with a sequence, begins with it, or has it in its middle. */
  async load(sequence: number, direction: "older" | "newer" | "around"): Promise<void> {
    const from = direction === "older" ? sequence - PAGE + 1 : direction === "newer" ? sequence : sequence - PAGE / 2;
    const first = Math.max(this.first, from);
    const last = Math.min(this.head, first + PAGE - 1);
    const name = direction;
    if (this.#loading.has(name) || first > last || performance.now() < this.#retryAt) return;
    this.#loading.add(name);
    try {
      const [page, states] = await Promise.all([
        this.#client.fetch(this.#conversation, { after: { epoch: this.#epoch, sequence: first - 1 }, limit: last - first + 1 }),
        this.#client.getMessageStates(this.#conversation, first, last),
      ]);
      if (page.epoch !== this.#epoch) return;
      const stateAt = new Map(states.states.map((state) => [state.sequence, state]));
      const hidden = new Set(states.hidden);
      for (const record of page.messages) {
        if (!this.#entries.has(record.sequence)) this.#store(record, stateAt.get(record.sequence), hidden.has(record.sequence));
      }

      // What came live while the page was on its way stands in neither, if it was written behind the head at which the states were read.
      for (const change of this.#changes) if (change.sequence > states.head) this.#apply(change, false);
      // A page that is shorter than it should be, because it grew too large in bytes, is asked for again from where it ended. One that begins later than asked says that everything before was cut off.
      const begins = page.messages[0]?.sequence ?? 0;
      if (begins > first) this.first = Math.max(this.first, begins);
      this.failure = undefined;
    } catch (error) {
      this.failure = error;
      this.#retryAt = performance.now() + 1000;
      setTimeout(() => this.#tell(), 1050);
    } finally {
      this.#loading.delete(name);
      this.#tell();
    }
  }

  /** Loads one entry for showing what another one answers; null when there is none. */
  async find(sequence: number): Promise<Entry | null> {
    const known = this.#entries.get(sequence);
    if (known !== undefined) return known;
    const [page, states] = await Promise.all([
      this.#client.fetch(this.#conversation, { after: { epoch: this.#epoch, sequence: sequence - 1 }, limit: 1 }),
      this.#client.getMessageStates(this.#conversation, sequence, sequence),
    ]);
    const record = page.messages.find((message) => message.sequence === sequence);
    return record === undefined ? null : (this.#make(record, states.states[0], states.hidden.includes(sequence)) ?? null);
  }

  /** Adds what is on its way, below everything else. */
  addPending(entry: Entry): void {
    this.pending = [...this.pending.filter((one) => one.key !== entry.key), entry];
    this.#tell();
  }

  changePending(key: string, change: Partial<Entry>): void {
    if (!this.pending.some((one) => one.key === key)) return;
    this.pending = this.pending.map((one) => (one.key === key ? { ...one, ...change } : one));
    this.#tell();
  }

  removePending(key: string): void {
    if (!this.pending.some((one) => one.key === key)) return;
    this.pending = this.pending.filter((one) => one.key !== key);
    this.#tell();
  }

  /** Changes an entry that is there. */
  change(sequence: number, change: (entry: Entry) => Entry): void {
    const entry = this.#entries.get(sequence);
    if (entry === null || entry === undefined) return;
    const changed = change(entry);
    if (changed === entry) return;
    this.#entries.set(sequence, changed);
    this.#tell();
  }

  /** The last message that satisfies a condition, among those that are there. */
  findLast(condition: (entry: Entry) => boolean): Entry | undefined {
    for (let sequence = this.head; sequence >= this.first; sequence--) {
      const entry = this.#entries.get(sequence);
      if (entry === undefined) return undefined;
      if (entry !== null && condition(entry)) return entry;
    }

    return undefined;
  }

  #make(record: ChatMessage, state: MessageState | undefined, isHidden: boolean): Entry | null {
    const entry = entryOf(record);
    if (entry === null || (state === undefined && !isHidden)) return entry;
    const isGone = state !== undefined && state.deletedBy > 0;
    return {
      ...entry,
      isHidden,
      gone: isGone ? "deleted" : entry.gone,
      text: isGone ? undefined : state !== undefined && state.edits > 0 ? state.text : entry.text,
      isEdited: (state?.edits ?? 0) > 0,
      isPinned: (state?.pinnedBy ?? 0) > 0,
      inThread: state?.inThread ?? 0,
      reactions: state?.reactions ?? [],
    };
  }

  #store(record: ChatMessage, state?: MessageState, isHidden = false): void {
    const entry = this.#make(record, state, isHidden);
    this.#entries.set(record.sequence, entry);
    if (entry?.clientMessageId !== undefined) this.#confirm(entry.key);
  }

  /** What was on its way has its place now. */
  #confirm(key: string): void {
    if (this.pending.length > 0 && this.pending.some((one) => one.key === key)) this.pending = this.pending.filter((one) => one.key !== key);
  }

  #apply(record: ChatMessage, isLive: boolean): void {
    const { target } = record;
    const thread = record.isMessage ? record.attributes?.thread : undefined;
    const isChange = target !== undefined || thread !== undefined || record.erased !== undefined;
    if (!isChange) return;
    if (isLive) {
      this.#changes.push(record);
      if (this.#changes.length > RECENT_CHANGES_MAX) this.#changes.splice(0, RECENT_CHANGES_MAX / 4);
    }

    if (thread !== undefined) this.change(thread, (entry) => ({ ...entry, inThread: entry.inThread + 1 }));
    for (const sequence of record.erased ?? []) this.change(sequence, (entry) => ({ ...entry, gone: "erased", text: undefined, reactions: [] }));
    if (target === undefined) return;
    switch (record.kind) {
      case MessageKind.Edit:
        this.change(target, (entry) => ({ ...entry, text: record.text, isEdited: true, attributes: { ...entry.attributes, ...mentionsOf(record) } }));
        break;
      case MessageKind.Delete:
      case MessageKind.Expired: {
        const root = this.#entries.get(target)?.attributes.thread;
        if (root !== undefined && this.#entries.get(target)?.gone === undefined) this.change(root, (entry) => ({ ...entry, inThread: Math.max(0, entry.inThread - 1) }));
        this.change(target, (entry) => ({ ...entry, gone: record.kind === MessageKind.Delete ? "deleted" : "expired", text: undefined, reactions: [], isPinned: false }));
        break;
      }

      case MessageKind.Reaction: {
        const reaction = record.reaction;
        if (reaction !== undefined) {
          this.change(target, (entry) => ({ ...entry, reactions: withReaction(entry.reactions, reaction.reaction, reaction.isAdded, record.sender === this.#self) }));
        }

        break;
      }

      case MessageKind.Pin:
        this.change(target, (entry) => ({ ...entry, isPinned: record.pin?.isPinned ?? false }));
        break;
      default:
        break;
    }
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}

function mentionsOf(record: ChatMessage): { mentions?: readonly UserId[] } {
  const mentions = record.attributes?.mentions;
  return mentions === undefined ? {} : { mentions };
}
