import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Availability, DeviceInfo, PresenceSetting } from "@fastchat/client";
import { explain } from "../model/problems.ts";
import { Notifier } from "../model/Notifier.ts";
import { signOut } from "../model/Session.ts";
import { type Theme, theme, wantsNotifications } from "../model/Settings.ts";
import { closeDialog, Dialog } from "./Dialog.tsx";
import { Icon } from "./icons.tsx";
import { Avatar, Name } from "./people.tsx";
import { shownLine } from "./safeText.ts";
import { dialog, say, useChat } from "./state.ts";
import { ago, fullTime } from "./times.ts";

const TABS = [["profile", "Profile"], ["devices", "Devices"], ["appearance", "This browser"]] as const;

/** What belongs to the user: how they are seen, where they are signed in, how this page looks. */
export function SettingsDialog({ tab }: { tab: "profile" | "devices" | "appearance" }): JSX.Element {
  function onKeyDown(event: KeyboardEvent): void {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (step === 0) return;
    const at = TABS.findIndex(([value]) => value === tab);
    const next = TABS[(at + step + TABS.length) % TABS.length]![0];
    dialog.value = { kind: "settings", tab: next };
    requestAnimationFrame(() => document.getElementById(`tab-${next}`)?.focus());
  }

  return (
    <Dialog title="You">
      <div class="segments" role="tablist" aria-label="Settings" onKeyDown={onKeyDown}>
        {TABS.map(([value, label]) => (
          <button type="button" key={value} id={`tab-${value}`} role="tab" aria-selected={tab === value} aria-controls="settings-panel" tabIndex={tab === value ? 0 : -1} onClick={() => (dialog.value = { kind: "settings", tab: value })}>{label}</button>
        ))}
      </div>
      <div id="settings-panel" role="tabpanel" aria-labelledby={`tab-${tab}`} class="settings-panel">
        {tab === "profile" && <Profile />}
        {tab === "devices" && <Devices />}
        {tab === "appearance" && <Appearance />}
      </div>
    </Dialog>
  );
}

const AVAILABILITIES: readonly (readonly [Exclude<Availability, "offline">, string])[] = [["online", "Online"], ["away", "Away"], ["dnd", "Do not disturb"], ["invisible", "Invisible"]];

function Profile(): JSX.Element {
  const chat = useChat();
  const person = chat.people.of(chat.self).value;
  const [presence, setPresence] = useState<PresenceSetting | undefined>(undefined);
  const [problem, setProblem] = useState<string | undefined>(undefined);
  useEffect(() => {
    chat.client.setPresence({}).then(setPresence, () => undefined);
  }, []);

  async function submit(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const fields = new FormData(event.currentTarget as HTMLFormElement);
    setProblem(undefined);
    try {
      const displayName = String(fields.get("display")).trim();
      if (displayName !== (person.shown === person.name ? "" : person.shown)) {
        await chat.client.setProfile({ displayName });
        chat.people.refresh(chat.self);
      }

      setPresence(await chat.client.setPresence({ availability: String(fields.get("availability")) as "online", status: String(fields.get("status")).trim() }));
      say("Saved.");
    } catch (error) {
      setProblem(explain(error));
    }
  }

  return (
    <form class="form" onSubmit={(event) => void submit(event)}>
      <div class="profile-head"><Avatar user={chat.self} size="l" /><div><strong><Name user={chat.self} /></strong><p class="hint">@{shownLine(chat.name)}</p></div></div>
      <div class="field"><label for="display">How you are called</label><input id="display" name="display" class="input" maxLength={60} defaultValue={person.shown === person.name ? "" : person.shown} placeholder={chat.name} autocomplete="nickname" data-autofocus /></div>
      <div class="field">
        <label for="availability">How you are seen</label>
        <select id="availability" name="availability" class="select" key={presence?.availability}>{AVAILABILITIES.map(([value, label]) => <option key={value} value={value} selected={presence?.availability === value}>{label}</option>)}</select>
      </div>
      <div class="field"><label for="status">A line about what you do</label><input id="status" name="status" class="input" maxLength={60} key={presence?.status} defaultValue={presence?.status ?? ""} placeholder="On the boat until six" autocomplete="off" /></div>
      {problem !== undefined && <p class="notice" role="alert"><Icon name="warn" small /><span>{problem}</span></p>}
      <div class="form-actions"><button type="submit" class="button primary">Save</button></div>
      <Password />
    </form>
  );
}

