import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import type { FastChatClient, Operator } from "@fastchat/client";
import { isSystemDark, theme } from "../model/Settings.ts";
import { Icon, type IconName } from "../ui/icons.tsx";
import { operatorConsole, signOut } from "./console.ts";
import { concernsOf } from "./health.ts";
import { Limits } from "./Limits.tsx";
import { Maintenance } from "./Maintenance.tsx";
import { Overview } from "./Overview.tsx";
import { Questions, Said } from "./parts.tsx";
import { Sessions } from "./Sessions.tsx";
import { SignIn } from "./SignIn.tsx";
import { age, time } from "./units.ts";
import { Users } from "./Users.tsx";
import { of, type Watch } from "./Watch.ts";

const PLACES = ["overview", "users", "sessions", "limits", "maintenance"] as const;
type Place = (typeof PLACES)[number];

const NAMES: Record<Place, readonly [string, IconName]> = {
  overview: ["Overview", "info"],
  users: ["Users", "people"],
  sessions: ["Sessions", "device"],
  limits: ["Limits", "settings"],
  maintenance: ["Maintenance", "lock"],
};

const place = signal<Place>(placeOf(location.hash));
window.addEventListener("hashchange", () => (place.value = placeOf(location.hash)));

function placeOf(hash: string): Place {
  const named = hash.replace(/^#\/?/, "") as Place;
  return PLACES.includes(named) ? named : "overview";
}

export function App(): JSX.Element | null {
  const now = operatorConsole.value;
  if (now.state === "starting") return null;
  return now.state === "out" ? <SignIn reason={now.reason} /> : <Frame client={now.client} operator={now.operator} watch={now.watch} />;
}

function Frame({ client, operator, watch }: { client: FastChatClient; operator: Operator; watch: Watch }): JSX.Element {
  const current = place.value;
  useEffect(() => {
    document.title = `${NAMES[current][0]} – FastChat operator`;
  }, [current]);
  return (
    <div class="frame">
      <a class="skip" href="#content" onClick={(event) => { event.preventDefault(); document.getElementById("content")?.focus(); }}>To the content</a>
      <header class="top">
        <div class="top-name">
          <span class="top-mark" aria-hidden="true"><Icon name="thread" /></span>
          <h1>FastChat <span>operator</span></h1>
        </div>
        <Status client={client} watch={watch} />
        <div class="top-tools">
          <ThemeButton />
          <button type="button" class="button small" onClick={() => void signOut()}>Sign out</button>
        </div>
        <nav class="places" aria-label="Parts of this page">
          {PLACES.map((name) => (
            <a key={name} href={`#${name}`} aria-current={name === current ? "page" : undefined}><Icon name={NAMES[name][1]} small />{NAMES[name][0]}</a>
          ))}
        </nav>
      </header>
      <main id="content" class="content" tabIndex={-1}>
        <Broken client={client} watch={watch} />
        {current === "overview" && <Overview watch={watch} />}
        {current === "users" && <Users client={client} operator={operator} />}
        {current === "sessions" && <Sessions client={client} operator={operator} />}
        {current === "limits" && <Limits operator={operator} />}
        {current === "maintenance" && <Maintenance operator={operator} watch={watch} />}
      </main>
      <Questions />
      <Said />
    </div>
  );
}

/** In one word how the broker does, and which one it is. */
function Status({ client, watch }: { client: FastChatClient; watch: Watch }): JSX.Element {
  const stats = watch.stats.value;
  const isConnected = watch.connection.value.phase === "connected";
  const concerns = concernsOf(watch);
  const state = !isConnected ? "broken" : concerns.some((concern) => concern.isGrave) ? "grave" : concerns.length > 0 ? "warn" : stats === undefined ? "unknown" : "well";
  const word = { broken: "Not connected", grave: "Needs attention now", warn: "Needs attention", unknown: "Looking …", well: "All well" }[state];
  return (
    <div class="status">
      <span class="status-word" data-state={state} role="status"><span class="dot" aria-hidden="true" />{word}</span>
      {stats !== undefined && <span class="status-more">{client.server ?? ""} · up {age(of(stats, "process.uptime"))}</span>}
    </div>
  );
}

/** Says that what is shown is old. */
function Broken({ client, watch }: { client: FastChatClient; watch: Watch }): JSX.Element | null {
  if (watch.connection.value.phase === "connected") return null;
  const answered = watch.answeredAt.value;
  return (
    <div class="concern" data-grave="true" role="alert">
      <Icon name="offline" small />
      <span>No connection to the broker{answered === undefined ? "." : `: what you see is from ${time(answered)}.`} It is tried again by itself.</span>
      <button type="button" class="button small" onClick={() => client.wake()}>Try now</button>
    </div>
  );
}

function ThemeButton(): JSX.Element {
  const isDark = theme.value === "system" ? isSystemDark.value : theme.value === "dark";
  return (
    <button type="button" class="icon-button" aria-label={isDark ? "Light colours" : "Dark colours"} onClick={() => (theme.value = isDark ? "light" : "dark")}>
      <Icon name={isDark ? "sun" : "moon"} />
    </button>
  );
}
