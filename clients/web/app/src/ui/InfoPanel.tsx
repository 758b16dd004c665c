import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { type GivenRole, type MemberInfo, rankOf, type UserId } from "@fastchat/client";
import { explain } from "../model/problems.ts";
import type { Room } from "../model/Room.ts";
import { go } from "../model/Route.ts";
import { Icon } from "./icons.tsx";
import { Avatar, Name, PresenceDot, RoomIcon, RoomTitle } from "./people.tsx";
import { Menu, type MenuItem, openPopover } from "./Popover.tsx";
import { shownLine } from "./safeText.ts";
import { aside, dialog, say, useChat } from "./state.ts";

const PAGE = 100;
const KINDS = { public: "Public room: everybody who is signed in reads and writes", channel: "Channel: everybody reads, members write", group: "Group: members read and write", direct: "Between the two of you" } as const;

/** What a room is, who is in it, and what the user may change. */
export function InfoPanel({ room }: { room: Room }): JSX.Element {
  const chat = useChat();
  const info = room.info.value;
  const own = rankOf(info.role);
  const canManage = info.kind !== "direct" && own >= rankOf("admin");
  const [members, setMembers] = useState<readonly MemberInfo[]>([]);
  const [next, setNext] = useState<UserId | undefined>(undefined);
  const [isLoading, setIsLoading] = useState(true);

  async function load(after: UserId | undefined): Promise<void> {
    setIsLoading(true);
    try {
      const page = await chat.client.listMembers(room.id, { after, limit: PAGE });
      for (const member of page.members) chat.people.learn(member.user, member.name);
      setMembers((before) => (after === undefined ? page.members : [...before, ...page.members]));
      setNext(page.next);
    } catch {
      // Who is no member does not learn who is.
      setMembers([]);
    }

    setIsLoading(false);
  }

  useEffect(() => void load(undefined), [room, info, room.membersVersion.value]);

  async function change(what: () => Promise<unknown>): Promise<void> {
    try {
      await what();
      await load(undefined);
    } catch (error) {
      say(explain(error), true);
    }
  }

  function leave(): void {
    dialog.value = {
      kind: "confirm", title: "Leave this conversation?", text: info.kind === "group" ? "You do not read on there, and come back only when somebody adds you." : "It goes from your list. You can join again.", action: "Leave",
      run: () => change(async () => {
        await chat.client.leave(room.id);
        aside.value = undefined;
        go("#/");
        chat.refreshSoon();
      }),
    };
  }

  return (
    <div class="aside-body info" tabIndex={0} role="group" aria-label="About this conversation">
      <div class="info-head">
        <RoomIcon room={room} />
        <h3><RoomTitle room={room} /></h3>
        {info.name !== undefined && info.name !== info.title && <p class="hint">#{info.name}</p>}
        <p class="hint">{KINDS[info.kind]}{info.isArchived ? ". Archived" : ""}{info.slowModeSeconds > 0 ? `. One message in ${info.slowModeSeconds} s` : ""}</p>
        {info.topic !== undefined && info.topic !== "" && <p class="topic-text" dir="auto">{shownLine(info.topic)}</p>}
      </div>
      {info.kind !== "direct" && (
        <div class="info-actions">
          {canManage && <button type="button" class="button small" onClick={() => (dialog.value = { kind: "addPeople", room })}><Icon name="add" small />Add people</button>}
          {canManage && <button type="button" class="button small" onClick={() => (dialog.value = { kind: "invite", room })}><Icon name="link" small />Invitation link</button>}
          {canManage && <button type="button" class="button small" onClick={() => (dialog.value = { kind: "editRoom", room })}><Icon name="settings" small />Settings</button>}
          {room.isMember && <button type="button" class="button small danger-text" onClick={leave}><Icon name="leave" small />Leave</button>}
        </div>
      )}
      <h4 class="list-title">Members</h4>
      <ul class="members">
        {members.map((member) => (
          <li key={member.user} class="member">
            <button type="button" class="member-who" onClick={() => (dialog.value = { kind: "person", user: member.user })}>
              <span class="room-icon"><Avatar user={member.user} size="s" /><PresenceDot user={member.user} /></span>
              <span class="member-name"><Name user={member.user} />{member.user === chat.self && <span class="hint"> (you)</span>}</span>
            </button>
            {info.kind !== "direct" && member.role !== "member" && <span class="role">{member.role}</span>}
            <MemberMenu room={room} member={member} change={change} />
          </li>
        ))}
      </ul>
      {isLoading && <div class="center-spinner"><div class="spinner" /></div>}
      {next !== undefined && !isLoading && <button type="button" class="button small wide" onClick={() => void load(next)}>Show more</button>}
      {!isLoading && members.length === 0 && <p class="hint">Members are told to members.</p>}
    </div>
  );
}

const GIVEN: readonly GivenRole[] = ["reader", "member", "moderator", "admin", "owner"];

function MemberMenu({ room, member, change }: { room: Room; member: MemberInfo; change: (what: () => Promise<unknown>) => Promise<void> }): JSX.Element | null {
  const chat = useChat();
  const anchor = useRef<HTMLButtonElement>(null);
  const own = room.info.value.role;
  const { user, role } = member;
  const isBelow = own === "owner" || rankOf(own) > rankOf(role);
  if (room.info.value.kind === "direct" || user === chat.self || rankOf(own) < rankOf("moderator") || !isBelow) return null;
  const { client } = chat;
  const items: MenuItem[] = [];
  const add = (label: string, icon: JSX.Element, what: () => Promise<unknown>, isDangerous = false): void => void items.push({ label, icon, isDangerous, run: () => void change(what) });
  if (role === "banned") {
    add("Lift the ban", <Icon name="check" small />, () => client.unban(room.id, user));
  } else if (role === "invited") {
    add("Take the invitation back", <Icon name="close" small />, () => client.uninvite(room.id, user));
  } else {
    if (rankOf(own) >= rankOf("admin")) {
      for (const given of GIVEN) if (given !== role && (own === "owner" || rankOf(given) < rankOf(own))) add(`Make ${given}`, <Icon name="person" small />, () => client.setRole(room.id, user, given));
    }

    if (member.mutedUntil === undefined) add("Mute for an hour", <Icon name="bell" small />, () => client.mute(room.id, user, 3600));
    else add("Lift the mute", <Icon name="bell" small />, () => client.unmute(room.id, user));
    add("Remove", <Icon name="leave" small />, () => client.removeMember(room.id, user), true);
    add("Ban", <Icon name="close" small />, () => client.ban(room.id, user), true);
  }

  return (
    <button type="button" ref={anchor} class="icon-button small" aria-label={`Change what ${shownLine(member.name)} may do`} aria-haspopup="menu" onClick={() => openPopover(anchor.current!, (close) => <Menu label="Member" items={items} close={close} />)}>
      <Icon name="more" small />
    </button>
  );
}
