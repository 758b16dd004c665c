import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { UserId } from "@fastchat/client";
import { Icon } from "./icons.tsx";
import { Avatar, Name } from "./people.tsx";
import { shownLine } from "./safeText.ts";
import { useChat } from "./state.ts";

const DELAY = 180;

interface Found {
  readonly user: UserId;
  readonly name: string;
  readonly shown: string;
}

/** Finds people: those with whom the user shares a conversation by the beginning of their name, and anybody by the whole of it. */
export function PeoplePicker({ label, chosen, setChosen, isSingle = false }: { label: string; chosen: readonly UserId[]; setChosen: (chosen: readonly UserId[]) => void; isSingle?: boolean }): JSX.Element {
  const chat = useChat();
  const [query, setQuery] = useState("");
  const [found, setFound] = useState<readonly Found[]>([]);
  const [selected, setSelected] = useState(0);
  const [isSearched, setIsSearched] = useState(false);
  const field = useRef<HTMLInputElement>(null);

  useEffect(() => {
    const wanted = query.trim();
    setIsSearched(false);
    if (wanted === "") {
      setFound([]);
      return;
    }

    let isWanted = true;
    const timer = setTimeout(() => {
      void Promise.all([
        chat.client.searchUsers(wanted, { limit: 10 }).then((page) => page.users, () => []),
        chat.client.resolveNames([wanted]).then(([one]) => one, () => undefined),
      ]).then(([users, exact]) => {
        if (!isWanted) return;
        const all: Found[] = users.map((one) => ({ user: one.user, name: one.name, shown: one.displayName ?? one.name }));
        if (exact !== undefined && !exact.isExternal && !all.some((one) => one.user === exact.user)) all.unshift({ user: exact.user, name: exact.name, shown: exact.name });
        for (const one of all) chat.people.learn(one.user, one.name, one.shown);
        setFound(all.filter((one) => one.user !== chat.self && !chosen.includes(one.user)));
        setSelected(0);
        setIsSearched(true);
      });
    }, DELAY);
    return () => {
      isWanted = false;
      clearTimeout(timer);
    };
  }, [query, chosen]);

  function choose(one: Found): void {
    setQuery("");
    setFound([]);
    setChosen(isSingle ? [one.user] : [...chosen, one.user]);
    field.current?.focus();
  }

  function onKeyDown(event: KeyboardEvent): void {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (found.length === 0) return;
      event.preventDefault();
      setSelected((selected + (event.key === "ArrowDown" ? 1 : -1) + found.length) % found.length);
    } else if (event.key === "Enter" && query.trim() !== "") {
      event.preventDefault();
      // What was found for other letters is not what is meant.
      const one = (event.target as HTMLInputElement).value === query ? found[selected] : undefined;
      if (one !== undefined) choose(one);
    } else if (event.key === "Backspace" && query === "" && chosen.length > 0) {
      setChosen(chosen.slice(0, -1));
    }
  }

  return (
    <div class="field people-picker">
      <label for="people">{label}</label>
      {chosen.length > 0 && (
        <ul class="chips" aria-label="Chosen">
          {chosen.map((user) => (
            <li class="chip" key={user}><Avatar user={user} size="s" /><Name user={user} /><button type="button" class="icon-button small" aria-label="Take away" onClick={() => setChosen(chosen.filter((one) => one !== user))}><Icon name="close" small /></button></li>
          ))}
        </ul>
      )}
      <input
        id="people" ref={field} class="input" type="text" role="combobox" aria-expanded={found.length > 0} aria-controls="people-found" aria-autocomplete="list" aria-activedescendant={found.length > 0 ? `people-found-${selected}` : undefined}
        placeholder="A name" autocomplete="off" autocapitalize="none" spellcheck={false} value={query} onInput={(event) => setQuery(event.currentTarget.value)} onKeyDown={onKeyDown} {...(isSingle ? { "data-autofocus": true } : {})}
      />
      <ul id="people-found" class={found.length > 0 ? "options" : "options none"} role="listbox" aria-label="People">
        {found.map((one, index) => (
          <li key={one.user} id={`people-found-${index}`} role="option" aria-selected={index === selected} onPointerDown={(event) => { event.preventDefault(); choose(one); }} onPointerEnter={() => setSelected(index)}>
            <Avatar user={one.user} size="s" /><bdi class="completion-name">{shownLine(one.shown)}</bdi>{one.shown !== one.name && <span class="hint">@{one.name}</span>}
          </li>
        ))}
      </ul>
      <p class="hint" role="status">{isSearched && found.length === 0 ? "Nobody found. People with whom you share no conversation are found by their whole name." : ""}</p>
    </div>
  );
}
