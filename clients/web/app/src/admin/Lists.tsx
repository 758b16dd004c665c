import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { ConversationActivity, RefusalActivity } from "@fastchat/client";
import { Section, Table } from "./parts.tsx";
import { bytes, bytesPerSecond, count, percent, perSecond, queued, time } from "./units.ts";
import type { Watch } from "./Watch.ts";

const MINUTE = 60;

/** Where most is written. */
export function Busiest({ watch }: { watch: Watch }): JSX.Element {
  const busiest = watch.activity.value?.latest.conversations ?? [];
  const most = busiest[0]?.messages ?? 1;
  return (
    <Section title="Busiest conversations" hint="Of the last minute; at least so much.">
      <Table
        label="Busiest conversations" isEmpty={busiest.length === 0} empty="Nothing was written in the last minute."
        head={["Conversation", "Kind", { text: "Messages", isNumber: true }, { text: "Bytes", isNumber: true }]}
      >
        {busiest.slice(0, 10).map((one) => (
          <tr key={one.conversation}>
            <th scope="row" class="name" title={one.conversation}><span class="bar" style={{ width: `${(100 * one.messages) / most}%` }} aria-hidden="true" /><span class="bar-text">{nameOf(one)}</span></th>
            <td>{one.kind ?? "not yours to see"}</td>
            <td class="number">{perSecond(one.messages / MINUTE)}</td>
            <td class="number">{bytesPerSecond(one.bytes / MINUTE)}</td>
          </tr>
        ))}
      </Table>
    </Section>
  );
}

function nameOf(one: ConversationActivity): string {
  return one.title !== undefined && one.title !== "" ? one.title : one.name !== undefined ? `#${one.name}` : one.conversation.slice(0, 8);
}

const ACTS: Readonly<Record<string, string>> = {
  sign_in_refused: "Sign-in refused",
  access_denied: "Not allowed",
  limit_reached: "Over a limit",
  connection_refused: "Connection refused",
  transport_refused: "Transport refused",
  protocol_violated: "Protocol broken",
  token_reused: "Token used twice",
};

const REFUSALS_SHOWN = 10;

/** What was refused last. */
export function Refusals({ watch }: { watch: Watch }): JSX.Element {
  const [isWhole, setIsWhole] = useState(false);
  const refusals = watch.activity.value?.latest.refusals ?? [];
  return (
    <Section
      title="Refusals" hint="The latest first; the same of the same user and address are one."
      aside={refusals.length > REFUSALS_SHOWN && <button type="button" class="button small" aria-expanded={isWhole} onClick={() => setIsWhole(!isWhole)}>{isWhole ? "Fewer" : `All ${refusals.length}`}</button>}
    >
      <Table label="Refusals" isEmpty={refusals.length === 0} empty="Nothing was refused since the start." head={["What", "Why", "From", { text: "Last", isNumber: true }, { text: "Times", isNumber: true }]}>
        {(isWhole ? refusals : refusals.slice(0, REFUSALS_SHOWN)).map((refusal) => (
          <tr key={keyOf(refusal)}>
            <th scope="row">{ACTS[refusal.act] ?? refusal.act}</th>
            <td>{refusal.detail ?? ""}</td>
            <td class="mono" title={refusal.user === undefined ? "Nobody was signed in" : `User ${refusal.user}`}>{refusal.remote ?? "not told apart"}{refusal.user !== undefined && <span class="more">{refusal.user.slice(0, 8)}</span>}</td>
            <td class="number">{time(refusal.at)}</td>
            <td class="number">{count(refusal.count)}</td>
          </tr>
        ))}
      </Table>
    </Section>
  );
}

function keyOf(refusal: RefusalActivity): string {
  return [refusal.act, refusal.detail, refusal.remote, refusal.user].join("\n");
}

const KINDS: Readonly<Record<string, string>> = { "fastchat.errors": "Error", "fastchat.closed": "Close", "fastchat.limited": "Limit" };
const REASONS_SHOWN = 12;

/** Of what the errors, the closes and the refusals because of limits are made. */
export function ByReason({ watch }: { watch: Watch }): JSX.Element {
  const reasons = watch.reasons.value;
  return (
    <Section title="Errors, closes and limits" hint="By their code. An orderly close is among them.">
      <Table
        label="Errors, closes and limits" isEmpty={reasons.length === 0} empty="None since the start."
        head={["What", "Code", { text: "Last minute", isNumber: true }, { text: "Since the start", isNumber: true }]}
      >
        {reasons.slice(0, REASONS_SHOWN).map((reason) => (
          <tr key={`${reason.of} ${reason.word}`}>
            <th scope="row">{KINDS[reason.of] ?? reason.of}</th>
            <td>{reason.word}</td>
            <td class="number">{count(reason.lastMinute)}</td>
            <td class="number">{count(reason.total)}</td>
          </tr>
        ))}
      </Table>
    </Section>
  );
}

/** How the work is spread over the shards: one cell each, the fuller the more of it is theirs. */
export function Load({ watch }: { watch: Watch }): JSX.Element {
  const [isTable, setIsTable] = useState(false);
  const shards = watch.activity.value?.shards ?? [];
  const most = Math.max(...shards.map((shard) => shard.share), 0);
  const busiest = shards.reduce<(typeof shards)[number] | undefined>((best, shard) => (shard.share > (best?.share ?? 0) ? shard : best), undefined);
  const waiting = shards.reduce((sum, shard) => sum + shard.queuedBytes, 0);
  return (
    <Section
      title="Load by shard"
      hint={busiest === undefined ? "Nothing is being written." : `Shard ${busiest.shard} has ${percent(busiest.share)} of what is written; ${queued(waiting)}.`}
      aside={<button type="button" class="button small" aria-pressed={isTable} onClick={() => setIsTable(!isTable)}>As a table</button>}
    >
      {isTable ? (
        <Table
          label="Load by shard" isEmpty={shards.length === 0} empty="No loop has answered."
          head={["Shard", { text: "Loop", isNumber: true }, { text: "Messages", isNumber: true }, { text: "Share", isNumber: true }, { text: "Bytes", isNumber: true }, { text: "Queued", isNumber: true }, { text: "Subscriptions", isNumber: true },
            { text: "Lagging", isNumber: true }, { text: "Conversations", isNumber: true }]}
        >
          {shards.map((shard) => (
            <tr key={shard.shard}>
              <th scope="row">{shard.shard}</th>
              <td class="number">{shard.loop}</td>
              <td class="number">{perSecond(shard.messagesPerSecond)}</td>
              <td class="number">{percent(shard.share)}</td>
              <td class="number">{bytesPerSecond(shard.bytesPerSecond)}</td>
              <td class="number">{bytes(shard.queuedBytes)}</td>
              <td class="number">{count(shard.subscriptions)}</td>
              <td class="number">{count(shard.lagging)}</td>
              <td class="number">{count(shard.conversations)}</td>
            </tr>
          ))}
        </Table>
      ) : (
        <div class="shards" aria-hidden="true">
          {shards.map((shard) => (
            <span key={shard.shard} class="shard" title={`Shard ${shard.shard}: ${perSecond(shard.messagesPerSecond)}, ${percent(shard.share)}, ${bytes(shard.queuedBytes)} queued`} data-lagging={shard.lagging > 0}>
              <span style={{ height: `${most > 0 ? (100 * shard.share) / most : 0}%` }} />
            </span>
          ))}
        </div>
      )}
    </Section>
  );
}
