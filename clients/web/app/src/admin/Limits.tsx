import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { LimitValue, Operator } from "@fastchat/client";
import { Icon } from "../ui/icons.tsx";
import { Section, say } from "./parts.tsx";
import { problemOf } from "./problems.ts";
import { bytes } from "./units.ts";

/** What each is, for people. A broker of a later version may have more: those are shown by their names. */
const ABOUT: Readonly<Record<string, readonly [string, string]>> = {
  limits: ["Rates hold", "Off: nobody is held to any of the rates below. What protects other people holds all the same."],
  limit_burst_seconds: ["Burst, seconds", "So many seconds' worth of a rate may come at once."],
  limit_publishes_per_second: ["Messages per user and second", "On all connections of the user together."],
  limit_publish_bytes_per_second: ["Message bytes per user and second", ""],
  limit_requests_per_second: ["Requests per user and second", "By what they cost: 1 for a look at an entry, 10 for a page."],
  limit_service_factor: ["Factor for programs", "A service account may do so many times as much as a person."],
  limit_conversation_publishes_per_second: ["Messages per conversation and second", "By everybody together."],
  limit_connection_bytes_per_second: ["Bytes per connection and second", "Beyond it the broker reads no further for a while."],
  limit_connections_per_user: ["Connections per user", ""],
  limit_connections_per_address: ["Connections per address", ""],
  limit_connects_per_second: ["New connections per address and second", ""],
  limit_sign_ins_per_second: ["Sign-ins with a password per address and second", "New accounts are among them."],
  limit_wrong_passwords: ["Wrong passwords per address", "So many before the pauses begin."],
  limit_sign_in_wait_seconds: ["Wait for a sign-in, seconds", "Who would have to wait longer is told to come back."],
  limit_trusted: ["Trusted networks", "Their addresses are not limited: a proxy stands for everybody behind it. Separated by spaces."],
};

/** What the broker holds people to, and the way to change it while it runs. */
export function Limits({ operator }: { operator: Operator }): JSX.Element {
  const [limits, setLimits] = useState<ReadonlyMap<string, LimitValue> | undefined>(undefined);
  const [edits, setEdits] = useState<ReadonlyMap<string, string>>(new Map());
  const [problem, setProblem] = useState<string | undefined>(undefined);
  const [isBusy, setIsBusy] = useState(false);

  useEffect(() => {
    let isGone = false;
    operator.getLimits().then((now) => { if (!isGone) setLimits(now); }, (error: unknown) => { if (!isGone) setProblem(problemOf(error)); });
    return () => { isGone = true; };
  }, [operator]);

  const changes = limits === undefined ? new Map<string, LimitValue>() : changesOf(limits, edits);
  const wrong = [...changes].filter(([, value]) => typeof value === "number" && !Number.isFinite(value)).map(([name]) => name);

  async function apply(event: Event): Promise<void> {
    event.preventDefault();
    if (isBusy || changes.size === 0 || wrong.length > 0) return;
    setIsBusy(true);
    setProblem(undefined);
    try {
      setLimits(await operator.setLimits(changes));
      setEdits(new Map());
      say(changes.size === 1 ? "The limit is in force." : `${changes.size} limits are in force.`);
    } catch (error) {
      setProblem(problemOf(error));
    } finally {
      setIsBusy(false);
    }
  }

  const edit = (name: string, text: string): void => setEdits((before) => new Map(before).set(name, text));
  return (
    <Section title="Limits in force" hint="A change is in force at once, for everybody, until the broker ends or reads its settings file again. What is to last is written there.">
      {problem !== undefined && <div class="notice" role="alert"><Icon name="warn" small /><span>{problem}</span></div>}
      {limits === undefined ? problem === undefined && <p class="empty">Looking …</p> : (
        <form class="limits" onSubmit={(event) => void apply(event)}>
          {[...limits].map(([name, value]) => (
            <Limit key={name} name={name} value={value} text={edits.get(name) ?? textOf(value)} isChanged={changes.has(name)} isWrong={wrong.includes(name)} edit={(text) => edit(name, text)} />
          ))}
          <div class="limits-foot">
            <span class="hint" role="status">{changes.size === 0 ? "Nothing is changed." : wrong.length > 0 ? "One of them is no number." : changes.size === 1 ? "One is changed, and not in force yet." : `${changes.size} are changed, and not in force yet.`}</span>
            <button type="button" class="button" disabled={edits.size === 0 || isBusy} onClick={() => setEdits(new Map())}>As they are</button>
            <button type="submit" class="button primary" disabled={changes.size === 0 || wrong.length > 0 || isBusy}>{isBusy ? "One moment …" : "Put in force"}</button>
          </div>
        </form>
      )}
    </Section>
  );
}

function Limit({ name, value, text, isChanged, isWrong, edit }: { name: string; value: LimitValue; text: string; isChanged: boolean; isWrong: boolean; edit: (text: string) => void }): JSX.Element {
  const [title, about] = ABOUT[name] ?? [name, ""];
  const size = name.includes("bytes") && Number.isFinite(Number(text)) && text !== "" ? bytes(Number(text)) : undefined;
  return (
    <div class="limit" data-changed={isChanged}>
      <div class="limit-about">
        <label for={name}>{title}</label>
        <p class="hint" id={`${name}-about`}>{about !== "" && `${about} `}<code>{name}</code></p>
      </div>
      <div class="limit-value">
        {typeof value === "boolean" ? (
          <input id={name} type="checkbox" class="switch" role="switch" checked={text === "true"} aria-describedby={`${name}-about`} onChange={(event) => edit(String(event.currentTarget.checked))} />
        ) : (
          <input
            id={name} class="input" inputMode={typeof value === "number" ? "decimal" : "text"} autocomplete="off" autocapitalize="none" spellcheck={false} value={text} aria-describedby={`${name}-about`} aria-invalid={isWrong}
            onInput={(event) => edit(event.currentTarget.value)}
          />
        )}
        <span class="limit-was hint">{isChanged ? `now ${textOf(value) === "" ? "none" : textOf(value)}` : (size ?? "")}</span>
      </div>
    </div>
  );
}

function textOf(value: LimitValue): string {
  return typeof value === "object" ? value.join(" ") : String(value);
}

/** Those that were edited to something else than they are; NaN where a number is expected and there is none. */
function changesOf(limits: ReadonlyMap<string, LimitValue>, edits: ReadonlyMap<string, string>): Map<string, LimitValue> {
  const changes = new Map<string, LimitValue>();
  for (const [name, text] of edits) {
    const before = limits.get(name);
    if (before === undefined) continue;
    const parsed = typeof before === "boolean" ? text === "true" : typeof before === "number" ? (text.trim() === "" ? Number.NaN : Number(text)) : text.split(/[\s,]+/).filter((part) => part !== "");
    if (textOf(parsed) !== textOf(before)) changes.set(name, parsed);
  }

  return changes;
}
