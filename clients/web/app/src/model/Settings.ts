import { effect, signal } from "@preact/signals";

/** What this browser remembers of how somebody likes it. None of it is secret. */
export type Theme = "system" | "light" | "dark";

const KEY = "fastchat.settings";

interface Stored {
  theme?: Theme;
  notify?: boolean;
}

function read(): Stored {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "{}") as Stored;
  } catch {
    // No storage, or something else's: the defaults.
    return {};
  }
}

const stored = read();
export const theme = signal<Theme>(stored.theme ?? "system");
export const wantsNotifications = signal(stored.notify ?? false);

const prefersDark = matchMedia("(prefers-color-scheme: dark)");
export const isSystemDark = signal(prefersDark.matches);
prefersDark.addEventListener("change", () => (isSystemDark.value = prefersDark.matches));

effect(() => {
  document.documentElement.dataset["theme"] = theme.value === "system" ? (isSystemDark.value ? "dark" : "light") : theme.value;
});

effect(() => {
  try {
    localStorage.setItem(KEY, JSON.stringify({ theme: theme.value, notify: wantsNotifications.value } satisfies Stored));
  } catch {
    // Not remembered, then.
  }
});
