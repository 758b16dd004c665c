import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { ConversationInfo, UserId } from "@fastchat/client";
import { explain } from "../model/problems.ts";
import type { Room } from "../model/Room.ts";
import { go, toConversation } from "../model/Route.ts";
import { closeDialog, Dialog } from "./Dialog.tsx";
import { daysOf } from "./EventLine.tsx";
import { Icon } from "./icons.tsx";
import { copy } from "./messageActions.tsx";
import { PeoplePicker } from "./PeoplePicker.tsx";
import { Avatar, availabilityWord, Name, PresenceDot } from "./people.tsx";
import { PopoverPlace } from "./Popover.tsx";
import { shownLine } from "./safeText.ts";
import { SettingsDialog } from "./SettingsDialog.tsx";
import { dialog, type Dialog as Open, say, useChat } from "./state.ts";
import { Switcher } from "./Switcher.tsx";
import { ago } from "./times.ts";

/** Whatever is open above the page. */
export function Dialogs(): JSX.Element {
  const current = dialog.value;
  return (
    <>
      {current !== undefined && <One current={current} />}
      <PopoverPlace />
    </>
  );
}

function One({ current }: { current: Open }): JSX.Element {
  switch (current.kind) {
    case "newRoom":
      return <NewRoom />;
    case "newDirect":
      return <NewDirect />;
    case "switcher":
      return <Switcher />;
    case "shortcuts":
      return <Shortcuts />;
    case "settings":
      return <SettingsDialog tab={current.tab} />;
    case "person":
      return <PersonCard user={current.user} />;
    case "addPeople":
      return <AddPeople room={current.room} />;
    case "editRoom":
      return <EditRoom room={current.room} />;
    case "invite":
      return <Invite room={current.room} />;
    case "picture":
      return <Picture url={current.url} name={current.name} />;
    case "confirm":
      return <Confirm {...current} />;
  }
}

/** What went wrong with the last attempt, and whether one is under way. */
function useAttempt(): { problem: string | undefined; isBusy: boolean; attempt: (what: () => Promise<void>) => Promise<void> } {
  const [problem, setProblem] = useState<string | undefined>(undefined);
  const [isBusy, setIsBusy] = useState(false);
  async function attempt(what: () => Promise<void>): Promise<void> {
    setProblem(undefined);
    setIsBusy(true);
    try {
      await what();
    } catch (error) {
      setProblem(explain(error));
    }

    setIsBusy(false);
  }

  return { problem, isBusy, attempt };
}

function ProblemLine({ text }: { text: string | undefined }): JSX.Element | null {
  return text === undefined ? null : <p class="notice" role="alert"><Icon name="warn" small /><span>{text}</span></p>;
}