function Password(): JSX.Element {
  const chat = useChat();
  const [isOpen, setIsOpen] = useState(false);
  const [before, setBefore] = useState("");
  const [next, setNext] = useState("");
  const [problem, setProblem] = useState<string | undefined>(undefined);
  async function change(): Promise<void> {
    setProblem(undefined);
    try {
      const ended = await chat.client.changePassword(before, next);
      setIsOpen(false);
      say(ended === 0 ? "The password is changed." : `The password is changed. ${ended} other device${ended === 1 ? " was" : "s were"} signed out.`);
    } catch (error) {
      setProblem(explain(error));
    }
  }

  if (!isOpen) return <button type="button" class="link-button" onClick={() => setIsOpen(true)}>Change the password</button>;
  return (
    <fieldset class="form">
      <legend class="visually-hidden">Change the password</legend>
      <input type="text" name="username" autocomplete="username" value={chat.name} hidden readOnly />
      <div class="field"><label for="old-password">Password now</label><input id="old-password" class="input" type="password" autocomplete="current-password" value={before} onInput={(event) => setBefore(event.currentTarget.value)} /></div>
      <div class="field"><label for="new-password">New password</label><input id="new-password" class="input" type="password" autocomplete="new-password" value={next} onInput={(event) => setNext(event.currentTarget.value)} /><p class="hint">At least 8 characters. All other devices are signed out.</p></div>
      {problem !== undefined && <p class="notice" role="alert"><Icon name="warn" small /><span>{problem}</span></p>}
      <div class="form-actions"><button type="button" class="button plain" onClick={() => setIsOpen(false)}>Cancel</button><button type="button" class="button" onClick={() => void change()} disabled={before === "" || next === ""}>Change</button></div>
    </fieldset>
  );
}

function Devices(): JSX.Element {
  const chat = useChat();
  const [devices, setDevices] = useState<readonly DeviceInfo[] | undefined>(undefined);
  const [problem, setProblem] = useState<string | undefined>(undefined);
  async function load(): Promise<void> {
    try {
      const all: DeviceInfo[] = [];
      let after: bigint | undefined;
      do {
        const page = await chat.client.listDevices({ after });
        all.push(...page.devices);
        after = page.next;
      } while (after !== undefined);
      setDevices(all.sort((a, b) => Number(b.isCurrent) - Number(a.isCurrent) || (b.lastSeen ?? 0) - (a.lastSeen ?? 0)));
    } catch (error) {
      setProblem(explain(error));
    }
  }

  useEffect(() => void load(), []);

  async function end(what: () => Promise<unknown>): Promise<void> {
    try {
      await what();
      await load();
    } catch (error) {
      say(explain(error), true);
    }
  }

  const others = devices?.filter((one) => !one.isCurrent) ?? [];
  return (
    <div class="form">
      <p class="hint">Everywhere you are signed in. What you end here cannot sign in any more.</p>
      {problem !== undefined && <p class="notice" role="alert">{problem}</p>}
      {devices === undefined && problem === undefined && <div class="center-spinner"><div class="spinner" /></div>}
      <ul class="devices">
        {devices?.map((device) => (
          <li key={String(device.device)} class="device">
            <Icon name="device" />
            <span class="device-text">
              <bdi class="device-name">{shownLine(device.name) || "A device"}</bdi>
              <span class="hint">{device.isCurrent ? "This one" : device.isOnline ? "Connected now" : device.lastSeen === undefined ? "" : `Last seen ${ago(device.lastSeen)}`}{device.createdAt === undefined ? "" : <span title={fullTime(device.createdAt)}> · since {ago(device.createdAt)}</span>}</span>
            </span>
            {!device.isCurrent && <button type="button" class="button small" aria-label={`End ${shownLine(device.name)}`} onClick={() => void end(() => chat.client.endDevice(device.device))}>End</button>}
          </li>
        ))}
      </ul>
      <div class="form-actions">
        {others.length > 0 && <button type="button" class="button" onClick={() => void end(() => chat.client.endOtherDevices())}>End all others</button>}
        <button type="button" class="button danger" onClick={() => { closeDialog(); void signOut(); }}><Icon name="leave" small />Sign out here</button>
      </div>
    </div>
  );
}

const THEMES: readonly (readonly [Theme, string])[] = [["system", "As the system"], ["light", "Light"], ["dark", "Dark"]];

function Appearance(): JSX.Element {
  const isPossible = "Notification" in window;
  async function toggle(wanted: boolean): Promise<void> {
    if (wanted && !(await Notifier.ask())) {
      say("The browser does not allow notifications for this page.", true);
      wantsNotifications.value = false;
      return;
    }

    wantsNotifications.value = wanted;
  }

  return (
    <div class="form">
      <div class="field">
        <span class="label" id="theme-label">Colours</span>
        <div class="segments" role="group" aria-labelledby="theme-label">
          {THEMES.map(([value, label]) => <button type="button" key={value} aria-pressed={theme.value === value} onClick={() => (theme.value = value)}>{label}</button>)}
        </div>
      </div>
      <label class="checkbox">
        <input type="checkbox" checked={wantsNotifications.value} disabled={!isPossible} onChange={(event) => void toggle(event.currentTarget.checked)} />
        Notify me of mentions and direct messages while I look elsewhere
      </label>
      <p class="hint">Kept in this browser only.</p>
      <button type="button" class="button" onClick={() => (dialog.value = { kind: "shortcuts" })}><Icon name="keyboard" small />What the keyboard can do</button>
      <a class="hint" href="./admin">The operator’s page</a>
    </div>
  );
}
