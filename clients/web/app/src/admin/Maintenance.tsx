import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { BackupStatus, Operator } from "@fastchat/client";
import { Icon } from "../ui/icons.tsx";
import { ask, say, Section } from "./parts.tsx";
import { problemOf } from "./problems.ts";
import { bytes, count, date, percent } from "./units.ts";
import { of, type Watch } from "./Watch.ts";

const INTERVAL = 1000;

/** Backups, and the broker's end. */
export function Maintenance({ operator, watch }: { operator: Operator; watch: Watch }): JSX.Element {
  return (
    <div class="columns">
      <Backups operator={operator} />
      <Drain operator={operator} watch={watch} />
    </div>
  );
}

function Backups({ operator }: { operator: Operator }): JSX.Element {
  const [status, setStatus] = useState<BackupStatus | undefined>(undefined);
  const [problem, setProblem] = useState<string | undefined>(undefined);
  const [directory, setDirectory] = useState("");
  const [keep, setKeep] = useState("7");

  useEffect(() => {
    let timer = 0;
    let isGone = false;
    const look = async (): Promise<void> => {
      try {
        const now = await operator.getBackup();
        if (isGone) return;
        setStatus(now);
      } catch (error) {
        if (!isGone) setProblem(problemOf(error));
      }

      if (!isGone) timer = window.setTimeout(() => void look(), INTERVAL);
    };
    void look();
    return () => {
      isGone = true;
      clearTimeout(timer);
    };
  }, [operator]);

  async function act(work: Promise<BackupStatus>, done: string): Promise<void> {
    setProblem(undefined);
    try {
      setStatus(await work);
      say(done);
    } catch (error) {
      setProblem(problemOf(error));
    }
  }

  return (
    <Section title="Backup" hint="The broker writes it into a directory of its own machine while it goes on; what an earlier one there has is not copied again.">
      {problem !== undefined && <div class="notice" role="alert"><Icon name="warn" small /><span>{problem}</span></div>}
      {status !== undefined && <Backup status={status} />}
      {status?.isRunning === true ? (
        <button type="button" class="button" onClick={() => void act(operator.stopBackup(), "The backup is stopped.")}>Stop it</button>
      ) : (
        <form class="backup" onSubmit={(event) => { event.preventDefault(); void act(operator.beginBackup(directory.trim(), Number(keep)), "The backup has begun."); }}>
          <div class="field">
            <label for="backup-directory">Directory on the broker's machine</label>
            <input id="backup-directory" class="input mono" placeholder="/srv/backup/chat" required pattern="/.*" title="An absolute path" spellcheck={false} autocapitalize="none" value={directory} onInput={(event) => setDirectory(event.currentTarget.value)} />
          </div>
          <div class="field">
            <label for="backup-keep">Backups to keep there; 0 = all</label>
            <input id="backup-keep" class="input" type="number" min={0} max={100000} required value={keep} onInput={(event) => setKeep(event.currentTarget.value)} />
          </div>
          <button type="submit" class="button primary">Back up now</button>
        </form>
      )}
    </Section>
  );
}

function Backup({ status }: { status: BackupStatus }): JSX.Element {
  if (status.run === 0) return <p class="empty">None was taken since the broker was started.</p>;
  if (status.isRunning) {
    const share = status.totalBytes > 0 ? status.doneBytes / status.totalBytes : 0;
    return (
      <div class="progress">
        <progress max={1} value={share} aria-label="The backup that is under way" />
        <span>{bytes(status.doneBytes)} of {bytes(status.totalBytes)} ({percent(share)})</span>
      </div>
    );
  }

  return status.failure !== undefined ? (
    <div class="notice"><Icon name="warn" small /><span>The last one failed: {status.failure}</span></div>
  ) : (
    <p>Backup {status.backup} of {date(status.takenAt)}: {count(status.files)} files, {bytes(status.totalBytes)}, of which {bytes(status.copiedBytes)} were copied.</p>
  );
}

function Drain({ operator, watch }: { operator: Operator; watch: Watch }): JSX.Element {
  const stats = watch.stats.value;
  return (
    <Section title="End the broker" hint="It answers what it has accepted, closes every connection with a word to come back, and its process ends. Nothing that was acknowledged is lost.">
      <p>{stats === undefined ? "" : `${count(of(stats, "connections"))} connections are open.`} Whether it is started again is up to whoever runs its process: this page cannot.</p>
      <button
        type="button" class="button danger"
        onClick={() => ask({
          title: "Drain the broker, and end it?",
          text: "Everybody is disconnected. Nobody can chat until its process is started again, which this page cannot do.",
          action: "Drain and end",
          typed: "drain",
          run: async () => {
            await operator.drainBroker();
            return "The broker drains.";
          },
        })}
      >
        Drain …
      </button>
    </Section>
  );
}
