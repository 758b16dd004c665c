import { signal } from "@preact/signals";
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Icon } from "../ui/icons.tsx";
import { problemOf } from "./problems.ts";

/** A question that has to be answered before something is done. */
export interface Question {
  readonly title: string;
  readonly text: string;
  readonly action: string;
  /** What has to be typed first; undefined when a click is enough. */
  readonly typed?: string;
  readonly run: () => Promise<string | void>;
}

const question = signal<Question | undefined>(undefined);

export function ask(asked: Question): void {
  question.value = asked;
}

/** A short word about what was done. */
const said = signal<{ readonly text: string; readonly isProblem: boolean } | undefined>(undefined);
let saidTimer = 0;

export function say(text: string, isProblem = false): void {
  said.value = { text, isProblem };
  clearTimeout(saidTimer);
  saidTimer = window.setTimeout(() => (said.value = undefined), isProblem ? 8000 : 4000);
}

export function Said(): JSX.Element {
  const now = said.value;
  return (
    <div class="said-place" role="status">
      {now !== undefined && <div class={now.isProblem ? "said problem" : "said"}><Icon name={now.isProblem ? "warn" : "check"} small />{now.text}</div>}
    </div>
  );
}

export function Questions(): JSX.Element | null {
  const asked = question.value;
  return asked === undefined ? null : <QuestionDialog key={asked.title} asked={asked} />;
}

function QuestionDialog({ asked }: { asked: Question }): JSX.Element {
  const element = useRef<HTMLDialogElement>(null);
  const [typed, setTyped] = useState("");
  const [problem, setProblem] = useState<string | undefined>(undefined);
  const [isBusy, setIsBusy] = useState(false);
  const isReady = asked.typed === undefined || typed.trim() === asked.typed;

  useEffect(() => {
    const shown = element.current!;
    const before = document.activeElement as HTMLElement | null;
    shown.showModal();
    shown.querySelector<HTMLElement>("[data-autofocus]")?.focus();
    return () => {
      shown.close();
      if (before?.isConnected === true) before.focus({ preventScroll: true });
    };
  }, []);

  async function submit(event: Event): Promise<void> {
    event.preventDefault();
    if (isBusy || !isReady) return;
    setIsBusy(true);
    setProblem(undefined);
    try {
      const done = await asked.run();
      question.value = undefined;
      if (done !== undefined) say(done);
    } catch (error) {
      setProblem(problemOf(error));
      setIsBusy(false);
    }
  }

  const close = (): void => void (question.value = undefined);
  return (
    <dialog ref={element} class="question" aria-labelledby="question-title" onCancel={(event) => { event.preventDefault(); close(); }}>
      <form method="dialog" onSubmit={(event) => void submit(event)}>
        <h2 id="question-title">{asked.title}</h2>
        <p>{asked.text}</p>
        {asked.typed !== undefined && (
          <div class="field">
            <label for="question-typed">Type <strong>{asked.typed}</strong> to go on</label>
            <input id="question-typed" class="input" data-autofocus autocomplete="off" autocapitalize="none" spellcheck={false} value={typed} onInput={(event) => setTyped(event.currentTarget.value)} />
          </div>
        )}
        {problem !== undefined && <div class="notice" role="alert"><Icon name="warn" small /><span>{problem}</span></div>}
        <div class="question-foot">
          <button type="button" class="button" onClick={close} {...(asked.typed === undefined ? { "data-autofocus": true } : {})}>Cancel</button>
          <button type="submit" class="button danger" disabled={!isReady || isBusy}>{isBusy ? "One moment …" : asked.action}</button>
        </div>
      </form>
    </dialog>
  );
}

/** A part of the page with a heading. */
export function Section({ title, hint, aside, children }: { title: string; hint?: ComponentChildren; aside?: ComponentChildren; children: ComponentChildren }): JSX.Element {
  const id = `section-${title.toLowerCase().replaceAll(/[^a-z]+/g, "-")}`;
  return (
    <section class="panel" aria-labelledby={id}>
      <header class="panel-head">
        <h2 id={id}>{title}</h2>
        {aside}
      </header>
      {hint !== undefined && <p class="hint panel-hint">{hint}</p>}
      {children}
    </section>
  );
}

/** A table that may be wider than the page: it is moved by itself, with the keyboard too. */
export function Table({ label, head, children, empty, isEmpty }: { label: string; head: readonly (string | { readonly text: string; readonly isNumber: true })[]; children: ComponentChildren; empty: string; isEmpty: boolean }): JSX.Element {
  if (isEmpty) return <p class="empty">{empty}</p>;
  return (
    <div class="table-place" role="region" aria-label={`${label}, as a table`} tabIndex={0}>
      <table>
        <thead>
          <tr>{head.map((cell) => (typeof cell === "string" ? <th key={cell} scope="col">{cell === "" ? <span class="visually-hidden">Actions</span> : cell}</th> : <th key={cell.text} scope="col" class="number">{cell.text}</th>))}</tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}
