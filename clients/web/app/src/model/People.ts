import { type Signal, signal } from "@preact/signals";
import type { FastChatClient, UserId } from "@fastchat/client";

/** Somebody as they are shown. */
export interface Person {
  readonly user: UserId;
  /** The registered name; empty while it is not known. */
  readonly name: string;
  /** How they want to be called; the name when they did not say. */
  readonly shown: string;
  /** Of the profile; 0 = none. */
  readonly version: number;
  readonly isKnown: boolean;
}

const KEPT_MAX = 4000;
const BATCH_MAX = 200;

/**
 * Names and profiles, asked about when somebody is shown, many at once: a signal for each person, so that only what shows them is drawn again. Those who may not be seen have their registered name.
 */
export class People {
  readonly #client: FastChatClient;
  readonly #people = new Map<UserId, Signal<Person>>();
  readonly #wanted = new Set<UserId>();
  #timer = 0;
  #isAsking = false;

  constructor(client: FastChatClient) {
    this.#client = client;
  }

  /** Somebody, as far as they are known now; what is missing is asked about. */
  of(user: UserId): Signal<Person> {
    let person = this.#people.get(user);
    if (person === undefined) {
      person = signal<Person>({ user, name: "", shown: "", version: 0, isKnown: false });
      this.#people.set(user, person);
      this.#want(user);
      this.#forget();
    }

    return person;
  }

  /** What to call them; three dots while that is not known. */
  shown(user: UserId): string {
    const person = this.of(user).value;
    return person.shown === "" ? "…" : person.shown;
  }

  /** Something changed: it is asked about again. */
  refresh(user: UserId): void {
    if (this.#people.has(user)) this.#want(user);
  }

  /** Takes what another answer told. */
  learn(user: UserId, name: string, displayName?: string): void {
    const person = this.#people.get(user);
    if (person === undefined) {
      this.#people.set(user, signal<Person>({ user, name, shown: displayName ?? name, version: 0, isKnown: displayName !== undefined }));
      if (displayName === undefined) this.#want(user);
    } else if (!person.peek().isKnown) {
      person.value = { ...person.peek(), name, shown: displayName ?? name };
    }
  }

  /** Everybody who is known by name, for completion. */
  known(): Person[] {
    return [...this.#people.values()].map((person) => person.peek()).filter((person) => person.name !== "");
  }

  #want(user: UserId): void {
    this.#wanted.add(user);
    this.#soon(20);
  }

  #soon(delay: number): void {
    if (this.#timer === 0 && !this.#isAsking) this.#timer = window.setTimeout(() => void this.#ask(), delay);
  }

  async #ask(): Promise<void> {
    this.#timer = 0;
    const users = [...this.#wanted].slice(0, BATCH_MAX);
    if (users.length === 0) return;
    this.#isAsking = true;
    try {
      const profiles = await this.#client.getProfiles(users.map((user) => ({ user })));
      const strangers: UserId[] = [];
      users.forEach((user, index) => {
        const profile = profiles[index];
        this.#wanted.delete(user);
        if (profile === undefined) {
          strangers.push(user);
          return;
        }

        const name = profile.name;
        this.#set({ user, name, shown: profile.displayName ?? name, version: profile.version, isKnown: true });
      });
      if (strangers.length > 0) {
        const infos = await this.#client.resolveUsers(strangers);
        strangers.forEach((user, index) => {
          const name = infos[index]?.name ?? "unknown";
          this.#set({ user, name, shown: name, version: 0, isKnown: true });
        });
      }
    } catch {
      // No connection, or too many questions at once: whoever is still shown is asked about a little later.
      this.#isAsking = false;
      this.#soon(2000);
      return;
    }

    this.#isAsking = false;
    if (this.#wanted.size > 0) this.#soon(20);
  }

  #set(person: Person): void {
    const known = this.#people.get(person.user);
    if (known === undefined) this.#people.set(person.user, signal(person));
    else known.value = person;
  }

  #forget(): void {
    if (this.#people.size <= KEPT_MAX) return;
    // In the order in which they came: those who are still shown are asked about again when they are drawn next.
    for (const user of [...this.#people.keys()].slice(0, KEPT_MAX / 4)) this.#people.delete(user);
  }
}
