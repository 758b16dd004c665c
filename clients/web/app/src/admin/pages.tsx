import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Icon } from "../ui/icons.tsx";
import { problemOf } from "./problems.ts";

/** A page of a list; without a next one it is the last. */
interface Page<Key> {
  readonly next: Key | undefined;
}

/** A list that is looked at page by page, or searched. */
export interface Pages<Key, Shown extends Page<Key>> {
  /** What is shown; undefined before the first answer. */
  readonly page: Shown | undefined;
  readonly problem: string | undefined;
  /** What is searched for; empty = nothing. */
  readonly wanted: string;
  /** Counted from 1. */
  readonly number: number;
  find(text: string): void;
  /** Asks for the same page once more. */
  again(): void;
  back(): void;
  forward(): void;
}

/** Asks for the page that is wanted whenever that, or whom it is asked of, changes; an answer that comes too late is not shown. */
export function usePages<Key, Shown extends Page<Key>>(source: unknown, load: (after: Key | undefined, wanted: string, signal: AbortSignal) => Promise<Shown>): Pages<Key, Shown> {
  /** Where the pages begin that were looked at; the last one is shown. */
  const [starts, setStarts] = useState<readonly (Key | undefined)[]>([undefined]);
  const [wanted, setWanted] = useState("");
  const [page, setPage] = useState<Shown | undefined>(undefined);
  const [problem, setProblem] = useState<string | undefined>(undefined);
  const [round, setRound] = useState(0);

  useEffect(() => {
    const gone = new AbortController();
    load(starts.at(-1), wanted, gone.signal).then(
      (loaded) => {
        if (gone.signal.aborted) return;
        setPage(() => loaded);
        setProblem(undefined);
      },
      (error: unknown) => {
        if (!gone.signal.aborted) setProblem(problemOf(error));
      },
    );
    return () => gone.abort();
  }, [source, starts, wanted, round]);

  return {
    page, problem, wanted, number: starts.length,
    find: (text) => {
      setStarts([undefined]);
      setWanted(text);
    },
    again: () => setRound((before) => before + 1),
    back: () => setStarts(starts.slice(0, -1)),
    forward: () => setStarts([...starts, page?.next]),
  };
}

/** The search field of a list, whose label is its placeholder too; beside it what else there is to do. */
export function Find({ id, label, find, children }: { id: string; label: string; find: (text: string) => void; children?: ComponentChildren }): JSX.Element {
  const field = useRef<HTMLInputElement>(null);
  return (
    <form class="find" role="search" onSubmit={(event) => { event.preventDefault(); find(field.current!.value.trim()); }}>
      <label class="visually-hidden" for={id}>{label}</label>
      <input ref={field} id={id} class="input" type="search" placeholder={label} autocapitalize="none" spellcheck={false} onInput={(event) => { if (event.currentTarget.value === "") find(""); }} />
      <button type="submit" class="button"><Icon name="search" small />Find</button>
      {children}
    </form>
  );
}

/** A list: what went wrong, the page once it is there, and the way to the others. */
export function Paged<Key, Shown extends Page<Key>>({ pages, children }: { pages: Pages<Key, Shown>; children: (page: Shown) => ComponentChildren }): JSX.Element {
  const { page, problem } = pages;
  return (
    <>
      {problem !== undefined && <div class="notice" role="alert"><Icon name="warn" small /><span>{problem}</span></div>}
      {page === undefined ? problem === undefined && <p class="empty">Looking …</p> : children(page)}
      <div class="pages">
        <button type="button" class="button small" disabled={pages.number === 1} onClick={pages.back}>Back</button>
        <span class="hint">Page {pages.number}</span>
        <button type="button" class="button small" disabled={page?.next === undefined} onClick={pages.forward}>Next</button>
      </div>
    </>
  );
}
