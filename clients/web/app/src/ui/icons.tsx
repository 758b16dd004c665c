import type { JSX } from "preact";

/** Drawings of one line each, 24 by 24. They are decoration: what a button does, its label says. */
const PATHS = {
  add: "M12 5v14M5 12h14",
  at: "M16 12a4 4 0 1 0-8 0 4 4 0 0 0 8 0zM16 8v5a3 3 0 0 0 6 0v-1a10 10 0 1 0-4 8",
  back: "M19 12H5M12 19l-7-7 7-7",
  bell: "M6 9a6 6 0 1 1 12 0c0 6 2.5 7 2.5 7h-17S6 15 6 9M10 20a2.2 2.2 0 0 0 4 0",
  check: "M5 12.5 10 17.5 19.5 7",
  checks: "M2 12.5 7 17.5 16.5 7M12 16l1.5 1.5L23 7",
  clock: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 7v5l3.2 2",
  close: "M6 6l12 12M18 6 6 18",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  device: "M3 5h18v11H3zM8 20h8M12 16v4",
  down: "M12 5v14M6 13l6 6 6-6",
  download: "M12 4v11M7 10.5l5 5 5-5M4 20h16",
  edit: "M4 20h4L19 9l-4-4L4 16zM13.5 6.5l4 4",
  file: "M14 3H6v18h12V7zM14 3v4h4",
  hash: "M9.5 4 7.5 20M16.5 4l-2 16M4.5 9h16M3.5 15h16",
  info: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 11v5M12 7.8v.2",
  keyboard: "M3 6h18v12H3zM7 10h.01M11 10h.01M15 10h.01M8 14h8",
  leave: "M14 4h6v16h-6M10 8l-4 4 4 4M6 12h10",
  link: "M10 14a4 4 0 0 0 6 .4l3-3a4 4 0 0 0-5.6-5.6l-1.2 1.1M14 10a4 4 0 0 0-6-.4l-3 3a4 4 0 0 0 5.6 5.6l1.2-1.1",
  lock: "M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3",
  megaphone: "M4 10v4h3l8 4V6l-8 4zM19 9.5a4 4 0 0 1 0 5M8 14v5h2.5",
  moon: "M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.500 10.500z",
  more: "M5.500 12h.01M12 12h.01M18.500 12h.01",
  offline: "M3 3l18 18M8.500 8.600A8 8 0 0 0 4.500 11M12 7c3 0 5.500 1.200 7.500 4M8.500 14.500A5 5 0 0 1 12 13M12 18h.01",
  paperclip: "M20 11.500 12 19.500a5 5 0 0 1-7-7l8.500-8.500a3.400 3.400 0 0 1 4.800 4.800L9.800 17.300a1.700 1.700 0 0 1-2.400-2.400l7.600-7.600",
  people: "M9 11a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7zM2.500 20a6.500 6.500 0 0 1 13 0M16 4.500a3.500 3.500 0 0 1 0 6M18 14.500a6.500 6.500 0 0 1 3.500 5.500",
  person: "M12 11.500a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.500 20.500a7.500 7.500 0 0 1 15 0",
  pin: "M9 4h6l-.5 6 3 3.500H6.500l3-3.500zM12 13.500V20",
  reply: "M9 6 4 11l5 5M4 11h9a7 7 0 0 1 7 7",
  retry: "M20 12a8 8 0 1 1-2.500-5.800M20 4v4.500h-4.500",
  search: "M10.500 17a6.500 6.500 0 1 0 0-13 6.500 6.500 0 0 0 0 13zM15.500 15.500 20 20",
  send: "M4.500 12 3.500 4.500 21 12 3.500 19.500zM4.500 12H12",
  settings: "M12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM12 2.500v3M12 18.500v3M2.500 12h3M18.500 12h3M5.300 5.300l2.100 2.100M16.600 16.600l2.100 2.100M18.700 5.300l-2.100 2.100M7.400 16.600l-2.100 2.100",
  smile: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM8.500 14a4 4 0 0 0 7 0M9 9.500h.01M15 9.500h.01",
  sun: "M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM12 2.500V4M12 20v1.500M2.500 12H4M20 12h1.500M5.300 5.300l1 1M17.700 17.700l1 1M18.700 5.300l-1 1M6.300 17.700l-1 1",
  thread: "M5 5h14v10h-7l-4 4v-4H5zM9 9h6M9 12h4",
  trash: "M5 7h14M10 7V4.500h4V7M7 7l1 13h8l1-13",
  warn: "M12 4 2.500 20h19zM12 10v4.500M12 17.200v.1",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, small }: { name: IconName; small?: boolean }): JSX.Element {
  return (
    <svg class={small === true ? "icon small" : "icon"} viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} stroke-width={name === "more" ? 2.6 : undefined} />
    </svg>
  );
}
