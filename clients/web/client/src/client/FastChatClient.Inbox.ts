import { writeU64 } from "../protocol/encoding/Numbers.js";
import { FrameType } from "../protocol/FrameType.js";
import { ControlMap } from "../protocol/control/ControlMap.js";
import { writeHex, type ConversationId, type UserId } from "../protocol/primitives/Ids.js";
import { ProtocolLimits } from "../protocol/ProtocolLimits.js";
import { nextOf, ofConversation, pageBody, type PageOptions, type RequestOptions } from "./ClientCore.js";
import { LaterRequests } from "./FastChatClient.Later.js";
import { idsIn, parseCursor, parseInboxEntry, type CursorPage, type InboxChanges, type InboxEntry, type InboxPage, type KnownConversation, type MemberCursor } from "./Pages.js";

const KNOWN_SIZE = 40;

/** What a request for a page of the inbox takes. */
export interface InboxOptions extends RequestOptions {
  /** What the device was told before, at most 1,600 conversations ({@link InboxRequests.catchUp} takes any number). */
  readonly known?: readonly KnownConversation[];
  /** The epoch that it was told then. */
  readonly epoch?: number;
  /** Conversations at the most, up to 200; absent = 50. */
  readonly limit?: number;
  /** `next` of the page before; absent = from the start. */
  readonly after?: Uint8Array | undefined;
  /** Only conversations from this id … */
  readonly first?: ConversationId | undefined;
  /** … to this one. */
  readonly last?: ConversationId | undefined;
}

/** How far somebody has come. */
export interface CursorMove extends RequestOptions {
  /** Up to here it is read. */
  readonly read?: number;
  /** Up to here it has arrived on this device. */
  readonly delivered?: number;
  /** True when others are not to know that it is read. */
  readonly isPrivate?: boolean;
  /** The first message of a thread; absent = the conversation itself. */
  readonly thread?: number;
}

/** The list of conversations as people see it, and how far they have read (protocol.md §4.6). Asked again by themselves when the connection breaks. */
export abstract class InboxRequests extends LaterRequests {
  /** A page of the user's conversations, most recently active first. With what the device knows already, only what is different. */
  getInbox(options: InboxOptions = {}): Promise<InboxPage> {
    const body = new ControlMap()
      .set("known", options.known?.length ? bytesOf(options.known) : undefined)
      .set("epoch", options.epoch || undefined)
      .set("limit", options.limit)
      .set("after", options.after)
      .setId("first", options.first)
      .setId("last", options.last);
    return this.ask(
      FrameType.GetInbox,
      body,
      (reply) => ({
        entries: reply.maps("conversations", parseInboxEntry),
        gone: idsIn(reply.bytes("gone")),
        total: reply.number("total"),
        isRecovered: reply.flag("recovered"),
        epoch: reply.number("epoch"),
        hiddenVersion: reply.number("hidden_version"),
        next: reply.bytes("next"),
      }),
      options,
    );
  }

  /** Everything that is different in the user's list from what the device knows, after any absence, on any node. Nothing known: everything comes. */
  async catchUp(known: readonly KnownConversation[] = [], epoch = 0, options: RequestOptions = {}): Promise<InboxChanges> {
    const sorted = [...known].sort((a, b) => (a.conversation < b.conversation ? -1 : 1));
    const entries: InboxEntry[] = [];
    const gone: ConversationId[] = [];
    let start: InboxPage | undefined;
    for (let at = 0; at === 0 || at < sorted.length; at += ProtocolLimits.inboxKnownMax) {
      // Each part answers for the ids from its own first one to before the next part's: together for all there are.
      const first = at === 0 ? undefined : sorted[at]!.conversation;
      const following = sorted[at + ProtocolLimits.inboxKnownMax];
      const last = following && before(following.conversation);
      let after: Uint8Array | undefined;
      do {
        const page = await this.getInbox({
          ...options, known: sorted.slice(at, at + ProtocolLimits.inboxKnownMax), epoch, limit: ProtocolLimits.inboxPageMax, after, first, last,
        });
        start ??= page;
        if (known.length > 0 && (!page.isRecovered || page.epoch !== start.epoch)) {
          // Another incarnation of the log: what was compared so far means nothing.
          return { ...(await this.catchUp([], 0, options)), isRecovered: false };
        }

        if (after === undefined) {
          gone.push(...page.gone);
        }

        entries.push(...page.entries);
        after = page.next;
      } while (after !== undefined);
    }

    return { entries, gone, isRecovered: true, epoch: start!.epoch, hiddenVersion: start!.hiddenVersion };
  }

  /** Says how far the user has read, or what has arrived on this device, and tells where the cursors are now. A cursor never goes back: a smaller value changes nothing. */
  moveCursor(conversation: ConversationId, move: CursorMove): Promise<MemberCursor> {
    const body = ofConversation(conversation)
      .set("read", move.read)
      .set("delivered", move.delivered)
      .set("private", move.isPrivate || undefined)
      .set("thread", move.thread);
    return this.ask(FrameType.MoveCursor, body, (reply) => ({ user: this.session.identity!.user, delivered: reply.number("delivered"), read: reply.number("read") }), move);
  }

  /** A page of how far the members of a conversation have come. FORBIDDEN in open conversations: they have no receipts. */
  listCursors(conversation: ConversationId, options: PageOptions<UserId> & { readonly thread?: number } = {}): Promise<CursorPage> {
    return this.ask(
      FrameType.ListCursors,
      pageBody(options).setId("conversation", conversation).set("thread", options.thread),
      (reply) => {
        const cursors = reply.maps("cursors", parseCursor);
        return { cursors, next: nextOf(reply, cursors.at(-1)?.user) };
      },
      options,
    );
  }
}

function bytesOf(known: readonly KnownConversation[]): Uint8Array {
  const bytes = new Uint8Array(KNOWN_SIZE * known.length);
  known.forEach((one, i) => {
    const at = KNOWN_SIZE * i;
    writeHex(bytes, at, one.conversation);
    writeU64(bytes, at + 16, one.head);
    writeU64(bytes, at + 24, one.read);
    writeU64(bytes, at + 32, one.receipts);
  });
  return bytes;
}

/** The id before this one. */
function before(id: ConversationId): ConversationId {
  return (BigInt(`0x${id}`) - 1n).toString(16).padStart(32, "0") as ConversationId;
}