function NewRoom(): JSX.Element {
  const chat = useChat();
  const [kind, setKind] = useState<"join" | "group" | "public" | "channel">("join");
  const [people, setPeople] = useState<readonly UserId[]>([]);
  const { problem, isBusy, attempt } = useAttempt();
  const form = useRef<HTMLFormElement>(null);

  async function submit(): Promise<void> {
    const fields = new FormData(form.current!);
    const text = (name: string): string => String(fields.get(name) ?? "").trim();
    if (kind === "join") {
      const wanted = text("where").replace(/^#(?!\/)/, "");
      const link = /#\/join\/([A-Za-z0-9_-]{20,64})/.exec(wanted)?.[1] ?? (/^[A-Za-z0-9_-]{43}$/.test(wanted) ? wanted : undefined);
      let info: ConversationInfo;
      if (link !== undefined) {
        info = await chat.client.getConversation((await chat.client.joinByLink(link)).conversation);
      } else {
        info = await chat.client.resolveConversation(wanted);
        if (info.role === "none") {
          await chat.client.join(info.conversation);
          info = await chat.client.getConversation(info.conversation);
        }
      }

      open(info);
      return;
    }

    const [name, title, topic] = [text("name"), text("title"), text("topic")];
    open(await chat.client.createConversation({
      kind, ...(name === "" ? {} : { name }), ...(title === "" ? {} : { title }), ...(topic === "" ? {} : { topic }), ...(people.length === 0 ? {} : { members: people }),
    }));
  }

  function open(info: ConversationInfo): void {
    chat.added(info);
    closeDialog();
    go(toConversation(info.conversation));
  }

  const kinds = [["join", "Join"], ["group", "New group"], ["public", "New public room"], ["channel", "New channel"]] as const;
  return (
    <Dialog title="Make or join a room">
      <form ref={form} class="form" onSubmit={(event) => { event.preventDefault(); void attempt(submit); }}>
        <div class="segments" role="group" aria-label="What">
          {kinds.map(([value, label]) => <button type="button" key={value} aria-pressed={kind === value} onClick={() => setKind(value)}>{label}</button>)}
        </div>
        {kind === "join" ? (
          <div class="field">
            <label for="where">Name of a public room, or an invitation</label>
            <input id="where" name="where" class="input" placeholder="lobby" autocapitalize="none" autocomplete="off" spellcheck={false} required data-autofocus />
            <p class="hint">A name as in #lobby, or the whole link that somebody gave you.</p>
          </div>
        ) : (
          <>
            <p class="hint">{kind === "group" ? "Only members know of it and read it." : kind === "public" ? "Everybody who is signed in finds it by its name, reads and writes." : "Everybody reads; those whom you make members write."}</p>
            {kind === "group" ? (
              <div class="field"><label for="title">What it is called</label><input id="title" name="title" class="input" maxLength={80} placeholder="Friday sailing" autocomplete="off" data-autofocus /></div>
            ) : (
              <div class="field">
                <label for="name">Name</label>
                <input id="name" name="name" class="input" pattern="[A-Za-z0-9][A-Za-z0-9._\-]{0,63}" placeholder="harbour" autocapitalize="none" autocomplete="off" spellcheck={false} required data-autofocus />
                <p class="hint">Letters, digits, dots, dashes, underscores. It stays for ever.</p>
              </div>
            )}
            <div class="field"><label for="topic">What it is about (if you like)</label><input id="topic" name="topic" class="input" maxLength={200} autocomplete="off" /></div>
            <PeoplePicker label="Members" chosen={people} setChosen={setPeople} />
          </>
        )}
        <ProblemLine text={problem} />
        <div class="form-actions">
          <button type="button" class="button plain" onClick={closeDialog}>Cancel</button>
          <button type="submit" class="button primary" disabled={isBusy}>{kind === "join" ? "Join" : "Create"}</button>
        </div>
      </form>
    </Dialog>
  );
}

function NewDirect(): JSX.Element {
  const chat = useChat();
  const { problem, attempt } = useAttempt();
  async function open(user: UserId): Promise<void> {
    const room = await chat.direct(user);
    closeDialog();
    go(toConversation(room.id));
  }

  return (
    <Dialog title="Write to somebody">
      <div class="form">
        <PeoplePicker label="Who" chosen={[]} setChosen={(chosen) => chosen[0] !== undefined && void attempt(() => open(chosen[0]!))} isSingle />
        <ProblemLine text={problem} />
        <button type="button" class="button wide" onClick={() => void attempt(() => open(chat.self))}><Icon name="edit" small />Notes to yourself</button>
      </div>
    </Dialog>
  );
}

function AddPeople({ room }: { room: Room }): JSX.Element {
  const chat = useChat();
  const [people, setPeople] = useState<readonly UserId[]>([]);
  const { problem, isBusy, attempt } = useAttempt();
  return (
    <Dialog title="Add people">
      <form class="form" onSubmit={(event) => {
        event.preventDefault();
        void attempt(async () => {
          const { added } = await chat.client.addMembers(room.id, people);
          room.info.value = { ...room.info.peek() };
          closeDialog();
          say(added === 1 ? "One person was added." : `${added} people were added.`);
        });
      }}>
        <PeoplePicker label="Who" chosen={people} setChosen={setPeople} />
        <ProblemLine text={problem} />
        <div class="form-actions"><button type="submit" class="button primary" disabled={isBusy || people.length === 0}>Add</button></div>
      </form>
    </Dialog>
  );
}

function EditRoom({ room }: { room: Room }): JSX.Element {
  const chat = useChat();
  const info = room.info.value;
  const { problem, isBusy, attempt } = useAttempt();
  return (
    <Dialog title="Settings of this conversation">
      <form class="form" onSubmit={(event) => {
        event.preventDefault();
        const fields = new FormData(event.currentTarget);
        void attempt(async () => {
          await chat.client.changeConversation(room.id, {
            title: String(fields.get("title")), topic: String(fields.get("topic")), slowModeSeconds: Number(fields.get("slow")), isArchived: fields.get("archived") === "on",
            retentionSeconds: Number(fields.get("retention")), history: String(fields.get("history")) as "all" | "invited" | "joined",
          });
          room.updateInfo(await chat.client.getConversation(room.id));
          closeDialog();
        });
      }}>
        <div class="field"><label for="title">Title</label><input id="title" name="title" class="input" maxLength={120} defaultValue={info.title ?? ""} autocomplete="off" data-autofocus /></div>
        <div class="field"><label for="topic">Topic</label><textarea id="topic" name="topic" class="input" rows={2} maxLength={500} defaultValue={info.topic ?? ""} /></div>
        <div class="field">
          <label for="slow">Slow mode</label>
          <select id="slow" name="slow" class="select" defaultValue={String(info.slowModeSeconds)}>
            {[...new Set([0, 5, 10, 30, 60, 300, 900, 3600, info.slowModeSeconds])].sort((a, b) => a - b).map((seconds) => <option key={seconds} value={seconds} selected={seconds === info.slowModeSeconds}>{seconds === 0 ? "Off" : seconds < 60 ? `One message in ${seconds} seconds` : `One message in ${seconds / 60} minutes`}</option>)}
          </select>
        </div>
        {info.kind === "group" ? (
          <div class="field">
            <label for="history">New members read</label>
            <select id="history" name="history" class="select">
              {([["all", "everything"], ["invited", "what was said since they were invited"], ["joined", "what is said from then on"]] as const).map(([value, label]) => <option key={value} value={value} selected={info.history === value}>{label}</option>)}
            </select>
          </div>
        ) : <input type="hidden" name="history" value={info.history} />}
        <div class="field">
          <label for="retention">Messages are kept</label>
          <select id="retention" name="retention" class="select">
            {[...new Set([0, 86_400, 7 * 86_400, 30 * 86_400, 365 * 86_400, info.retentionSeconds])].sort((a, b) => a - b).map((seconds) => <option key={seconds} value={seconds} selected={seconds === info.retentionSeconds}>{seconds === 0 ? "as long as this server keeps them" : `for ${daysOf(seconds)}`}</option>)}
          </select>
        </div>
        <label class="checkbox"><input type="checkbox" name="archived" defaultChecked={info.isArchived} />Archived: nobody writes here any more</label>
        <ProblemLine text={problem} />
        <div class="form-actions"><button type="button" class="button plain" onClick={closeDialog}>Cancel</button><button type="submit" class="button primary" disabled={isBusy}>Save</button></div>
      </form>
    </Dialog>
  );
}

function Invite({ room }: { room: Room }): JSX.Element {
  const chat = useChat();
  const [link, setLink] = useState<string | undefined>(undefined);
  const { problem, isBusy, attempt } = useAttempt();
  return (
    <Dialog title="Invitation link">
      <form class="form" onSubmit={(event) => {
        event.preventDefault();
        const fields = new FormData(event.currentTarget);
        void attempt(async () => {
          const uses = Number(fields.get("uses"));
          const made = await chat.client.createJoinLink(room.id, { seconds: Number(fields.get("seconds")), ...(uses > 0 ? { uses } : {}) });
          setLink(new URL(`#/join/${made.link}`, location.href).href);
        });
      }}>
        {link === undefined ? (
          <>
            <p class="hint">Whoever has the link can join until it ends. It is shown once.</p>
            <div class="field"><label for="seconds">It works for</label><select id="seconds" name="seconds" class="select"><option value="3600">an hour</option><option value="86400">a day</option><option value="604800" selected>a week</option><option value="2592000">30 days</option></select></div>
            <div class="field"><label for="uses">How often</label><select id="uses" name="uses" class="select"><option value="0">any number of times</option><option value="1">once</option><option value="10">ten times</option><option value="100">a hundred times</option></select></div>
            <ProblemLine text={problem} />
            <div class="form-actions"><button type="submit" class="button primary" disabled={isBusy}>Make a link</button></div>
          </>
        ) : (
          <>
            <div class="field"><label for="link">Give it to whom you want to have here</label><input id="link" class="input" readOnly value={link} onFocus={(event) => event.currentTarget.select()} data-autofocus /></div>
            <div class="form-actions"><button type="button" class="button primary" onClick={() => copy(link, "Copied.")}><Icon name="copy" small />Copy</button></div>
          </>
        )}
      </form>
    </Dialog>
  );
}

function PersonCard({ user }: { user: UserId }): JSX.Element {
  const chat = useChat();
  const person = chat.people.of(user).value;
  const presence = chat.presence.of(user).value;
  const [isBlocked, setIsBlocked] = useState<boolean | undefined>(undefined);
  const [fields, setFields] = useState<ReadonlyMap<string, string>>(new Map());
  const { problem, isBusy, attempt } = useAttempt();
  useEffect(() => {
    void chat.client.listBlocks({ limit: 500 }).then((page) => setIsBlocked(page.blocks.some((one) => one.user === user)), () => undefined);
    void chat.client.getProfiles([user]).then(([profile]) => setFields(profile?.fields ?? new Map()), () => undefined);
  }, [user]);
  return (
    <Dialog title="Person">
      <div class="person-card">
        <Avatar user={user} size="l" />
        <h3><Name user={user} /></h3>
        <p class="hint">@<bdi>{shownLine(person.name)}</bdi></p>
        {presence !== undefined && (
          <p><PresenceDot user={user} /> {presence.availability === "offline" && presence.lastSeen !== undefined ? `Last seen ${ago(presence.lastSeen)}` : availabilityWord(presence.availability)}{presence.status === "" ? "" : `: ${shownLine(presence.status)}`}</p>
        )}
        {fields.size > 0 && <dl class="person-fields">{[...fields].map(([key, value]) => <div key={key}><dt><bdi>{shownLine(key)}</bdi></dt><dd><bdi>{shownLine(value)}</bdi></dd></div>)}</dl>}
      </div>
      <ProblemLine text={problem} />
      <div class="form-actions">
        {user !== chat.self && isBlocked !== undefined && (
          <button type="button" class="button danger-text" disabled={isBusy} onClick={() => void attempt(async () => { await chat.client.block(user, !isBlocked); setIsBlocked(!isBlocked); })}>{isBlocked ? "Unblock" : "Block"}</button>
        )}
        <button type="button" class="button primary" disabled={isBusy} data-autofocus onClick={() => void attempt(async () => { const room = await chat.direct(user); closeDialog(); go(toConversation(room.id)); })}>
          {user === chat.self ? "Notes to yourself" : "Write"}
        </button>
      </div>
    </Dialog>
  );
}

function Picture({ url, name }: { url: string; name: string }): JSX.Element {
  return (
    <Dialog title={shownLine(name)} isWide>
      <div class="picture-large"><img src={url} alt={shownLine(name)} /></div>
    </Dialog>
  );
}

function Confirm({ title, text, action, run }: { title: string; text: string; action: string; run: () => Promise<void> | void }): JSX.Element {
  return (
    <Dialog title={title}>
      <p>{text}</p>
      <div class="form-actions">
        <button type="button" class="button plain" onClick={closeDialog}>Cancel</button>
        <button type="button" class="button danger" data-autofocus onClick={() => { closeDialog(); void run(); }}>{action}</button>
      </div>
    </Dialog>
  );
}

const KEYS: readonly (readonly [string, readonly (readonly [readonly string[], string])[]])[] = [
  ["Everywhere", [
    [["Ctrl", "K"], "Jump to a conversation or a person"],
    [["Alt", "↑"], "The conversation above"], [["Alt", "↓"], "The conversation below"],
    [["Alt", "Shift", "↓"], "The next one with something unread"],
    [["?"], "This list"],
  ]],
  ["In the message field", [
    [["Enter"], "Send"], [["Shift", "Enter"], "A new line"], [["@"], "Mention somebody"], [["↑"], "Edit your last message, when the field is empty"], [["Esc"], "Stop answering or editing"],
    [["Shift", "Tab"], "To the messages"],
  ]],
  ["In the messages", [
    [["↑"], "Pick the message above"], [["↓"], "Pick the message below"], [["PgUp"], "A screen back"], [["PgDn"], "A screen on"], [["Home"], "The beginning"], [["End"], "The newest message"],
  ]],
  ["With a picked message", [
    [["r"], "Reply"], [["+"], "React"], [["t"], "Open its thread"], [["e"], "Edit"], [["d"], "Delete"], [["Enter"], "Everything else"], [["Esc"], "Back to the message field"],
  ]],
];

function Shortcuts(): JSX.Element {
  return (
    <Dialog title="What the keyboard can do" isWide>
      <div class="shortcuts">
        {KEYS.map(([title, keys]) => (
          <section key={title}>
            <h3>{title}</h3>
            <dl>{keys.map(([combination, what]) => <div key={what}><dt>{combination.map((key) => <kbd key={key}>{key}</kbd>)}</dt><dd>{what}</dd></div>)}</dl>
          </section>
        ))}
      </div>
    </Dialog>
  );
}
